import { Schedule } from "#tools/testing/schedule.ts";
import { spinUntil, until } from "#tools/testing/until.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ENTERED, READY, STOP } from "../testdata/shared_words.ts";
import {
  Arena,
  DeferredBudgetError,
  RcuDomain,
  RcuPointer,
  Srcu,
  type StallReport,
  WaitInSectionError,
} from "../mod.ts";
import type { Setup } from "./srcu_test_worker.ts";

const WORKER = import.meta.resolve("./srcu_test_worker.ts");

function create(options: { stallMs?: number; maxDeferred?: number; debug?: boolean } = {}) {
  const { debug = false, ...rest } = options;
  const arena = Arena.create({ bytes: 1 << 20, debug });
  const srcu = Srcu.create(arena, { label: "memslots", ...rest });
  const attach = () => {
    const own = Arena.attach(arena.handle);
    return { arena: own, srcu: Srcu.attach(own, srcu.handle) };
  };
  const schedule = Schedule.create();
  const words = new Int32Array(new SharedArrayBuffer(32));
  const data = {
    arena: arena.handle,
    domain: srcu.handle,
    schedule: schedule.buffer,
    words: words.buffer as SharedArrayBuffer,
  };
  return { arena, srcu, attach, schedule, words, data };
}

Deno.test("a grace period waits for the sections that were open, and for no younger one", () => {
  const { srcu, attach } = create();
  const reader = attach().srcu.register();
  const open = reader.lock();
  const cookie = srcu.startPoll();
  assert(!srcu.poll(cookie));
  const younger = reader.lock();
  open.unlock();
  assert(srcu.poll(cookie));
  assert(!srcu.poll(srcu.startPoll()));
  younger.unlock();
  assert(srcu.poll(srcu.startPoll()));
});

Deno.test("sections of each index are waited for, grace period after grace period", () => {
  const { srcu, attach } = create();
  const reader = attach().srcu.register();
  let open = reader.lock();
  for (let round = 1; round <= 8; round++) {
    const cookie = srcu.startPoll();
    assert(!srcu.poll(cookie), `round ${round}`);
    const next = reader.lock(); // takes the other index, since the domain has flipped
    open.unlock();
    assert(srcu.poll(cookie));
    assertEquals(srcu.stats().gracePeriods, round);
    open = next;
  }
  open.unlock();
});

Deno.test("domains do not wait for one another, nor for RCU sections", () => {
  const { arena, srcu, attach } = create();
  const other = Srcu.create(arena);
  const open = srcu.register().lock();
  other.synchronizeSrcu();
  const context = attach();
  const rcu = RcuDomain.attach(context.arena, RcuDomain.create(arena).handle).register().lock();
  assert(other.poll(other.startPoll()));
  assert(!srcu.poll(srcu.startPoll()));
  rcu.unlock();
  open.unlock();
});

Deno.test("a blocking wait is refused while any section of the domain is open in this context", () => {
  const { arena, srcu, attach } = create({ maxDeferred: 1 });
  const reader = srcu.register({ label: "me" });
  const [first, second] = [reader.lock(), reader.lock()];
  const again = Srcu.attach(arena, srcu.handle); // another object, the same context
  let ran = 0;
  srcu.callSrcu(() => ran++);
  const refuse = () => {
    for (const own of [srcu, again]) {
      assertThrows(() => own.synchronizeSrcu(), WaitInSectionError, '"me"');
      assertThrows(() => own.synchronizeSrcu({ hurry: true }), WaitInSectionError);
      assertThrows(() => own.srcuBarrier(), WaitInSectionError);
    }
  };
  refuse();
  first.unlock();
  refuse();
  const helper = attach().srcu; // whose sections do not matter
  const foreign = helper.register().lock();
  second.unlock();
  foreign.unlock();
  srcu.synchronizeSrcu();
  srcu.srcuBarrier();
  assertEquals(ran, 1);
});

Deno.test("past the budget a deferral inside an own section is refused instead of waiting for itself", () => {
  const { arena, srcu } = create({ maxDeferred: 2 });
  const guard = srcu.register().lock();
  srcu.deferFree(arena.allocate(16));
  srcu.deferFree(arena.allocate(16));
  const block = arena.allocate(16);
  assertThrows(() => srcu.deferFree(block), DeferredBudgetError, "section");
  assertEquals(srcu.stats().deferredBlocks, 2);
  guard.unlock();
  srcu.deferFree(block);
  srcu.srcuBarrier();
  assertEquals(srcu.stats().deferredBlocks, 0);
});

Deno.test("a blocking wait for an SRCU domain is refused inside an RCU section", () => {
  const { arena, srcu } = create();
  const guard = RcuDomain.create(arena).register().lock();
  assertThrows(() => srcu.synchronizeSrcu(), WaitInSectionError);
  guard.unlock();
  srcu.synchronizeSrcu();
});

Deno.test("an asynchronous wait lets this context's own sections end", async () => {
  const { srcu } = create();
  const reader = srcu.register();
  const log: string[] = [];
  const task = async () => {
    const guard = reader.lock();
    for (let turn = 0; turn < 5; turn++) await new Promise((next) => setTimeout(next, 0));
    log.push("task");
    guard.unlock();
  };
  const tasks = [task(), task(), task()];
  await srcu.synchronizeSrcuAsync().then(() => log.push("over"));
  assertEquals(log, ["task", "task", "task", "over"]);
  await Promise.all(tasks);
});

Deno.test("an aborted wait rejects, and the others end", async () => {
  const { srcu } = create({ stallMs: 600_000 });
  const reader = srcu.register();
  const guard = reader.lock();
  const controller = new AbortController();
  const aborted = srcu.synchronizeSrcuAsync({ signal: controller.signal });
  const other = srcu.synchronizeSrcuAsync();
  await until(() => reader.hurry, "the reader is asked to hurry");
  controller.abort(new RangeError("planted"));
  await assertRejects(() => aborted, RangeError, "planted");
  guard.unlock();
  await other;
});

Deno.test("functions run in order after the sections that were open, in a barrier and by the loop", async () => {
  const { srcu, attach } = create();
  const guard = attach().srcu.register().lock();
  const log: (string | number)[] = [];
  for (let index = 0; index < 3; index++) srcu.callSrcu(() => log.push(index));
  const over = srcu.srcuBarrierAsync();
  await new Promise((next) => setTimeout(next, 0));
  log.push("leaves");
  guard.unlock();
  await over;
  assertEquals(log, ["leaves", 0, 1, 2]);
  for (let index = 3; index < 6; index++) srcu.callSrcu(() => log.push(index));
  srcu.srcuBarrier();
  assertEquals(log.slice(4), [3, 4, 5]);
});

Deno.test("contexts that ask while a section is open share two grace periods at most", () => {
  const { srcu, attach } = create();
  const guard = attach().srcu.register().lock();
  const askers = Array.from({ length: 20 }, () => attach().srcu);
  const cookies = askers.map((asker) => {
    const cookie = asker.startPoll();
    asker.poll(cookie);
    return cookie;
  });
  guard.unlock();
  assert(askers.every((asker, index) => asker.poll(cookies[index]!)));
  assert(srcu.stats().gracePeriods <= 2);
});

for (const hurry of [false, true]) {
  Deno.test(`a section across awaits is waited for and told to hurry (at once: ${hurry})`, () =>
    withWorkers(async (workers) => {
      const { data } = create();
      const [reader, updater] = [0, 1].map(() => workers.spawn<Setup>(WORKER, data));
      const held = reader!.call("holdUntilHurried");
      assertEquals(await updater!.call("synchronize", hurry), 1);
      await held;
    }));
}

Deno.test("a wait that hurries asks the readers of the grace period already in progress", () =>
  withWorkers(async (workers) => {
    const { srcu, schedule, data } = create({ stallMs: 600_000 });
    const reader = workers.spawn<Setup>(WORKER, data);
    const held = reader.call("holdUntilHurried");
    schedule.awaitStep(1);
    assert(!srcu.poll(srcu.startPoll())); // in progress, and nobody has asked the reader to hurry
    srcu.synchronizeSrcu({ hurry: true });
    await held;
  }));

Deno.test("blocks outlive the sections of tasks that interleave in two workers", () =>
  withWorkers(async (workers) => {
    const { arena, srcu, words, data } = create({ debug: true });
    const fresh = (value: number): number => {
      const block = arena.allocate(16);
      arena.u32[block / 4] = value;
      arena.u32[block / 4 + 1] = ~value;
      return block;
    };
    const pointer = RcuPointer.create(arena, fresh(0));
    const readers = [0, 1].map(() => workers.spawn<Setup>(WORKER, data));
    const wrong = readers.map((reader) => reader.call("readAcrossAwaits", pointer.offset, 6));
    await until(() => Atomics.load(words, READY) === 2, "both readers have begun");
    for (let round = 1; round <= 150; round++) {
      const old = pointer.exchange(fresh(round));
      if (round % 3 === 0) srcu.deferFree(old);
      else {
        if (round % 3 === 1) srcu.synchronizeSrcu();
        else await srcu.synchronizeSrcuAsync();
        arena.free(old); // poisoned at once
      }
    }
    Atomics.store(words, STOP, 1);
    assertEquals(await Promise.all(wrong), [0, 0]);
    srcu.srcuBarrier();
    arena.checkHeap();
  }));

Deno.test("no wake-up is lost between two updaters and a reader that loops", () =>
  withWorkers(async (workers) => {
    const { srcu, words, data } = create({ stallMs: 600_000 });
    const [reader, updater] = [0, 1].map(() => workers.spawn<Setup>(WORKER, data));
    const read = reader!.call("leaveWhileUpdatersWait");
    spinUntil(() => Atomics.load(words, ENTERED) > 0, "the reader has begun");
    const updated = updater!.call("synchronizeHurried", 150);
    for (let round = 0; round < 150; round++) srcu.synchronizeSrcu({ hurry: true });
    await updated;
    Atomics.store(words, STOP, 1);
    await read;
  }));

for (const how of ["close", "throw"] as const) {
  Deno.test(`a worker that dies (${how}) in a section is reported and evicted (RCU-G10)`, () =>
    withWorkers(async (workers) => {
      const { arena, srcu, data } = create({ stallMs: 1 });
      const worker = workers.spawn<Setup>(WORKER, data);
      const token = await worker.call("token");
      worker.expectDeath();
      worker.call("dieInside", how);
      await worker.ended;
      const reports: StallReport[] = [];
      srcu.onStall = (report) => {
        reports.push(report);
        arena.evict(report.reader.token, { stopped: true });
      };
      srcu.synchronizeSrcu();
      assertEquals(reports.length, 1);
      const { reader, worker: label, domain } = reports[0]!;
      assertEquals([reader.label, reader.token, reader.flavour], ["task runner", token, "srcu"]);
      assertEquals([label, domain], ["srcu worker", "memslots"]);
      assertEquals(srcu.stats().readers, 0);
    }));
}

Deno.test("the sections of an expelled reader hold up grace periods until they end, and it enters none", () =>
  withWorkers(async (workers) => {
    const { arena, srcu, schedule, data } = create({ stallMs: 600_000 });
    const worker = workers.spawn<Setup>(WORKER, data);
    const token = await worker.call("token");
    const survived = worker.call("surviveExpulsion");
    schedule.awaitStep(1);
    const cookie = srcu.startPoll();
    assert(!srcu.poll(cookie));
    arena.expel(token);
    assert(!srcu.poll(cookie));
    schedule.reach(2);
    assertEquals(await survived, ["EvictedError", "nothing", "nothing", "EvictedError"]);
    srcu.synchronizeSrcu();
    assertEquals(srcu.stats().readers, 0);
  }));
