import { Barrier } from "#tools/testing/schedule.ts";
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
import { BLOCK_STATE, LIMBO } from "../kernel/heap/layouts.ts";
import { Arena, type ArenaHandle, coreOf } from "./arena.ts";
import type { Setup } from "./arena_test_worker.ts";
import { HEADER } from "./header.ts";
import { evictionHandlers } from "./members.ts";
import { reserve } from "./memory.ts";
import { destroyMember, registerMember } from "./register_member.ts";

const WORKER = import.meta.resolve("./arena_test_worker.ts");

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
      const arena = Arena.create({ bytes: 1 << 20, label: "main", debug });
      const limbo = arena.allocate(LIMBO.size);
      const barrier = Barrier.create(3);
      const exchange = new SharedArrayBuffer(256);
      const spawned = ["a", "b", "c"].map((label) =>
        workers.spawn<Setup>(WORKER, {
          arena: arena.handle,
          label,
          barrier: barrier.buffer,
          exchange,
        })
      );
      const rounds = debug ? 4000 : 20_000;
      const damaged = await Promise.all(
        spawned.map((worker, index) => worker.call("churn", rounds, index + 1, limbo)),
      );
      assertEquals(damaged, [0, 0, 0]);
      arena.checkHeap();
      for (const block of new Uint32Array(exchange)) if (block !== 0) arena.free(block);
      const { left, busy } = coreOf(arena).reclaim(limbo, 3);
      assertEquals({ left, busy }, { left: 0, busy: false });
      arena.checkHeap();
      const { liveBlocks, deferredBlocks } = arena.stats();
      assertEquals({ liveBlocks, deferredBlocks }, { liveBlocks: 1, deferredBlocks: 0 });
      assertEquals([LIMBO.count.get(arena.u32, limbo), LIMBO.bytes.get(arena.u32, limbo)], [0, 0]);
    }));
}

for (const debug of [false, true]) {
  Deno.test(`what a dead worker leaves behind is found${debug ? ", in debug mode" : ""}`, () =>
    withWorkers(async (workers) => {
      const arena = Arena.create({ bytes: 1 << 20, label: "main", debug });
      const { heapBytes } = arena.stats();
      const limbo = arena.allocate(LIMBO.size);
      const worker = workers.spawn<Setup>(WORKER, { arena: arena.handle, label: "mortal" });
      const token = await worker.call("token");
      worker.expectDeath();
      worker.call("leaveBehind", limbo).catch(() => {});
      await worker.ended;
      const { context, wasAttached, swept } = await arena.evict(token, { stopped: true });
      assertEquals([context.label, wasAttached], ["mortal", true]);
      assertEquals([swept.reclaimed, swept.quarantined], [3, debug ? 3 : 0]);
      arena.checkHeap();
      const { liveBlocks, deferredBlocks } = arena.stats();
      assertEquals([liveBlocks, deferredBlocks], [4, 3]);
      assertEquals(coreOf(arena).reclaim(limbo, 1), { freed: 3, left: 0, busy: false });
      // All that it had is of use again, but for the three blocks that others may know.
      const again = await arena.evict(token, { stopped: true });
      assertEquals(again.swept, { slabs: 0, reclaimed: 0, quarantined: 0 });
      assert(arena.allocate(heapBytes / 2) > 0);
      arena.checkHeap();
    }));
}

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

Deno.test("a block that is to be a member is lost with its context until it is one", async () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const other = Arena.attach(arena.handle);
  const { liveBlocks } = arena.stats();
  const [lost, kept, halfway] = [1, 2, 3].map(() => coreOf(other).allocate(64, 16, true, true));
  registerMember(other, kept!, 1);
  registerMember(other, halfway!, 1);
  // As if it had died between the two steps of that.
  const tag = coreOf(other).heap.headerOf(halfway!) / 4;
  arena.u32[tag] = BLOCK_STATE.PENDING;
  const { swept } = await arena.evict(other.token, { stopped: true });
  assertEquals(swept.reclaimed, 1);
  assertEquals(arena.stats().liveBlocks, liveBlocks + 2);
  assertThrows(() => arena.free(lost!), RcuError, "freed it before");
  for (const member of [kept!, halfway!]) destroyMember(arena, member);
  assertEquals(arena.stats().liveBlocks, liveBlocks);
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
