/** Slots, batches, shadow mappings and logs in one context. */

import { Arena, Srcu } from "@guestmem/rcu";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OUTCOME, SLOT_FLAG } from "../kernel/layouts.ts";
import { kernelOf } from "../kernel/kernel.ts";
import { commitSteps } from "./batch_commit.ts";
import { putBackLog, takeLog } from "./dirty_log.ts";
import { Memslots, slotsCoreOf } from "./memslots.ts";
import { ShadowMap } from "./shadow_map.ts";
import type { Memslot } from "./slot_table.ts";
import { refused } from "../testdata/refused.ts";

const PAGE = 4096;
const HOST = 2 ** 46;

function setUp(limit = 100, arenaBytes = 1 << 20) {
  const arena = Arena.create({ bytes: arenaBytes });
  const srcu = Srcu.create(arena);
  const slots = Memslots.create(srcu, { limit });
  const reader = srcu.register();
  const look = <T>(body: (table: number) => T): T => {
    const guard = reader.lock();
    try {
      return body(slots.snapshot(guard));
    } finally {
      guard.unlock();
    }
  };
  return { arena, srcu, slots, reader, look };
}

const slot = (id: number, baseGfn: number, pages: number, flags = 0): Memslot => //
({ id, baseGfn, pages, host: HOST + baseGfn * PAGE, flags });

function create(slots: Memslots, ...wanted: Memslot[]): void {
  const batch = slots.batch();
  for (const one of wanted) batch.create(one);
  batch.commit();
}

Deno.test("lookups agree with a linear scan", () => {
  const geometry = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 1, max: 9 })),
    {
      maxLength: 30,
    },
  );
  fc.assert(
    fc.property(geometry, fc.boolean(), (gaps, high) => {
      const { slots, look } = setUp();
      let gfn = high ? 2 ** 51 : 0;
      const wanted = gaps.map(([gap, pages], id): Memslot => {
        const baseGfn = gfn + gap;
        gfn = baseGfn + pages;
        return { id, baseGfn, pages, host: HOST + id * 2 ** 30, flags: 0 };
      });
      create(slots, ...wanted);
      look((table) => {
        for (let at = high ? 2 ** 51 : 0; at <= gfn; at++) {
          const found = wanted.find(({ baseGfn, pages }) => at >= baseGfn && at < baseGfn + pages);
          const host = found ? found.host + (at - found.baseGfn) * PAGE : OUTCOME.NO_SLOT;
          assertEquals(slots.gfnToHost(table, at), host);
          const row = slots.find(table, at);
          assertEquals(row === 0 ? undefined : slots.slot(row), found);
        }
        assertEquals(slots.slots(table), wanted);
      });
    }),
    { seed: 1, numRuns: 50 },
  );
});

Deno.test("a batch creates, deletes, moves and changes flags together", () => {
  const { slots, look } = setUp();
  create(slots, slot(0, 0, 16), slot(1, 32, 16), slot(2, 64, 16));
  const generation = look((table) => slots.generation(table));
  const batch = slots.batch();
  batch.delete(0);
  batch.move(1, 0);
  batch.setFlags(2, SLOT_FLAG.READONLY);
  batch.create(slot(batch.freeId(), 32, 8));
  look((table) => assertEquals(slots.generation(table), generation));
  batch.commit();
  look((table) => {
    assertEquals(slots.slots(table), [
      { ...slot(1, 32, 16), baseGfn: 0 },
      slot(0, 32, 8),
      slot(2, 64, 16, SLOT_FLAG.READONLY),
    ]);
    assert(slots.generation(table) > generation);
    assertEquals(slots.pageCount(table), 40);
    assertEquals(slots.shadowPageCount(table), 64);
  });
});

Deno.test("the shadow MMU is sized by the pages of all slots", () => {
  const { slots, look } = setUp();
  create(slots, slot(0, 0, 100_000), slot(1, 200_000, 50_049));
  look((table) => {
    assertEquals(slots.pageCount(table), 150_049);
    assertEquals(slots.shadowPageCount(table), 3000);
  });
});

Deno.test("host ranges are visited in every slot that has part of them", () => {
  const { slots, look } = setUp();
  const host = HOST;
  create(
    slots,
    { id: 0, baseGfn: 0, pages: 16, host, flags: 0 },
    { id: 1, baseGfn: 100, pages: 4, host: host + 14 * PAGE, flags: 0 },
    { id: 2, baseGfn: 200, pages: 4, host: host + 100 * PAGE, flags: 0 },
  );
  look((table) => {
    const visited: number[][] = [];
    slots.forEachInHostRange(table, host + 13 * PAGE + 5, host + 15 * PAGE, (row, first, last) => {
      visited.push([slots.slot(row).id, first, last]);
    });
    assertEquals(visited, [[0, 13, 15], [1, 100, 101]]);
  });
});

Deno.test("gfns and host addresses are numbers or bigints alike", () => {
  const { slots, look } = setUp();
  const batch = slots.batch();
  batch.create({ id: 0, baseGfn: 16n, pages: 4n, host: BigInt(HOST), flags: 0 });
  batch.move(0, 32n);
  batch.commit();
  look((table) => {
    assertEquals(slots.slots(table), [{ id: 0, baseGfn: 32, pages: 4, host: HOST, flags: 0 }]);
    assertEquals(slots.gfnToHost(table, 33n), HOST + PAGE);
    assertEquals(slots.find(table, 33n), slots.find(table, 33));
    const seen: number[][] = [];
    slots.forEachInHostRange(table, BigInt(HOST), BigInt(HOST + PAGE), (_, first, last) => {
      seen.push([first, last]);
    });
    assertEquals(seen, [[32, 33]]);
    refused("INVALID_ADDRESS", () => slots.gfnToHost(table, -1n));
    refused("INVALID_ADDRESS", () => slots.find(table, 2n ** 53n));
  });
});

Deno.test("an invalid slot is refused, and nothing changes", () => {
  const { arena, slots, look } = setUp(3);
  create(slots, slot(0, 0, 16), slot(1, 32, 16));
  const { liveBlocks } = arena.stats();
  const generation = look((table) => slots.generation(table));
  const refuse = (code: "INVALID_SLOT" | "SLOT_EXISTS", wanted: Partial<Memslot>) => {
    const batch = slots.batch();
    refused(code, () => batch.create({ ...slot(7, 64, 4), ...wanted }));
  };
  refuse("INVALID_SLOT", { id: -1 });
  refuse("INVALID_SLOT", { baseGfn: -1 });
  refuse("INVALID_SLOT", { baseGfn: 1.5 });
  refuse("INVALID_SLOT", { baseGfn: 2 ** 52 });
  refuse("INVALID_SLOT", { baseGfn: 2 ** 52 - 3 });
  refuse("INVALID_SLOT", { pages: 0 });
  refuse("INVALID_SLOT", { host: HOST + 8 });
  refuse("INVALID_SLOT", { host: 2 ** 53 - PAGE });
  refuse("INVALID_SLOT", { flags: SLOT_FLAG.INVALID });
  refuse("SLOT_EXISTS", { id: 1 });
  const batch = slots.batch();
  refused("UNKNOWN_SLOT", () => batch.delete(9));
  refused("UNKNOWN_SLOT", () => batch.move(9, 0));
  refused("UNKNOWN_SLOT", () => batch.setFlags(9, 0));
  refused("INVALID_SLOT", () => batch.move(0, 2 ** 52));
  batch.move(0, 40);
  refused("SLOT_OVERLAP", () => batch.commit());
  batch.move(0, 48);
  batch.create(slot(2, 70, 1));
  batch.create(slot(3, 80, 1));
  refused("TOO_MANY_SLOTS", () => batch.commit());
  batch.delete(3);
  look((table) => assertEquals(slots.generation(table), generation));
  assertEquals(arena.stats().liveBlocks, liveBlocks);
  batch.commit();
  refused("BATCH_CONFLICT", () => batch.commit());
});

Deno.test("two batches of one table: the second is refused whole", () => {
  const { arena, slots, srcu, look } = setUp();
  create(slots, slot(0, 0, 16));
  const [first, second] = [slots.batch(), slots.batch()];
  first.create(slot(1, 32, 16));
  second.delete(0);
  second.create(slot(2, 64, 16, SLOT_FLAG.LOG_DIRTY));
  first.commit();
  srcu.srcuBarrier();
  const { liveBlocks } = arena.stats();
  refused("BATCH_CONFLICT", () => second.commit());
  srcu.srcuBarrier();
  assertEquals(arena.stats().liveBlocks, liveBlocks);
  look((table) => assertEquals(slots.slots(table).map(({ id }) => id), [0, 1]));
});

Deno.test("a commit that would wait inside its own context's section is refused, and undone", () => {
  const { arena, srcu, slots, reader, look } = setUp();
  create(slots, slot(0, 0, 16));
  srcu.srcuBarrier();
  const { liveBlocks } = arena.stats();
  const guard = reader.lock();
  const batch = slots.batch();
  batch.delete(0);
  assertEquals(assertThrows(() => batch.commit(), Error).name, "WaitInSectionError");
  assertEquals(slots.gfnToHost(slots.snapshot(guard), 3), HOST + 3 * PAGE);
  const again = slots.batch();
  again.move(0, 8);
  assertEquals(assertThrows(() => again.commit(), Error).name, "WaitInSectionError");
  const creating = slots.batch();
  creating.create(slot(1, 32, 1)); // waits for nobody
  creating.commit();
  guard.unlock();
  srcu.srcuBarrier();
  look((table) => assertEquals(slots.slots(table).length, 2));
  assertEquals(arena.stats().liveBlocks, liveBlocks);
  refused("BATCH_CONFLICT", () => batch.commit(), "another batch");
});

Deno.test("while a batch is being committed another cannot begin; one whose context died is undone", async () => {
  const { arena, slots, reader, look } = setUp();
  create(slots, slot(0, 0, 16));
  const guard = reader.lock();
  const batch = slots.batch();
  batch.delete(0);
  const committed = batch.commitAsync();
  assertEquals(slots.gfnToHost(slots.snapshot(guard), 3), OUTCOME.RETRY);
  refused("BATCH_CONFLICT", () => slots.batch());
  guard.unlock();
  await committed;
  create(slots, slot(0, 0, 16));

  const other = Arena.attach(arena.handle, { label: "dying" });
  const dying = Memslots.attach(other, slots.handle).batch();
  dying.delete(0);
  dying["prepare"]().publishFirst();
  look((table) => assertEquals(slots.gfnToHost(table, 3), OUTCOME.RETRY));
  refused("BATCH_CONFLICT", () => slots.batch());
  arena.evict(other.token);
  create(slots, slot(1, 32, 1));
  look((table) => assertEquals(slots.gfnToHost(table, 3), HOST + 3 * PAGE));
});

Deno.test("an exhausted arena leaves the slots as they were", () => {
  const { arena, slots, srcu, look } = setUp(10_000, 1 << 18);
  create(slots, slot(0, 0, 16));
  srcu.srcuBarrier();
  const { liveBytes } = arena.stats();
  const batch = slots.batch();
  batch.delete(0);
  batch.create(slot(1, 1000, 64, SLOT_FLAG.LOG_DIRTY));
  batch.create(slot(2, 2 ** 30, 2 ** 24, SLOT_FLAG.LOG_DIRTY));
  assertEquals(assertThrows(() => batch.commit(), Error).name, "ArenaExhaustedError");
  assertEquals(arena.stats().liveBytes, liveBytes);
  look((table) => assertEquals(slots.slots(table), [slot(0, 0, 16)]));
});

Deno.test("every commit frees what it replaces", () => {
  const { arena, slots, srcu } = setUp();
  const level = () => {
    srcu.srcuBarrier();
    return arena.stats().liveBytes;
  };
  const before = level();
  for (let i = 0; i < 20; i++) {
    create(slots, slot(0, 0, 16, SLOT_FLAG.LOG_DIRTY), slot(1, 32, 16));
    const change = slots.batch();
    change.setFlags(0, 0);
    change.setFlags(1, SLOT_FLAG.LOG_DIRTY);
    change.commit();
    const clear = slots.batch();
    for (const { id } of clear.slots()) clear.delete(id);
    clear.commit();
  }
  assertEquals(level(), before);
});

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

Deno.test("the real-mode TSS lies on the third page from the end of slot 0", () => {
  const { slots, look } = setUp();
  assertEquals(look((table) => slots.rmodeTssBase(table)), OUTCOME.NO_SLOT);
  create(slots, slot(3, 0, 16), slot(0, 32, 8));
  assertEquals(look((table) => slots.rmodeTssBase(table)), 37 * PAGE);
  const batch = slots.batch();
  batch.delete(0);
  batch.create(slot(0, 64, 3));
  const steps = commitSteps(batch["prepare"](), undefined);
  steps.next();
  assertEquals(look((table) => slots.rmodeTssBase(table)), OUTCOME.RETRY);
  while (!steps.next().done);
  assertEquals(look((table) => slots.rmodeTssBase(table)), 64 * PAGE);
  const small = slots.batch();
  small.delete(0);
  small.create(slot(0, 0x1000, 2));
  small.commit();
  assertEquals(look((table) => slots.rmodeTssBase(table)), OUTCOME.NO_SLOT);
  const ids = look((table) => [0, 15, 16, 0x1001].map((gfn) => slots.memslotId(table, gfn)));
  assertEquals(ids, [3, 3, OUTCOME.NO_SLOT, 0]);
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

Deno.test("foreign handles are refused", () => {
  const { arena, slots } = setUp();
  const { handle } = slots;
  refused("FOREIGN_HANDLE", () => Memslots.attach(Arena.create({ bytes: 1 << 20 }), handle));
  for (const wrong of [{ ...handle, kind: "x" }, { ...handle, offset: handle.offset + 64 }]) {
    refused("FOREIGN_HANDLE", () => Memslots.attach(arena, wrong as typeof handle));
  }
});
