import { Schedule } from "#tools/testing/schedule.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Setup } from "./grace_period_test_worker.ts";
import { RAN } from "../testdata/shared_words.ts";
import { Arena, DeferredBudgetError, EvictedError, RcuDomain } from "../mod.ts";

const WORKER = import.meta.resolve("./grace_period_test_worker.ts");

function create(options: { maxDeferred?: number } = {}) {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena, options);
  const attach = () => {
    const own = Arena.attach(arena.handle);
    return { arena: own, domain: RcuDomain.attach(own, domain.handle) };
  };
  const schedule = Schedule.create();
  const words = new Int32Array(new SharedArrayBuffer(32));
  const data = {
    arena: arena.handle,
    domain: domain.handle,
    schedule: schedule.buffer,
    words: words.buffer as SharedArrayBuffer,
  };
  return { arena, domain, attach, schedule, words, data };
}

Deno.test("functions run in the order in which they were queued, from the event loop (RCU-G5)", async () => {
  const { domain } = create();
  const ran: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  for (let index = 0; index < 1000; index++) domain.callRcu(() => ran.push(index));
  domain.callRcu(resolve);
  assertEquals(ran, [], "none runs inside the call that queues it");
  await promise;
  assertEquals(ran, Array.from({ length: 1000 }, (_, index) => index));
});

Deno.test("functions run in their order inside barrier", () => {
  const { domain } = create();
  const ran: number[] = [];
  for (let index = 0; index < 1000; index++) domain.callRcu(() => ran.push(index));
  assertEquals(domain.stats().queuedFunctions, 1000);
  domain.barrier();
  assertEquals(ran, Array.from({ length: 1000 }, (_, index) => index));
  assertEquals(domain.stats().queuedFunctions, 0);
});

Deno.test("a function runs after the sections that were open when it was queued (RCU-G1)", async () => {
  const { domain, attach } = create();
  const open = attach().domain.register().lock();
  const log: string[] = [];
  domain.callRcu(() => log.push("ran"));
  const over = domain.barrierAsync();
  for (let turn = 0; turn < 5; turn++) await new Promise((next) => setTimeout(next, 0));
  log.push("leaves");
  open.unlock();
  await over;
  assertEquals(log, ["leaves", "ran"]);
});

Deno.test("a function does not run with an older one whose grace period is over before its own", async () => {
  const { domain, attach } = create();
  const [early, late] = [attach().domain.register(), attach().domain.register()];
  const open = early.lock();
  const ran: string[] = [];
  const first = Promise.withResolvers<void>();
  domain.callRcu(() => {
    ran.push("first");
    first.resolve();
  });
  assert(!domain.poll(domain.startPoll())); // the first one's grace period is in progress
  const younger = late.lock();
  domain.callRcu(() => ran.push("second"));
  open.unlock();
  await first.promise;
  for (let turn = 0; turn < 5; turn++) await new Promise((next) => setTimeout(next, 0));
  assertEquals(ran, ["first"]);
  younger.unlock();
  domain.barrier();
  assertEquals(ran, ["first", "second"]);
});

Deno.test("functions keep their order when some run by the event loop and some in a barrier", async () => {
  const { domain, attach } = create();
  const ran: number[] = [];
  const reader = attach().domain.register();
  let open = reader.lock();
  for (let index = 0; index < 300; index++) {
    domain.callRcu(() => ran.push(index));
    if (index % 100 !== 50) continue;
    open.unlock();
    if (index === 150) domain.barrier();
    await new Promise((next) => setTimeout(next, 0));
    open = reader.lock();
  }
  open.unlock();
  await domain.barrierAsync();
  assertEquals(ran, Array.from({ length: 300 }, (_, index) => index));
});

Deno.test("a function may queue again; a barrier runs what was queued before it", () => {
  const { domain } = create();
  const ran: string[] = [];
  domain.callRcu(() => {
    ran.push("first");
    domain.callRcu(() => ran.push("second"));
  });
  domain.barrier();
  assertEquals(ran, ["first"]);
  domain.barrier();
  assertEquals(ran, ["first", "second"]);
});

Deno.test("a function may call barrier", () => {
  const { domain } = create();
  const ran: number[] = [];
  domain.callRcu(() => {
    ran.push(1);
    domain.barrier();
    ran.push(3);
  });
  domain.callRcu(() => ran.push(2));
  domain.barrier();
  assertEquals(ran, [1, 2, 3]);
});

Deno.test("what a function throws is an uncaught error, and the others run", async () => {
  const { domain } = create();
  const uncaught: unknown[] = [];
  const listener = (event: ErrorEvent) => {
    event.preventDefault();
    uncaught.push(event.error);
  };
  addEventListener("error", listener);
  try {
    const planted = new RangeError("planted");
    let ran = 0;
    domain.callRcu(() => {
      throw planted;
    });
    domain.callRcu(() => ran++);
    domain.barrier();
    assertEquals(ran, 1);
    await new Promise((next) => setTimeout(next, 0));
    assertEquals(uncaught, [planted]);
  } finally {
    removeEventListener("error", listener);
  }
});

Deno.test("a full queue refuses the next function, and takes it once one has run", () => {
  const { domain } = create({ maxDeferred: 3 });
  let ran = 0;
  for (let index = 0; index < 3; index++) domain.callRcu(() => ran++);
  const error = assertThrows(() => domain.callRcu(() => ran++), DeferredBudgetError, "event loop");
  assertEquals([error.details.what, error.details.count], ["a function", 3]);
  assertEquals(domain.stats().queuedFunctions, 3);
  domain.barrier();
  assertEquals(ran, 3);
  domain.callRcu(() => ran++);
  domain.barrier();
  assertEquals(ran, 4);
});

Deno.test("a barrier does not wait for another context's event loop (RCU-G5)", () =>
  withWorkers(async (workers) => {
    const { domain, schedule, words, data } = create();
    const worker = workers.spawn<Setup>(WORKER, data);
    const stays = worker.call("queueAndStay");
    schedule.awaitStep(1); // its function is queued, and it does not return to its loop
    let own = 0;
    domain.callRcu(() => own++);
    domain.barrier();
    await domain.barrierAsync();
    assertEquals([own, Atomics.load(words, RAN)], [1, 0]);
    schedule.reach(2);
    await stays;
    await worker.call("untilRan");
    assertEquals(Atomics.load(words, RAN), 1);
  }));

Deno.test("the functions of a context that dies are lost and counted", () =>
  withWorkers(async (workers) => {
    const { arena, domain, attach, data } = create();
    const open = attach().domain.register().lock(); // so that none can have run
    const worker = workers.spawn<Setup>(WORKER, data);
    const token = await worker.call("token");
    worker.expectDeath();
    worker.call("queueAndDie", 7);
    await worker.ended;
    assertEquals((await arena.evict(token, { stopped: true })).lostFunctions, 7);
    open.unlock();
    domain.barrier();
  }));

Deno.test("functions that have run do not count as lost", async () => {
  const { arena, attach } = create();
  const evicted = attach();
  for (let index = 0; index < 5; index++) evicted.domain.callRcu(() => {});
  evicted.domain.barrier();
  evicted.domain.callRcu(() => {});
  assertEquals((await arena.evict(evicted.arena.token, { stopped: true })).lostFunctions, 1);
});

Deno.test("a context that was evicted runs and queues no functions", async () => {
  const { arena, attach } = create();
  const evicted = attach();
  let ran = 0;
  evicted.domain.callRcu(() => ran++);
  assertEquals((await arena.evict(evicted.arena.token, { stopped: true })).lostFunctions, 1);
  assertThrows(() => evicted.domain.callRcu(() => ran++), EvictedError);
  assertThrows(() => evicted.domain.barrier(), EvictedError);
  await assertRejects(() => evicted.domain.barrierAsync(), EvictedError);
  for (let turn = 0; turn < 5; turn++) await new Promise((next) => setTimeout(next, 0));
  assertEquals(ran, 0);
});

Deno.test("a context may close its arena while functions and blocks wait", async () => {
  const { arena, domain, attach } = create();
  const closing = attach();
  const before = arena.stats().liveBlocks;
  closing.domain.callRcu(() => {});
  closing.domain.deferFree(closing.arena.allocate(16));
  closing.arena.close();
  await new Promise((next) => setTimeout(next, 0)); // an uncaught error here would fail the test
  domain.barrier();
  assertEquals(arena.stats().liveBlocks, before);
  assert(domain.stats().deferredBlocks === 0);
});
