/** Batches of changes, in one context. */

import { Arena } from "@guestmem/rcu";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { OUTCOME, SLOT_FLAG } from "../kernel/layouts.ts";
import { Memslots } from "./memslots.ts";
import type { Memslot } from "./slot_table.ts";
import { refused } from "../testdata/refused.ts";
import { create, HOST, PAGE, setUp, slot } from "../testdata/small_slots.ts";

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
  arena.evict(other.token, { stopped: true });
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
