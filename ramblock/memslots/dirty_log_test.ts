/** Shadow mappings and dirty logs, in one context. */

import { Arena } from "@guestmem/rcu";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { OUTCOME, SLOT_FLAG } from "../kernel/layouts.ts";
import { kernelOf } from "../kernel/kernel.ts";
import { putBackLog, takeLog } from "./dirty_log.ts";
import { Memslots, slotsCoreOf } from "./memslots.ts";
import { ShadowMap } from "./shadow_map.ts";
import type { Memslot } from "./slot_table.ts";
import { refused } from "../testdata/refused.ts";
import { create, HOST, PAGE, setUp, slot } from "../testdata/small_slots.ts";

Deno.test("shadow mappings: from valid slots, within permissions, counted and flushed", () => {
  const { slots, reader, look } = setUp();
  create(slots, slot(0, 0, 16), slot(1, 32, 16, SLOT_FLAG.READONLY));
  const [a, b] = [ShadowMap.create(slots, { entries: 16 }), ShadowMap.create(slots)];
  const guard = reader.lock();
  assertEquals(a.translate(guard, 3, true), HOST + 3 * PAGE);
  assertEquals(a.translate(guard, 3, false), HOST + 3 * PAGE);
  assertEquals(b.translate(guard, 3, false), HOST + 3 * PAGE);
  assertEquals(b.translate(guard, 33, true), OUTCOME.READ_ONLY);
  assertEquals(b.translate(guard, 33, false), HOST + 33 * PAGE);
  assertEquals(b.translate(guard, 33, true), OUTCOME.READ_ONLY);
  assertEquals(b.translate(guard, 20, false), OUTCOME.NO_SLOT);
  for (const gfn of [-1, NaN, 2 ** 52]) {
    refused("INVALID_ADDRESS", () => a.translate(guard, gfn, false));
  }
  const table = slots.snapshot(guard);
  assertEquals(slots.countMappings(table), 3);
  assertEquals(slots.countMappings(table, slots.find(table, 0)), 2);
  assertEquals(a.translate(guard, 3 + 16, false), OUTCOME.NO_SLOT);
  assertEquals(a.translate(guard, 32 + 3, false), HOST + 35 * PAGE); // takes the entry of gfn 3
  assertEquals(slots.countMappings(table, slots.find(table, 0)), 1);
  assertEquals(slots.flushHostRange(table, HOST + 35 * PAGE, HOST + 36 * PAGE), 1);
  assertEquals(slots.countMappings(table), 2);
  guard.unlock();
  const batch = slots.batch();
  batch.setFlags(0, SLOT_FLAG.READONLY);
  batch.commit();
  const after = reader.lock();
  assertEquals(slots.countMappings(slots.snapshot(after)), 2, "mappings to read stay");
  assertEquals(b.translate(after, 3, false), HOST + 3 * PAGE);
  assertEquals(b.translate(after, 3, true), OUTCOME.READ_ONLY);
  after.unlock();
  b.release();
  look((table) => assertEquals(slots.countMappings(table), 0));
  assertEquals(ShadowMap.create(slots).offset, b.offset, "a released map is used again");
  refused("INVALID_LENGTH", () => ShadowMap.create(slots, { entries: 3 }));
});

Deno.test("the dirty log: marked by writes, taken once, handed over when it ends", () => {
  const { slots, reader, look } = setUp();
  create(slots, slot(0, 0, 200, SLOT_FLAG.LOG_DIRTY), slot(1, 300, 8));
  const shadow = ShadowMap.create(slots);
  const write = (...gfns: number[]) => {
    const guard = reader.lock();
    for (const gfn of gfns) shadow.translate(guard, gfn, true);
    guard.unlock();
  };
  const guard = reader.lock();
  shadow.translate(guard, 7, false);
  guard.unlock();
  assertEquals([...slots.collectDirtyLog(0)], []);
  write(7, 0, 199, 7, 300);
  assertEquals([...slots.collectDirtyLog(0)], [0, 7, 199]);
  assertEquals([...slots.collectDirtyLog(0)], []);
  write(7);
  look((table) => {
    assertEquals(slots.markDirty(table, 64), true);
    assertEquals(slots.markDirty(table, 300), false);
    assertEquals(slots.markDirty(table, 999), false);
  });
  const ended: [Memslot, number[]][] = [];
  slots.onLogEnd = (slot, dirty) => ended.push([slot, [...dirty]]);
  const batch = slots.batch();
  batch.move(0, 1000);
  batch.commit();
  assertEquals(ended, [], "the log goes with the slot");
  write(1003);
  const moved = { ...slot(0, 0, 200, SLOT_FLAG.LOG_DIRTY), baseGfn: 1000 };
  const off = slots.batch();
  off.setFlags(0, 0);
  off.commit();
  assertEquals(ended, [[moved, [1003, 1007, 1064]]]);
  refused("NO_DIRTY_LOG", () => slots.collectDirtyLog(0));
  refused("UNKNOWN_SLOT", () => slots.collectDirtyLog(5));
});

Deno.test("a slot that is made anew over the same memory keeps its log; over other memory it does not", () => {
  const { slots, look } = setUp();
  create(slots, slot(0, 0, 16, SLOT_FLAG.LOG_DIRTY), slot(1, 32, 16, SLOT_FLAG.LOG_DIRTY));
  look((table) => [3, 35].forEach((gfn) => slots.markDirty(table, gfn)));
  const batch = slots.batch();
  batch.delete(0);
  batch.delete(1);
  batch.create({ ...slot(0, 0, 16, SLOT_FLAG.LOG_DIRTY), baseGfn: 64 });
  batch.create({ ...slot(1, 96, 16, SLOT_FLAG.LOG_DIRTY) });
  batch.commit();
  assertEquals([...slots.collectDirtyLog(0)], [67]);
  assertEquals([...slots.collectDirtyLog(1)], []);
});

Deno.test("a log that is put back is found where its slot has moved in the meantime", async () => {
  const { slots, srcu, reader, look } = setUp();
  create(slots, slot(0, 0, 16, SLOT_FLAG.LOG_DIRTY));
  look((table) => slots.markDirty(table, 5));
  const core = slotsCoreOf(slots);
  const taken = takeLog(core, 0);
  const batch = slots.batch();
  batch.move(0, 100);
  batch.commit();
  putBackLog(core, taken);
  assertEquals([...slots.collectDirtyLog(0)], [105]);
  reader.unregister();
  await srcu.srcuBarrierAsync();
});

Deno.test("starting a log write-protects the mappings of its slot, and leaves those of others", () => {
  const { arena, slots, reader } = setUp();
  // Numbers that share a bit, and slots whose pages share shadow pages and entries.
  const wanted = [slot(1, 0, 40), slot(65, 40, 40), slot(2, 80, 200)];
  create(slots, ...wanted);
  const shadows = [ShadowMap.create(slots, { entries: 256 }), ShadowMap.create(slots)];
  const kernel = kernelOf(arena.memory);
  const gfns = Array.from({ length: 280 }, (_, gfn) => gfn);
  const writable = () => {
    const seen = shadows.map(({ offset }) =>
      gfns.filter((gfn) => kernel.shadowLookup(offset, gfn, 1) >= 0)
    );
    return seen;
  };
  const guard = reader.lock();
  for (const shadow of shadows) for (const gfn of gfns) shadow.translate(guard, gfn, true);
  guard.unlock();
  const before = writable();
  assertEquals(before[1], gfns);
  const start = slots.batch();
  start.setFlags(65, SLOT_FLAG.LOG_DIRTY);
  start.commit();
  const outside = (gfn: number) => gfn < 40 || gfn >= 80;
  assertEquals(writable(), before.map((seen) => seen.filter(outside)));
  const again = reader.lock();
  shadows[0]!.translate(again, 50, true);
  again.unlock();
  assertEquals([...slots.collectDirtyLog(65)], [50]);
});

Deno.test("a log keeps its pages if its wait is refused", async () => {
  const { slots, reader } = setUp();
  create(slots, slot(0, 0, 16, SLOT_FLAG.LOG_DIRTY));
  const guard = reader.lock();
  slots.markDirty(slots.snapshot(guard), 5);
  assertThrows(() => slots.collectDirtyLog(0));
  guard.unlock();
  assertEquals([...await slots.collectDirtyLogAsync(0)], [5]);
});

Deno.test("a log keeps its pages if an asynchronous wait fails, unless it has ended since", async () => {
  for (const ends of [false, true]) {
    const { arena, srcu, slots, reader } = setUp();
    create(slots, slot(0, 0, 16, SLOT_FLAG.LOG_DIRTY));
    const guard = reader.lock();
    slots.markDirty(slots.snapshot(guard), 5);
    srcu.synchronizeSrcuAsync = () => Promise.reject(new Error("planted"));
    const collected = slots.collectDirtyLogAsync(0);
    if (ends) {
      const batch = slots.batch();
      batch.setFlags(0, 0);
      guard.unlock();
      batch.commit();
    }
    await assertRejects(() => collected, Error, "planted");
    if (ends) refused("NO_DIRTY_LOG", () => slots.collectDirtyLog(0));
    else {
      guard.unlock();
      assertEquals([...slots.collectDirtyLog(0)], [5]);
    }
    arena.checkHeap();
  }
});

Deno.test("a map is not taken over from a context that attached during the call", () => {
  const { arena, slots } = setUp();
  const gone = Arena.attach(arena.handle);
  const { offset } = ShadowMap.create(Memslots.attach(gone, slots.handle));
  gone.close();
  const newcomer = Arena.attach(arena.handle);
  const contexts = arena.contexts.bind(arena);
  let stolen: ShadowMap | undefined;
  arena.contexts = () => {
    const before = contexts().filter(({ token }) => token !== newcomer.token);
    // A context that is not in the list takes over the map now.
    stolen ??= ShadowMap.create(Memslots.attach(newcomer, slots.handle));
    return before;
  };
  const own = ShadowMap.create(slots);
  assertEquals(stolen?.offset, offset);
  assert(own.offset !== offset);
});
