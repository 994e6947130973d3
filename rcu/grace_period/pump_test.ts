/** The pump that runs functions and frees blocks: after a domain's end, and after errors. */

import { until } from "#tools/testing/until.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arena, RcuDomain, RcuError, Srcu, UseAfterFreeError } from "../mod.ts";

/** Runs with a listener for uncaught errors. @returns What they were. */
async function uncaughtDuring(run: () => Promise<void>): Promise<unknown[]> {
  const uncaught: unknown[] = [];
  const listener = (event: ErrorEvent) => {
    event.preventDefault();
    uncaught.push(event.error);
  };
  addEventListener("error", listener);
  try {
    await run();
  } finally {
    removeEventListener("error", listener);
  }
  return uncaught;
}

/** Gives the pump time for several turns. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((next) => setTimeout(next, 0));
}

const KINDS = {
  RcuDomain: {
    create: (arena: Arena) => RcuDomain.create(arena),
    attach: (arena: Arena, domain: RcuDomain | Srcu) => RcuDomain.attach(arena, domain.handle),
  },
  Srcu: {
    create: (arena: Arena) => Srcu.create(arena),
    attach: (arena: Arena, domain: RcuDomain | Srcu) => Srcu.attach(arena, domain.handle),
  },
} as const;

for (const [name, kind] of Object.entries(KINDS)) {
  for (const how of ["barrier", "barrierAsync", "another context's barrier"] as const) {
    Deno.test(`the pump leaves a destroyed ${name} alone, after ${how}`, async () => {
      const arena = Arena.create({ bytes: 1 << 20 });
      const domain = kind.create(arena);
      const other = kind.attach(Arena.attach(arena.handle), domain);
      domain.deferFree(arena.allocate(64));
      const drains = how === "another context's barrier" ? other : domain;
      if (how === "barrierAsync") {
        await (drains instanceof Srcu ? drains.srcuBarrierAsync() : drains.barrierAsync());
      } else drains instanceof Srcu ? drains.srcuBarrier() : drains.barrier();
      drains.destroy();
      // Somebody else's words lie there now: each of them could be the offset of a block.
      const next = arena.allocate(256 + 64 * 128, 128);
      assertEquals(next, domain.offset);
      const victim = arena.allocate(64);
      const words = arena.u32.subarray(next / 4, next / 4 + 128).fill(victim);
      await turns();
      assert(words.every((word) => word === victim), "the pump has written to the block");
      arena.checkHeap();
      arena.free(victim);
    });
  }
}

Deno.test("functions of a context run although another has destroyed the domain", async () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const ran = Promise.withResolvers<void>();
  domain.callRcu(ran.resolve);
  RcuDomain.attach(Arena.attach(arena.handle), domain.handle).destroy();
  arena.u32.fill(7, domain.offset / 4, domain.offset / 4 + 64);
  await ran.promise;
});

Deno.test("a listener that throws does not keep functions from running", async () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena, { stallMs: 1 });
  const reader = RcuDomain.attach(Arena.attach(arena.handle), domain.handle).register();
  const errors: Error[] = [];
  let ran = 0;
  const uncaught = await uncaughtDuring(async () => {
    domain.onStall = () => {
      const error = new Error(`planted ${errors.length}`);
      errors.push(error);
      throw error;
    };
    for (let round = 1; round <= 3; round++) {
      const open = reader.lock();
      domain.callRcu(() => ran++);
      await until(() => errors.length === round, "the listener has thrown");
      open.unlock();
      await until(() => ran === round, "the function has run");
    }
  });
  assertEquals(uncaught, errors); // each once
});

/** An arena in debug mode whose quarantine is full of blocks, the oldest of which was written to. */
function damaged() {
  const arena = Arena.create({ bytes: 1 << 20, debug: true });
  const domain = RcuDomain.create(arena);
  const bytes = 1024;
  const written = arena.allocate(bytes);
  arena.free(written);
  arena.u32[written / 4] = 1;
  while (arena.stats().quarantinedBytes < (1 << 16) - 4 * bytes) arena.free(arena.allocate(bytes));
  return { arena, domain, bytes };
}

Deno.test("damage that the pump finds is an uncaught error once, and the pump goes on", async () => {
  const { arena, domain, bytes } = damaged();
  const uncaught = await uncaughtDuring(async () => {
    for (let made = 0; made < 8; made++) domain.deferFree(arena.allocate(bytes));
    await until(() => domain.stats().deferredBlocks === 0, "the blocks are freed");
    await turns();
  });
  assertEquals(uncaught.map((error) => error instanceof UseAfterFreeError), [true]);
});

Deno.test("a deferFree that finds damage elsewhere has deferred nothing (RCU-G9)", () => {
  const { arena, domain, bytes } = damaged();
  domain.deferFree(arena.allocate(bytes));
  for (let made = 1; made < 63; made++) domain.deferFree(arena.allocate(16));
  const last = arena.allocate(16);
  // The 64th deferral of a context looks whether older blocks can be freed.
  const before = domain.stats().deferredBlocks;
  assertThrows(() => domain.deferFree(last), UseAfterFreeError);
  assert(domain.stats().deferredBlocks <= before);
  domain.deferFree(last); // it is live
  const error = assertThrows(() => domain.deferFree(last), RcuError);
  assertEquals(error.code, "DOUBLE_FREE");
  domain.barrier();
});
