import { Barrier, Schedule } from "#tools/testing/schedule.ts";
import { spinUntil } from "#tools/testing/until.ts";
import { withWorkers, WorkerError } from "#tools/testing/workers.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { RcuError } from "../errors/rcu_error.ts";
import { EvictedError } from "../errors/specific_errors.ts";
import { Arena, type ArenaHandle, coreOf } from "./arena.ts";
import type { Setup } from "./arena_test_worker.ts";
import { HEADER } from "./header.ts";
import { LIMBO } from "./limbo.ts";
import { evictionHandlers } from "./members.ts";
import { reserve } from "./memory.ts";
import { destroyMember, registerMember } from "./register_member.ts";

const WORKER = import.meta.resolve("./arena_test_worker.ts");

/** An arena with a registered limbo record. */
function arenaWithLimbo(options: { bytes: number; debug?: boolean }): [Arena, number] {
  const arena = Arena.create({ ...options, label: "main" });
  const limbo = arena.allocate(LIMBO.size);
  coreOf(arena).registerLimbo(limbo);
  return [arena, limbo];
}

Deno.test("contexts: tokens never repeat, records do, labels stay known while they can", () => {
  const first = Arena.create({ bytes: 65536, contexts: 2, label: "first" });
  const tokens = new Set([first.token]);
  for (let round = 0; round < 5; round++) {
    const other = Arena.attach(structuredClone(first.handle), { label: `other ${round}` });
    assertThrows(() => Arena.attach(first.handle), RcuError, "all 2 are in use");
    tokens.add(other.token);
    other.close();
    assertThrows(() => other.allocate(16), EvictedError);
    const last = first.contexts().at(-1)!;
    assertEquals(last, {
      token: other.token,
      label: `other ${round}`,
      state: "gone",
      certified: false,
    });
  }
  assertEquals(tokens.size, 6);
  assertFalse(tokens.has(0));
  assertEquals(first.contexts().length, 2);
});

Deno.test("a label that is too long is refused; one of 63 bytes is not", () => {
  const arena = Arena.create({ bytes: 65536, label: "é".repeat(31) + "x" });
  assertEquals(arena.contexts()[0]!.label, "é".repeat(31) + "x");
  const error = assertThrows(() => Arena.attach(arena.handle, { label: "é".repeat(32) }), RcuError);
  assertEquals([error.details["bytes"], error.details["limit"]], [64, 63]);
  assertEquals(arena.contexts().length, 1);
});

Deno.test("sizes and numbers of contexts out of range are refused", () => {
  for (const bytes of [0, -1, NaN, 1.5, 2 ** 32]) {
    assertThrows(() => Arena.create({ bytes }), RcuError, "size of an arena");
  }
  for (const contexts of [0, -1, 1.5, 4097]) {
    assertThrows(() => Arena.create({ bytes: 65536, contexts }), RcuError, "contexts");
  }
  assertThrows(() => Arena.create({ bytes: 65536, contexts: 4096 }), RcuError, "to hold");
  assertEquals(Arena.create({ bytes: 65537 }).stats().bytes, 2 * 65536);
});

Deno.test("handles that are none, older, foreign or corrupt are refused by field", () => {
  const arena = Arena.create({ bytes: 65536 });
  const { handle } = arena;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const unshared = new WebAssembly.Memory({ initial: 1 });
  const cases: [unknown, string][] = [
    [null, "handle"],
    ["arena", "handle"],
    [{}, "kind"],
    [{ ...handle, kind: "guestmem-rcu" }, "kind"],
    [{ ...handle, version: 0 }, "version"],
    [{ ...handle, memory: {} }, "memory"],
    [{ ...handle, memory: unshared }, "memory.buffer"],
    [{ ...handle, memory }, "magic"],
    [{ ...handle, id: "0".repeat(16) }, "id"],
  ];
  for (const [bad, field] of cases) {
    const error = assertThrows(() => Arena.attach(bad as ArenaHandle), RcuError);
    assertEquals(error.details["field"], field);
  }
  const corrupt = (word: number, value: number, field: string) => {
    const before = arena.u32[word]!;
    arena.u32[word] = value;
    const error = assertThrows(() => Arena.attach(handle), RcuError);
    assertEquals(error.details["field"], field);
    assertEquals(error.details["actual"], field.startsWith("number") ? false : value);
    arena.u32[word] = before;
  };
  corrupt(HEADER.version.index(0), 99, "layout version");
  corrupt(HEADER.bytes.index(0), 131072, "size");
  corrupt(HEADER.contexts.index(0), 70000, "number of contexts in range");
  assertEquals(arena.contexts().length, 1);
  Arena.attach(handle);
});

Deno.test("an error names what a host lacks for shared memory", () => {
  const host = (changes: object) =>
    ({ SharedArrayBuffer, WebAssembly, ...changes }) as typeof globalThis;
  const missing = (changes: object) =>
    assertThrows(() => reserve(65536, host(changes)), RcuError).details["missing"] as string;
  assert(missing({ crossOriginIsolated: false }).includes("Cross-Origin-Opener-Policy"));
  assert(missing({ WebAssembly: undefined }).includes("WebAssembly"));
  assert(missing({ SharedArrayBuffer: undefined }).includes("SharedArrayBuffer"));
  class Unshared {
    buffer = new ArrayBuffer(65536);
  }
  assert(missing({ WebAssembly: { Memory: Unshared } }).includes("ignored"));
  class Refusing {
    constructor() {
      throw new TypeError("no");
    }
  }
  assert(missing({ WebAssembly: { Memory: Refusing } }).includes("refused the option"));
  class Full {
    constructor() {
      throw new RangeError("could not allocate");
    }
  }
  const error = assertThrows(
    () => reserve(65536, host({ WebAssembly: { Memory: Full } })),
    RcuError,
  );
  assertInstanceOf(error.cause, RangeError);
  assertEquals(reserve(65536, host({ crossOriginIsolated: true })).buffer.byteLength, 65536);
});

for (const debug of [false, true]) {
  Deno.test(`workers that churn at once never share a block${debug ? ", in debug mode" : ""}`, () =>
    withWorkers(async (workers) => {
      const [arena, limbo] = arenaWithLimbo({ bytes: 1 << 20, debug });
      const barrier = Barrier.create(3);
      const spawned = ["a", "b", "c"].map((label) =>
        workers.spawn<Setup>(WORKER, { arena: arena.handle, label, barrier: barrier.buffer })
      );
      const rounds = debug ? 4000 : 20_000;
      const damaged = await Promise.all(
        spawned.map((worker, index) => worker.call("churn", rounds, index + 1, limbo)),
      );
      assertEquals(damaged, [0, 0, 0]);
      arena.checkHeap();
      const core = coreOf(arena);
      spinUntil(() => {
        core.reclaimBatch(limbo, 100, core.startBatch(limbo, () => 2));
        return LIMBO.count.get(arena.u32, limbo) === 0;
      }, "all is reclaimed");
      const { liveBlocks, deferredBlocks } = arena.stats();
      assertEquals({ liveBlocks, deferredBlocks }, { liveBlocks: 1, deferredBlocks: 0 });
    }));
}

for (const what of ["allocate", "free", "defer"] as const) {
  Deno.test(`a worker that dies in ${what} with the lock is evicted, and another goes on`, () =>
    withWorkers(async (workers) => {
      const [arena, limbo] = arenaWithLimbo({ bytes: 1 << 20 });
      const survivor = workers.spawn<Setup>(WORKER, { arena: arena.handle, label: "survivor" });
      // A few places in each; heap_crash_test.ts dies at every store.
      for (const stores of [0, 2, 5, 8, 11]) {
        const blocks = [100, 100, 100].map((bytes) => arena.allocate(bytes));
        blocks.forEach((block, index) => arena.u32[block / 4] = index + 1);
        const worker = workers.spawn<Setup>(WORKER, { arena: arena.handle, label: "mortal" });
        const token = await worker.call("token");
        worker.expectDeath();
        worker.call("dieIn", what, stores, blocks[1]!, limbo).catch(() => {});
        await worker.ended;
        assertEquals(
          Atomics.load(arena.u32, HEADER.lock.index(0)),
          token,
          "it died without the lock",
        );
        // Asks for the lock while the dead context holds it.
        const waiting = survivor.call("allocate", 64);
        const report = await arena.evict(token, { stopped: true });
        assertEquals(report.context, { token, label: "mortal" });
        assert(report.wasAttached);
        const block = await waiting;
        arena.checkHeap();
        assertEquals([arena.u32[blocks[0]! / 4], arena.u32[blocks[2]! / 4]], [1, 3]);
        arena.free(block);
        assertFalse((await arena.evict(token, { stopped: true })).wasAttached, "evicted twice");
      }
    }));
}

Deno.test("a worker that dies by an uncaught error with the lock", () =>
  withWorkers(async (workers) => {
    const arena = Arena.create({ bytes: 1 << 20 });
    const worker = workers.spawn<Setup>(WORKER, { arena: arena.handle, label: "mortal" });
    const token = await worker.call("token");
    worker.expectDeath();
    worker.call("dieHolding").catch(() => {});
    await worker.ended;
    const report = await arena.evict(token, { stopped: true });
    assert(report.repaired !== null);
    assertEquals(report.repaired.reclaimed, 0);
    arena.free(arena.allocate(16));
  }));

Deno.test("the lock is waited for where blocking is allowed, and for a bounded time where not", () =>
  withWorkers(async (workers) => {
    const arena = Arena.create({ bytes: 1 << 20 });
    const schedule = Schedule.create();
    const data = { arena: arena.handle, label: "holder", schedule: schedule.buffer };
    const holder = workers.spawn<Setup>(WORKER, data);
    const waiter = workers.spawn<Setup>(WORKER, { ...data, label: "waiter" });
    const token = await holder.call("token");
    await waiter.call("token");
    const held = holder.call("holdArena");
    schedule.awaitStep(1);
    const waiting = waiter.call("allocate", 16);
    const core = coreOf(arena);
    (core as { blocking: boolean }).blocking = false; // as on a browser's main thread
    const error = assertThrows(() => arena.allocate(16), RcuError);
    assertEquals(error.details, { owner: token, milliseconds: 100 });
    schedule.reach(2);
    await held;
    arena.free(await waiting);
    arena.free(arena.allocate(16));
    arena.checkHeap();
  }));

Deno.test("an evicted context that is alive after all learns of it at its next call", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const other = Arena.attach(arena.handle, { label: "slow" });
  const block = other.allocate(16);
  arena.evict(other.token, { stopped: true });
  const error = assertThrows(() => other.allocate(16), EvictedError);
  assertEquals(error.details.token, other.token);
  for (const call of [() => other.free(block), () => other.stats(), () => other.expel(1)]) {
    assertThrows(call, EvictedError);
  }
  arena.free(block);
});

Deno.test("a context that is evicted while it holds the lock loses it without harm", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const other = Arena.attach(arena.handle);
  coreOf(other).enter();
  arena.evict(other.token, { stopped: true });
  arena.free(arena.allocate(16));
  assertThrows(() => coreOf(other).leave(), EvictedError);
  arena.checkHeap();
});

Deno.test("a lock whose holder closed its arena, or was evicted half-way, is taken over", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const other = Arena.attach(arena.handle);
  coreOf(other).enter();
  other.close();
  const core = coreOf(arena);
  core.lastRepair = null;
  arena.free(arena.allocate(16));
  assert(core.lastRepair !== null, "it was not repaired");
});

Deno.test("an arena that cannot be repaired says so at each call, and its lock is not stuck", async () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const block = arena.allocate(64);
  const other = Arena.attach(arena.handle);
  coreOf(other).enter();
  arena.evict(other.token, { stopped: true });
  const header = arena.u32[block / 4 - 8]!;
  const third = Arena.attach(arena.handle);
  coreOf(third).enter();
  arena.u32[block / 4 - 8] = 0; // planted
  for (let call = 0; call < 2; call++) {
    const evicted = arena.evict(third.token, { stopped: true });
    const error = await assertRejects(() => evicted, RcuError);
    assertEquals(error.details["offset"], block - 32);
    assertEquals(assertThrows(() => arena.allocate(16), RcuError).code, "ARENA_CORRUPT");
  }
  arena.u32[block / 4 - 8] = header;
  arena.free(block);
  arena.checkHeap();
});

Deno.test("tokens that no other context had are refused", async () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  for (const token of [0, -1, 1.5, NaN, 99, arena.token]) {
    const evicted = arena.evict(token, { stopped: true });
    assertEquals((await assertRejects(() => evicted, RcuError)).code, "UNKNOWN_CONTEXT");
    assertEquals(assertThrows(() => arena.expel(token), RcuError).code, "UNKNOWN_CONTEXT");
  }
});

Deno.test("after an error that is not an RcuError the next holder repairs the arena", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const core = coreOf(arena);
  assertThrows(() =>
    core.locked(() => {
      throw new RangeError("Maximum call stack size exceeded");
    }), RangeError);
  arena.allocate(16);
  assert(core.lastRepair !== null);
  core.lastRepair = null;
  assertThrows(() => arena.free(1), RcuError);
  arena.allocate(16);
  assertEquals(core.lastRepair, null, "an RcuError leaves nothing to repair");
});

Deno.test("members: handlers run for each, results are added up, unknown types are counted", async () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const blocks = [1, 1, 2].map((type) => {
    const block = arena.allocate(32);
    registerMember(arena, block, type);
    return block;
  });
  const seen: number[] = [];
  const expelled: number[] = [];
  evictionHandlers.set(1, {
    expel: (_, offset, token) => void expelled.push(offset, token),
    evict: (_, offset, token) => {
      seen.push(offset, token);
      return { slots: 2 };
    },
  });
  const token = Arena.attach(arena.handle).token;
  const report = await arena.evict(token, { stopped: true });
  assertEquals(report.members, { slots: 4 });
  assertEquals(report.unhandled, 1);
  assertEquals(seen, [blocks[0]!, token, blocks[1]!, token]);
  assertEquals(expelled, seen);
  destroyMember(arena, blocks[1]!);
  assertThrows(() => destroyMember(arena, blocks[1]!), RcuError, "not registered");
  assertEquals((await arena.evict(token, { stopped: true })).members, { slots: 2 });
  evictionHandlers.delete(1);
});

Deno.test("errors reach another context by name", () =>
  withWorkers(async (workers) => {
    const arena = Arena.create({ bytes: 65536 });
    const worker = workers.spawn<Setup>(WORKER, { arena: arena.handle, label: "w" });
    await assertRejects(() => worker.call("allocate", 1 << 20), WorkerError, "ArenaExhaustedError");
  }));
