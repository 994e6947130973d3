import { Barrier } from "#tools/testing/schedule.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Arena, coreOf } from "../arena/arena.ts";
import type { Setup } from "./mutex_test_worker.ts";
import { RcuDomain } from "../domain/rcu_domain.ts";
import { Srcu } from "../srcu/srcu.ts";
import { RcuError } from "../errors/rcu_error.ts";
import { EvictedError, WaitInSectionError } from "../errors/specific_errors.ts";
import { Mutex } from "./mutex.ts";

const WORKER = import.meta.resolve("./mutex_test_worker.ts");

/** Two contexts of one arena, each with its own view of one mutex. */
function twoContexts(): { arena: Arena; other: Arena; mine: Mutex; theirs: Mutex } {
  const arena = Arena.create({ bytes: 1 << 20, label: "main" });
  const other = Arena.attach(arena.handle, { label: "other" });
  const mine = Mutex.create(arena);
  return { arena, other, mine, theirs: Mutex.attach(other, mine.offset) };
}

Deno.test("one holder at a time; only the holder releases; no recursion", async () => {
  const { arena, mine, theirs } = twoContexts();
  assertEquals(mine.lock(), "acquired");
  assertEquals(theirs.owner, arena.token);
  assertEquals(theirs.tryLock(), undefined);
  assertEquals(assertThrows(() => theirs.unlock(), RcuError).details["owner"], arena.token);
  assertEquals(assertThrows(() => theirs.consistent(), RcuError).code, "NOT_LOCK_OWNER");
  assertEquals(assertThrows(() => mine.lock(), RcuError).code, "DEADLOCK");
  assertEquals(assertThrows(() => mine.tryLock(), RcuError).code, "DEADLOCK");
  assertEquals((await assertRejects(() => mine.lockAsync(), RcuError)).code, "DEADLOCK");
  mine.unlock();
  assertEquals(assertThrows(() => mine.unlock(), RcuError).details["owner"], 0);
  assertEquals(theirs.tryLock(), "acquired");
  theirs.unlock();
});

Deno.test("attaching where no mutex lies is refused", () => {
  const { arena, mine } = twoContexts();
  const block = arena.allocate(16);
  for (const offset of [block, 0, 8, -16, NaN, 2 ** 40, mine.offset + 16]) {
    assertEquals(assertThrows(() => Mutex.attach(arena, offset), RcuError).code, "FOREIGN_HANDLE");
  }
});

Deno.test("a mutex that is held cannot be destroyed; a destroyed one cannot be attached to", () => {
  const { arena, mine, theirs } = twoContexts();
  const before = arena.stats().liveBlocks;
  for (const holder of [mine, theirs]) {
    holder.lock();
    assertEquals(assertThrows(() => mine.destroy(), RcuError).code, "MUTEX_BUSY");
    holder.unlock();
  }
  mine.destroy();
  assertEquals(arena.stats().liveBlocks, before - 1);
  assertEquals(
    assertThrows(() => Mutex.attach(arena, mine.offset), RcuError).code,
    "FOREIGN_HANDLE",
  );
});

Deno.test("workers count under the mutex and lose no count, blocking or not", () =>
  withWorkers(async (workers) => {
    const { arena, mine } = twoContexts();
    const counter = arena.allocate(16);
    const barrier = Barrier.create(3);
    const spawn = (label: string) =>
      workers.spawn<Setup>(WORKER, { arena: arena.handle, label, barrier: barrier.buffer });
    const [a, b, c] = [spawn("a"), spawn("b"), spawn("c")];
    await Promise.all([
      a.call("count", mine.offset, counter, 20_000),
      b.call("count", mine.offset, counter, 20_000),
      c.call("countAsync", mine.offset, counter, 500),
    ]);
    assertEquals(arena.u32[counter / 4], 40_500);
    assertEquals(mine.owner, 0);
  }));

Deno.test("a dead holder's mutex is passed on by eviction; each holder learns of it until consistent", () =>
  withWorkers(async (workers) => {
    const { arena, mine, theirs } = twoContexts();
    const worker = workers.spawn<Setup>(WORKER, { arena: arena.handle, label: "mortal" });
    const waiter = workers.spawn<Setup>(WORKER, { arena: arena.handle, label: "waiter" });
    const token = await worker.call("token");
    await waiter.call("token");
    worker.expectDeath();
    worker.call("dieHolding", mine.offset).catch(() => {});
    await worker.ended;
    assertEquals(mine.tryLock(), undefined);
    const waiting = waiter.call("lock", mine.offset);
    const asynchronous = theirs.lockAsync().then((outcome) => {
      theirs.unlock();
      return outcome;
    });
    arena.evict(token, { stopped: true });
    assertEquals(await waiting, "owner-died");
    assertEquals(await asynchronous, "owner-died");
    assertEquals(mine.lock(), "owner-died");
    mine.consistent();
    mine.unlock();
    assertEquals(theirs.lock(), "acquired");
    theirs.unlock();
  }));

Deno.test("an eviction passes on what nobody waits for", async () => {
  const { arena, other, mine, theirs } = twoContexts();
  theirs.lock();
  assertEquals((await arena.evict(other.token, { stopped: true })).members["mutexes"], 1);
  assertEquals(mine.owner, 0);
  assertEquals(mine.lock(), "owner-died");
});

Deno.test("a holder found dead by the next one to ask is replaced without an eviction walk", () => {
  const { arena, other, mine, theirs } = twoContexts();
  theirs.lock();
  coreOf(arena).contexts.declareDead(other.token); // the evicting context died right after this step
  assertEquals(mine.lock(), "owner-died");
  assertThrows(() => theirs.unlock(), EvictedError);
  assertThrows(() => theirs.lock(), EvictedError);
  mine.unlock();
});

Deno.test("a context that is evicted while it waits does not get the lock", async () => {
  const { arena, other, mine, theirs } = twoContexts();
  mine.lock();
  const waiting = theirs.lockAsync();
  arena.evict(other.token, { stopped: true });
  mine.unlock();
  await assertRejects(() => waiting, EvictedError);
  assertEquals(mine.owner, 0);
});

/** Runs with waits that never time out, so that a wake-up that is lost is not made up for. */
async function withoutTimeouts(body: () => Promise<void>): Promise<void> {
  type WaitAsync = (view: Int32Array, index: number, value: number) => unknown;
  const host = Atomics as unknown as { waitAsync: WaitAsync };
  const { waitAsync } = host;
  host.waitAsync = (view, index, value) => waitAsync(view, index, value);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stuck = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("a wake-up was lost")), 20_000);
  });
  try {
    await Promise.race([body(), stuck]);
  } finally {
    clearTimeout(timer);
    host.waitAsync = waitAsync;
  }
}

Deno.test("an aborted wait rejects with the reason and swallows no wake-up", () =>
  withoutTimeouts(async () => {
    const { arena, mine, theirs } = twoContexts();
    const third = Mutex.attach(Arena.attach(arena.handle), mine.offset);
    const signal = AbortSignal.abort(new Error("before"));
    await assertRejects(() => mine.lockAsync({ signal }), Error, "before");
    assertEquals(mine.owner, 0);
    mine.lock();
    const controller = new AbortController();
    const aborted = theirs.lockAsync({ signal: controller.signal });
    const patient = third.lockAsync();
    // The release wakes the first waiter, which is aborted before it runs: the turn must pass on.
    mine.unlock();
    controller.abort(new Error("stop"));
    await assertRejects(() => aborted, Error, "stop");
    assertEquals(await patient, "acquired");
    third.unlock();
    assertEquals(mine.owner, 0);
  }));

Deno.test("an abort while the lock is held leaves the other waiters waiting", async () => {
  const { arena, mine, theirs } = twoContexts();
  const third = Mutex.attach(Arena.attach(arena.handle), mine.offset);
  mine.lock();
  const controller = new AbortController();
  const aborted = theirs.lockAsync({ signal: controller.signal });
  const patient = third.lockAsync();
  controller.abort(new Error("stop"));
  await assertRejects(() => aborted, Error, "stop");
  assertEquals(third.owner, arena.token);
  mine.unlock();
  assertEquals(await patient, "acquired");
  third.unlock();
});

Deno.test("without Atomics.waitAsync the wait polls", async () => {
  const { mine, theirs } = twoContexts();
  const host = Atomics as { waitAsync?: unknown };
  const { waitAsync } = host;
  delete host.waitAsync;
  try {
    mine.lock();
    const waiting = theirs.lockAsync();
    mine.unlock();
    assertEquals(await waiting, "acquired");
    theirs.unlock();
  } finally {
    host.waitAsync = waitAsync;
  }
  assert(host.waitAsync !== undefined);
});

Deno.test("a context inside a section may try a lock, but not wait for it", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const reader = RcuDomain.create(arena).register();
  const mutex = Mutex.create(arena);
  const guard = reader.lock();
  assertThrows(() => mutex.lock(), WaitInSectionError, "wait for a mutex");
  assertEquals(mutex.owner, 0);
  assertEquals(mutex.tryLock(), "acquired");
  guard.unlock();
  mutex.unlock();
  assertEquals(mutex.lock(), "acquired");
});

Deno.test("an idle QSBR reader holds up nobody while its context awaits a mutex", async () => {
  const { arena, other, mine, theirs } = twoContexts();
  const domain = RcuDomain.create(arena);
  const reader = RcuDomain.attach(other, domain.handle).register({ flavour: "qsbr" });
  mine.lock();
  const locked = theirs.lockAsync();
  // Asked for after the other context has gone to wait; the holder of the mutex waits for it.
  const cookie = domain.startPoll();
  assert(domain.poll(cookie));
  mine.unlock();
  await locked;
  theirs.unlock();
  assert(reader.isOnline);
});

Deno.test("the block of a mutex or a domain is freed by its own destroy alone", () => {
  const { arena, mine } = twoContexts();
  const domain = RcuDomain.create(arena);
  const srcu = Srcu.create(arena);
  for (const member of [mine, domain, srcu]) {
    const live = arena.stats().liveBlocks;
    const frees = [() => arena.free(member.offset), () => domain.deferFree(member.offset)];
    for (const free of frees) {
      assertEquals(assertThrows(free, RcuError).code, "MEMBER_BLOCK");
    }
    assertEquals(arena.stats().liveBlocks, live);
    member.destroy();
  }
  // The next block in the place of a member is an ordinary one, whatever the member left there.
  for (let round = 0; round < 8; round++) arena.free(arena.allocate(16, 16, false));
});
