/** Expelling and evicting workers that live, and workers that have died. */

import { Schedule } from "#tools/testing/schedule.ts";
import { rounds, until } from "#tools/testing/until.ts";
import { type TestWorkers, withWorkers } from "#tools/testing/workers.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Arena, EvictedError, type EvictionReport, Mutex, RcuDomain, RcuError } from "../mod.ts";
import { registerElsewhere } from "../testdata/elsewhere.ts";
import { coreOf } from "./arena.ts";
import { withMembers } from "./register_member.ts";
import type { Setup } from "./evict_test_worker.ts";

const WORKER = import.meta.resolve("./evict_test_worker.ts");

function create() {
  const arena = Arena.create({ bytes: 1 << 20, label: "main" });
  const domain = RcuDomain.create(arena, { stallMs: Infinity });
  const mutex = Mutex.create(arena);
  const schedule = Schedule.create();
  const spawn = (workers: TestWorkers) =>
    workers.spawn<Setup>(WORKER, {
      arena: arena.handle,
      domain: domain.handle,
      schedule: schedule.buffer,
    });
  /** Waits until the lock of a worker was seen held. */
  const certified = (token: number) =>
    until(
      () => arena.contexts().some((each) => each.token === token && each.certified),
      "certified",
    );
  return { arena, domain, mutex, schedule, spawn, certified };
}

/** Evicts a context once the platform says that it is dead. */
async function evictOnceDead(arena: Arena, token: number): Promise<EvictionReport> {
  for (const _ of rounds(1, () => false, "the platform says that the worker is dead")) {
    try {
      return await arena.evict(token);
    } catch (error) {
      assertEquals((error as RcuError).code, "STILL_RUNNING");
      await new Promise((next) => setTimeout(next, 1));
    }
  }
  throw new Error("rounds end by an error");
}

Deno.test("a worker that runs is expelled and not evicted; it learns of it", () =>
  withWorkers(async (workers) => {
    const { arena, spawn, certified } = create();
    const worker = spawn(workers);
    const token = await worker.call("token");
    await certified(token);
    const error = await assertRejects(() => arena.evict(token), RcuError, "still running");
    assertEquals(error.code, "STILL_RUNNING");
    assertEquals(error.details, { contexts: [{ token, label: "mortal" }] });
    assertEquals(arena.contexts().at(-1)?.state, "expelled");
    assertEquals(await worker.call("allocate"), "EvictedError");
  }));

for (const how of ["close", "throw"] as const) {
  Deno.test(`a worker that has died (${how}) is evicted by its lock, and leaves nothing behind`, () =>
    withWorkers(async (workers) => {
      const { arena, domain, mutex, spawn, certified } = create();
      const before = arena.stats().liveBlocks;
      const worker = spawn(workers);
      const token = await worker.call("token");
      await certified(token);
      worker.expectDeath();
      worker.call("dieHolding", mutex.offset, how).catch(() => {});
      await worker.ended;
      const report = await evictOnceDead(arena, token);
      assertEquals(report.context, { token, label: "mortal" });
      assertEquals([report.wasAttached, report.lostFunctions], [true, 1]);
      assertEquals(report.members, { readers: 1, mutexes: 1 });
      assertEquals(domain.stats().readers, 0);
      assertEquals(mutex.lock(), "owner-died");
      // Nobody else defers anything, or asks for a barrier.
      await until(() => domain.stats().deferredBlocks === 0, "the blocks it deferred are freed");
      assertEquals(arena.stats().liveBlocks, before);
      assertEquals(arena.contexts().at(-1)?.state, "gone");
      assert(!(await arena.evict(token)).wasAttached, "evicted twice");
    }));
}

Deno.test({
  name: "a watch evicts whoever dies, and leaves nothing pending when it ends",
  sanitizeOps: true,
  sanitizeResources: true,
  fn: () =>
    withWorkers(async (workers) => {
      const { arena, domain, mutex, spawn, certified } = create();
      const [mortal, other] = [spawn(workers), spawn(workers)];
      const token = await mortal.call("token");
      await other.call("token");
      const controller = new AbortController();
      const evicted: number[] = [];
      const watch = arena.watch({
        signal: controller.signal,
        intervalMs: 1,
        onEvicted: ({ context }) => evicted.push(context.token),
      });
      await certified(token);
      mortal.expectDeath();
      mortal.call("dieHolding", mutex.offset, "close").catch(() => {});
      await until(() => evicted.length > 0, "the dead worker is evicted");
      assertEquals(evicted, [token]);
      assertEquals(await other.call("allocate"), "nothing");
      controller.abort();
      await watch;
      await mortal.ended;
      // The blocks that it had deferred are freed by timers of this context.
      await until(() => domain.stats().deferredBlocks === 0, "its blocks are freed");
      for (let turn = 0; turn < 5; turn++) await new Promise((next) => setTimeout(next, 0));
    }),
});

Deno.test("what onEvicted throws ends the watch", () =>
  withWorkers(async (workers) => {
    const { arena, mutex, spawn, certified } = create();
    const mortal = spawn(workers);
    const token = await mortal.call("token");
    await certified(token);
    mortal.expectDeath();
    mortal.call("dieHolding", mutex.offset, "close").catch(() => {});
    const { signal } = new AbortController();
    const onEvicted = () => {
      throw new RangeError("planted");
    };
    await assertRejects(() => arena.watch({ signal, onEvicted, intervalMs: 1 }), RangeError);
    await mortal.ended;
  }));

Deno.test("of several contexts none is repaired while one of them runs", () =>
  withWorkers(async (workers) => {
    const { arena, domain, mutex, spawn, certified } = create();
    const [mortal, running] = [spawn(workers), spawn(workers)];
    const tokens = [await mortal.call("token"), await running.call("token")];
    for (const token of tokens) await certified(token);
    mortal.expectDeath();
    mortal.call("dieHolding", mutex.offset, "close").catch(() => {});
    await mortal.ended;
    const error = await assertRejects(() => arena.evict(tokens), RcuError);
    assertEquals(error.code, "STILL_RUNNING");
    assertEquals(domain.stats().readers, 1);
    await running.stop();
    for (const _ of rounds(1, () => false, "the platform says that both are dead")) {
      const reports = await arena.evict(tokens).catch((error) => {
        assertEquals(error.code, "STILL_RUNNING");
      });
      if (!reports) continue;
      assertEquals(reports.map(({ context }) => context.token), tokens);
      break;
    }
    assertEquals(domain.stats().readers, 0);
  }));

Deno.test("a context whose lock nobody has seen held is evicted by the caller's word alone", async () => {
  const { arena, domain } = create();
  const other = Arena.attach(arena.handle, { label: "of this thread" }); // which takes no lock
  RcuDomain.attach(other, domain.handle).register();
  const error = await assertRejects(() => arena.evict(other.token), RcuError, "never seen held");
  assertEquals(error.code, "NOT_CERTIFIED");
  assertThrows(() => other.allocate(16), EvictedError);
  assertEquals(domain.stats().readers, 1);
  const evicted = arena.evict(other.token, { stopped: true });
  assertEquals(domain.stats().readers, 0, "the repair is done when the call returns");
  assert((await evicted).wasAttached);
});

Deno.test("without locks the caller vouches, and there is nothing to watch", async () => {
  const { arena } = create();
  const other = Arena.attach(arena.handle);
  const { locks } = navigator;
  Object.defineProperty(navigator, "locks", { value: undefined, configurable: true });
  try {
    const error = await assertRejects(() => arena.evict(other.token), RcuError, "no locks");
    assertEquals(error.code, "NOT_CERTIFIED");
    const { signal } = new AbortController();
    await assertRejects(() => arena.watch({ signal }), RcuError, "no locks");
  } finally {
    Object.defineProperty(navigator, "locks", { value: locks, configurable: true });
  }
});

Deno.test("a lock that is taken for the first time while it is asked for is no certificate", async () => {
  const { arena } = create();
  const other = Arena.attach(arena.handle);
  const { locks } = navigator;
  const request = (_name: string, _options: unknown, granted: (lock: object | null) => unknown) => {
    const answer = granted({}); // it is free
    coreOf(arena).contexts.certify(other.token); // and its context takes it
    return Promise.resolve(answer);
  };
  Object.defineProperty(navigator, "locks", { value: { request }, configurable: true });
  try {
    const error = await assertRejects(() => arena.evict(other.token), RcuError);
    assertEquals(error.code, "NOT_CERTIFIED");
  } finally {
    Object.defineProperty(navigator, "locks", { value: locks, configurable: true });
  }
});

for (const wait of ["lock", "synchronize", "lockAsync", "synchronizeAsync"] as const) {
  Deno.test(`an expulsion ends the wait of its context: ${wait}`, () =>
    withWorkers(async (workers) => {
      const { arena, domain, mutex, schedule, spawn } = create();
      const worker = spawn(workers);
      const token = await worker.call("token");
      mutex.lock();
      const open = registerElsewhere(domain).lock();
      const ended = worker.call(wait, mutex.offset);
      if (!wait.endsWith("Async")) schedule.awaitStep(1);
      else await worker.call("token"); // it has begun, since calls begin in their order
      arena.expel(token);
      assertEquals(await ended, "EvictedError");
      open.unlock();
      mutex.unlock();
    }));
}

Deno.test("asynchronous waits end when the worker that they wait for has died, though nobody watches", () =>
  withWorkers(async (workers) => {
    const { domain, mutex, spawn, certified } = create();
    const mortal = spawn(workers);
    const token = await mortal.call("token");
    await certified(token);
    mortal.expectDeath();
    mortal.call("dieHolding", mutex.offset, "close").catch(() => {});
    await mortal.ended;
    const waits = [mutex.lockAsync(), domain.synchronizeAsync()];
    assertEquals(await Promise.all(waits), ["owner-died", undefined]);
  }));

Deno.test("an evictor that dies half-way leaves a context that anybody may evict", async () => {
  const { arena, domain, mutex } = create();
  const dead = Arena.attach(arena.handle);
  const reader = registerElsewhere(RcuDomain.attach(dead, domain.handle));
  reader.lock();
  Mutex.attach(dead, mutex.offset).lock();
  const { contexts } = coreOf(arena);
  assert(contexts.declareDead(dead.token)); // and dies
  assertEquals(arena.contexts().at(-1)?.state, "dead");
  domain.synchronize(); // whoever waits releases the slot
  assertEquals(mutex.lock(), "owner-died"); // and takes the lock over
  const report = await arena.evict(dead.token); // without a certificate, and without a word
  assert(report.wasAttached);
  assertEquals(arena.contexts().at(-1)?.state, "gone");
});

Deno.test("a context that closes its arena gives its slots and mutexes up", () => {
  const { arena, domain, mutex } = create();
  const other = Arena.attach(arena.handle);
  const reader = RcuDomain.attach(other, domain.handle).register();
  Mutex.attach(other, mutex.offset).lock();
  other.close();
  assertEquals(domain.stats().readers, 0);
  assertThrows(() => reader.lock(), RcuError, "unregistered");
  assertEquals(mutex.lock(), "owner-died");
  other.close(); // a second time does nothing
});

Deno.test("a member's block stays for as long as somebody pins the members", () => {
  const { arena } = create();
  const other = Arena.attach(arena.handle);
  const mutex = Mutex.create(arena);
  const before = arena.stats().liveBlocks;
  withMembers(other, () => {
    mutex.destroy();
    assertEquals(arena.stats().liveBlocks, before);
    assertThrows(() => Mutex.attach(other, mutex.offset), RcuError, "type");
    assertEquals(assertThrows(() => arena.free(mutex.offset), RcuError).code, "MEMBER_BLOCK");
  });
  assertEquals(arena.stats().liveBlocks, before - 1);
});

Deno.test("a context that dies with the members pinned holds up no block", async () => {
  const { arena } = create();
  const dead = Arena.attach(arena.handle);
  coreOf(dead).contexts.pin(1); // and dies
  const mutex = Mutex.create(arena);
  const before = arena.stats().liveBlocks;
  mutex.destroy();
  assertEquals(arena.stats().liveBlocks, before);
  await arena.evict(dead.token, { stopped: true });
  assertEquals(arena.stats().liveBlocks, before - 1);
});

Deno.test("an arena holds any number of members", () => {
  const { arena } = create();
  const before = arena.stats().liveBlocks;
  const mutexes = Array.from({ length: 100 }, () => Mutex.create(arena));
  for (const mutex of mutexes) {
    mutex.lock();
    mutex.unlock();
  }
  for (const mutex of mutexes) mutex.destroy();
  const chunks = arena.stats().liveBlocks - before;
  assertEquals(chunks, 3); // 31 entries each, the first chunk in the header
});
