/** Batches under vCPUs in other workers, with their order forced and raced. */

import { Schedule } from "#tools/testing/schedule.ts";
import { rounds } from "#tools/testing/until.ts";
import { type TestWorkers, withWorkers } from "#tools/testing/workers.ts";
import { Arena, Srcu } from "@guestmem/rcu";
import { assert, assertEquals } from "@std/assert";
import { type Commit, commitSteps } from "./batch_commit.ts";
import { OUTCOME, SLOT_FLAG } from "../kernel/layouts.ts";
import { Memslots } from "./memslots.ts";
import type { Setup } from "./memslots_test_worker.ts";

const WORKER = import.meta.resolve("./memslots_test_worker.ts");
const PAGE = 4096;

function setUp(workers: TestWorkers, count: number) {
  const arena = Arena.create({ bytes: 1 << 22 });
  const srcu = Srcu.create(arena);
  const slots = Memslots.create(srcu);
  const schedule = Schedule.create();
  const progress = new Int32Array(new SharedArrayBuffer(64));
  const data = {
    arena: arena.handle,
    slots: slots.handle,
    schedule: schedule.buffer,
    progress: progress.buffer,
  };
  const spawned = Array.from({ length: count }, () => workers.spawn<Setup>(WORKER, data));
  const create = (id: number, baseGfn: number, pages: number, flags = 0) => {
    return { id, baseGfn, pages, host: baseGfn * PAGE, flags };
  };
  const boot = slots.batch();
  boot.create(create(0, 16, 16));
  boot.commit();
  return { arena, srcu, slots, schedule, progress, spawned, create };
}

/**
 * A vCPU instantiates a mapping from a snapshot that it took before a slot is deleted. `remove` gets
 * the commit, and decides when the vCPU goes on. Returns the vCPU's translation afterwards.
 */
async function deleteUnder(
  remove: (commit: Commit, letGo: () => void, wait: () => void) => void,
): Promise<number> {
  let after = NaN;
  await withWorkers(async (workers) => {
    const { srcu, slots, schedule, spawned: [vcpu] } = setUp(workers, 1);
    const late = vcpu!.call("instantiateLate", 20);
    schedule.awaitStep(1);
    const batch = slots.batch();
    batch.delete(0);
    const letGo = () => {
      schedule.reach(2);
      schedule.awaitStep(3);
    };
    remove(batch["prepare"](), letGo, () => srcu.synchronizeSrcu());
    assertEquals(await late, 20 * PAGE, "the old snapshot is valid until its section ends");
    after = await vcpu!.call("translate", 20, true);
  });
  return after;
}

Deno.test("deletion: a mapping that is instantiated from the old table is flushed", async () => {
  const after = await deleteUnder((commit, letGo, wait) => {
    const steps = commitSteps(commit, undefined);
    assertEquals(steps.next().done, false);
    letGo();
    wait();
    assertEquals(steps.next().done, false);
    wait();
    assertEquals(steps.next().done, true);
  });
  assertEquals(after, OUTCOME.NO_SLOT);
});

Deno.test("planted: a flush before the grace period of INVALID leaves a mapping behind", async () => {
  const after = await deleteUnder((commit, letGo, wait) => {
    commit.publishFirst();
    commit.flush();
    letGo();
    wait();
    commit.publishLast();
    wait();
    commit.freeOld(true);
  });
  assertEquals(after, 20 * PAGE);
});

Deno.test("planted: a deletion in one step leaves a mapping behind", async () => {
  const after = await deleteUnder((commit, letGo, wait) => {
    commit.publishFirst();
    commit.publishLast(); // no section can have seen INVALID in between
    commit.flush();
    letGo();
    wait();
    commit.freeOld(true);
  });
  assertEquals(after, 20 * PAGE);
});

for (const once of [true, false]) {
  const title = once
    ? "a reader of one snapshot sees one table"
    : "planted: a snapshot read twice gives a base that no table had";
  Deno.test(title, () =>
    withWorkers(async (workers) => {
      const { srcu, slots, schedule, spawned: [vcpu], create } = setUp(workers, 1);
      const base = vcpu!.call("tssBase", once);
      schedule.awaitStep(1);
      const batch = slots.batch();
      batch.delete(0);
      batch.create(create(0, 64, 128));
      const commit = batch["prepare"]();
      commit.publishFirst();
      commit.publishLast();
      schedule.reach(2);
      const possible = [(16 + 16 - 3) * PAGE, (64 + 128 - 3) * PAGE];
      assertEquals(possible.includes(await base), once);
      srcu.synchronizeSrcu();
      commit.freeOld(true);
    }));
}

Deno.test("creating 1,000 slots in one batch waits for no reader and costs one grace period", () =>
  withWorkers(async (workers) => {
    const { srcu, slots, schedule, spawned: [vcpu], create } = setUp(workers, 1);
    const held = vcpu!.call("hold");
    schedule.awaitStep(1);
    const before = srcu.stats().gracePeriods;
    const batch = slots.batch();
    for (let id = 1; id <= 1000; id++) batch.create(create(id, id * 100, 50));
    batch.commit(); // would not return if it waited for the section that is open
    assertEquals(srcu.stats().gracePeriods, before);
    schedule.reach(2);
    await held;
    await srcu.srcuBarrierAsync();
    assert(srcu.stats().gracePeriods - before <= 1);
    assertEquals(await vcpu!.call("translate", 70_049, true), 70_049 * PAGE);
  }));

Deno.test("torture: splits, resizes and moves show no hole to vCPUs", () =>
  withWorkers(async (workers) => {
    const { slots, schedule, progress, spawned, create } = setUp(workers, 2);
    const gfns = [16, 20, 24, 31]; // always mapped, by whichever slots
    const races = spawned.map((worker, me) => worker.call("race", me, gfns));
    const layouts = [
      [create(0, 16, 16)],
      [create(0, 16, 8), create(1, 24, 8)],
      [create(1, 10, 30)],
      [create(2, 16, 4), create(1, 20, 100), create(0, 8, 8)],
      [create(0, 0, 21), create(5, 21, 11)],
    ];
    const enough = () => progress.subarray(0, 2).every((mapped) => mapped > 1000);
    for (const round of rounds(200, enough, "both vCPUs found mapped pages")) {
      const batch = slots.batch();
      for (const { id } of batch.slots()) batch.delete(id);
      for (const slot of layouts[round % layouts.length]!) batch.create(slot);
      if (round % 2 === 0) batch.commit({ hurry: true });
      else await batch.commitAsync();
    }
    schedule.reach(1);
    for (const race of races) {
      const { holes, wrong } = await race;
      assertEquals([holes, wrong], [0, 0]);
    }
  }));

Deno.test("planted: a split in two batches is a hole", () =>
  withWorkers(async (workers) => {
    const { slots, spawned: [vcpu], create } = setUp(workers, 1);
    const first = slots.batch();
    first.delete(0);
    first.commit();
    assertEquals(await vcpu!.call("translate", 20, true), OUTCOME.NO_SLOT);
    const second = slots.batch();
    second.create(create(0, 16, 8));
    second.create(create(1, 24, 8));
    second.commit();
    assertEquals(await vcpu!.call("translate", 20, true), 20 * PAGE);
  }));

Deno.test("a vCPU that meets INVALID retries, and succeeds after the batch", () =>
  withWorkers(async (workers) => {
    const { srcu, slots, spawned: [vcpu], create } = setUp(workers, 1);
    const batch = slots.batch();
    batch.delete(0);
    batch.create(create(0, 16, 8));
    batch.create(create(1, 24, 8));
    const steps = commitSteps(batch["prepare"](), undefined);
    steps.next();
    assertEquals(await vcpu!.call("translate", 30, true), OUTCOME.RETRY);
    assertEquals(await vcpu!.call("translate", 40, true), OUTCOME.NO_SLOT);
    while (!steps.next().done) srcu.synchronizeSrcu();
    assertEquals(await vcpu!.call("translate", 30, true), 30 * PAGE);
  }));

Deno.test("torture: a write through a logged mapping is in a log or was copied after it", () =>
  withWorkers(async (workers) => {
    const { slots, schedule, progress, spawned } = setUp(workers, 2);
    const batch = slots.batch();
    batch.setFlags(0, SLOT_FLAG.LOG_DIRTY);
    batch.commit();
    const memory = new SharedArrayBuffer(64 * 4);
    const words = new Int32Array(memory);
    const sets = [[16, 18, 20], [17, 19, 31]];
    const races = spawned.map((worker, me) => worker.call("writeLogged", me, memory, sets[me]!));
    const copies = new Map<number, number>();
    let logged = 0;
    const collect = () => {
      for (const gfn of slots.collectDirtyLog(0)) {
        copies.set(gfn, words[gfn]!);
        logged++;
      }
    };
    const enough = () => logged > 12 && progress.subarray(0, 2).every((value) => value >= 3000);
    for (const _ of rounds(50, enough, "pages are logged again after they are collected")) {
      collect();
    }
    schedule.reach(1);
    const last = await Promise.all(races);
    collect();
    sets.forEach((gfns, me) => {
      assertEquals(gfns.map((gfn) => copies.get(gfn)), last[me]);
    });
  }));
