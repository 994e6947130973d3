import { Schedule } from "#tools/testing/schedule.ts";
import { spinUntil, until } from "#tools/testing/until.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Setup } from "./grace_period_test_worker.ts";
import { READY, STOP } from "../testdata/shared_words.ts";
import {
  Arena,
  ArenaExhaustedError,
  DeferredBudgetError,
  EvictedError,
  RcuDomain,
  RcuError,
  RcuPointer,
} from "../mod.ts";

const WORKER = import.meta.resolve("./grace_period_test_worker.ts");

function create(
  options: { maxDeferred?: number; maxDeferredBytes?: number; bytes?: number; debug?: boolean } =
    {},
) {
  const { bytes = 1 << 20, debug = false, ...rest } = options;
  const arena = Arena.create({ bytes, debug });
  const domain = RcuDomain.create(arena, rest);
  const attach = () => {
    const own = Arena.attach(arena.handle);
    return { arena: own, domain: RcuDomain.attach(own, domain.handle) };
  };
  const words = new Int32Array(new SharedArrayBuffer(32));
  const data = {
    arena: arena.handle,
    domain: domain.handle,
    schedule: Schedule.create().buffer,
    words: words.buffer as SharedArrayBuffer,
  };
  return { arena, domain, attach, words, data };
}

Deno.test("a block stays until the sections that were open have ended, and is then freed", () => {
  const { arena, domain, attach } = create();
  const open = attach().domain.register().lock();
  const block = arena.allocate(64);
  arena.u32[block / 4] = 42;
  const before = arena.stats().liveBlocks;
  domain.deferFree(block);
  const other = arena.allocate(64);
  assert(other !== block, "not reused yet");
  assertEquals(arena.u32[block / 4], 42);
  assertEquals(domain.stats().deferredBlocks, 1);
  assert(domain.stats().deferredBytes >= 64);
  open.unlock();
  domain.barrier();
  assertEquals(domain.stats().deferredBlocks, 0);
  assertEquals(domain.stats().deferredBytes, 0);
  assertEquals(arena.stats().liveBlocks, before); // one more, one less
  assertEquals(assertThrows(() => arena.free(block), RcuError).code, "DOUBLE_FREE");
});

Deno.test("the event loop frees what was deferred", async () => {
  const { arena, domain } = create();
  const before = arena.stats().liveBlocks;
  for (let index = 0; index < 500; index++) domain.deferFree(arena.allocate(32));
  await until(() => domain.stats().deferredBlocks === 0, "all blocks are freed");
  assertEquals(arena.stats().liveBlocks, before);
});

Deno.test("a block deferred after a batch was started waits for a later grace period", () => {
  const { arena, domain, attach } = create();
  const [early, late] = [attach().domain.register(), attach().domain.register()];
  const open = early.lock();
  domain.deferFree(arena.allocate(16));
  const cookie = domain.startPoll();
  assert(!domain.poll(cookie)); // the first block's grace period is in progress
  const younger = late.lock();
  const block = arena.allocate(16);
  domain.deferFree(block);
  open.unlock();
  assert(domain.poll(cookie));
  // Frees whatever is ready; the second block may be in use by the younger section.
  for (let index = 0; index < 200; index++) domain.deferFree(arena.allocate(16));
  assertThrows(() => arena.free(block), RcuError, "deferred");
  younger.unlock();
  domain.barrier();
  assertEquals(domain.stats().deferredBlocks, 0);
});

Deno.test("deferring what is no live block is refused and changes nothing", () => {
  const { arena, domain } = create();
  const block = arena.allocate(16);
  assertEquals(assertThrows(() => domain.deferFree(0), RcuError).code, "INVALID_POINTER");
  assertEquals(assertThrows(() => domain.deferFree(block + 4), RcuError).code, "INVALID_POINTER");
  assertEquals(domain.stats().deferredBlocks, 0);
  domain.deferFree(block);
  assertEquals(assertThrows(() => domain.deferFree(block), RcuError).code, "DOUBLE_FREE");
  assertEquals(assertThrows(() => arena.free(block), RcuError).code, "DOUBLE_FREE");
  assertEquals(domain.stats().deferredBlocks, 1);
  domain.barrier();
  arena.checkHeap();
});

Deno.test("blocks deferred by a worker that dies are freed by another (RCU-G6)", () =>
  withWorkers(async (workers) => {
    const { arena, domain, attach, data } = create();
    const before = arena.stats().liveBlocks;
    const open = attach().domain.register().lock();
    const blocks = Array.from({ length: 100 }, () => arena.allocate(48));
    const worker = workers.spawn<Setup>(WORKER, data);
    worker.expectDeath();
    worker.call("deferAndDie", blocks);
    await worker.ended;
    assertEquals(domain.stats().deferredBlocks, 100);
    open.unlock();
    domain.barrier();
    assertEquals(domain.stats().deferredBlocks, 0);
    assertEquals(arena.stats().liveBlocks, before);
    arena.checkHeap();
  }));

Deno.test("past the budget a deferral inside a section is refused, and nothing is deferred", () => {
  const { arena, domain } = create({ maxDeferred: 4 });
  const reader = domain.register();
  const guard = reader.lock();
  const blocks = Array.from({ length: 5 }, () => arena.allocate(16));
  for (const block of blocks.slice(0, 4)) domain.deferFree(block);
  const error = assertThrows(() => domain.deferFree(blocks[4]!), DeferredBudgetError, "section");
  assertEquals([error.details.what, error.details.count], ["a block", 4]);
  assertEquals(domain.stats().deferredBlocks, 4);
  arena.free(blocks[4]!); // still live, and the caller's
  guard.unlock();
  domain.deferFree(arena.allocate(16)); // waits, and makes room
  assert(domain.stats().deferredBlocks <= 4);
});

Deno.test("the budget also counts bytes", () => {
  const { arena, domain } = create({ maxDeferredBytes: 1000 });
  const guard = domain.register().lock();
  domain.deferFree(arena.allocate(600));
  domain.deferFree(arena.allocate(600));
  const late = arena.allocate(16);
  const error = assertThrows(() => domain.deferFree(late), DeferredBudgetError);
  assert(error.details.bytes >= 1200);
  guard.unlock();
  domain.deferFree(late);
  assert(domain.stats().deferredBytes < 1000);
});

Deno.test("past the budget an evicted context learns that it was evicted", () => {
  const { arena, domain, attach } = create({ maxDeferred: 1 });
  const evicted = attach();
  const open = attach().domain.register().lock();
  evicted.domain.register({ flavour: "qsbr" });
  domain.deferFree(arena.allocate(16));
  arena.evict(evicted.arena.token, { stopped: true });
  assertThrows(() => evicted.domain.deferFree(arena.allocate(16)), EvictedError);
  open.unlock();
});

for (const flavour of ["memb", "qsbr"] as const) {
  Deno.test(`an update storm stays in the budget while ${flavour} readers progress (RCU-G7)`, () =>
    withWorkers(async (workers) => {
      const limits = { maxDeferred: 32, bytes: 192 * 1024, debug: true };
      const { arena, domain, words, data } = create(limits);
      const first = arena.allocate(256);
      arena.u32[first / 4 + 1] = ~0;
      const pointer = RcuPointer.create(arena, first);
      const reader = workers.spawn<Setup>(WORKER, data);
      const storms = [0, 1].map(() => workers.spawn<Setup>(WORKER, data));
      await reader.call("register", flavour);
      const wrong = reader.call("readUntilStopped", pointer.offset);
      spinUntil(() => Atomics.load(words, READY) > 0, "the reader has begun");
      // 2 * 1500 blocks of 256 bytes are four times what the arena holds.
      const most = await Promise.all(storms.map((s) => s.call("storm", pointer.offset, 1500)));
      Atomics.store(words, STOP, 1);
      assertEquals(await wrong, 0);
      for (const peak of most) assert(peak <= 33, `${peak} blocks waited`);
      domain.barrier();
      assertEquals(domain.stats().deferredBlocks, 0);
      arena.checkHeap();
    }));
}

Deno.test("an allocation that finds no room frees deferred blocks first, if their grace period can end", () => {
  const { arena, domain, attach } = create({ bytes: 1 << 17, maxDeferredBytes: 1 << 20 });
  const reader = attach().domain.register();
  // Fewer than after which a deferral looks for blocks to free, and more bytes than the arena has.
  for (let made = 0; made < 60; made++) domain.deferFree(arena.allocate(3000));
  assert(domain.stats().deferredBlocks < 60);
  const open = reader.lock();
  assertThrows(() => {
    for (let made = 0; made < 60; made++) domain.deferFree(arena.allocate(3000));
  }, ArenaExhaustedError);
  open.unlock();
  domain.deferFree(arena.allocate(3000));
  domain.barrier();
  assertEquals(domain.stats().deferredBlocks, 0);
  arena.checkHeap();
});
