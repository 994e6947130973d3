import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { RcuError } from "../errors/rcu_error.ts";
import { ArenaExhaustedError } from "../errors/specific_errors.ts";
import { Arena, coreOf } from "./arena.ts";
import { binOf, rowMinimum, rowOf, ROWS } from "./bins.ts";
import { BLOCK_HEADER, MIN_BLOCK, sizeOf } from "./block.ts";
import { LIMBO } from "./limbo.ts";
import fc from "fast-check";

const small = (debug = false) => Arena.create({ bytes: 65536, contexts: 1, label: "small", debug });

Deno.test("blocks are zeroed, aligned and apart", () => {
  const arena = small();
  const blocks: [number, number][] = [];
  for (let round = 0; round < 60; round++) {
    const bytes = 1 + (round * 37) % 300;
    const alignment = 16 << (round % 5);
    const block = arena.allocate(bytes, alignment);
    assertEquals(block % alignment, 0);
    assert(arena.u8.slice(block, block + bytes).every((byte) => byte === 0), "not zeroed");
    for (const [other, size] of blocks) assert(block >= other + size || other >= block + bytes);
    arena.u8.fill(0xff, block, block + bytes);
    blocks.push([block, bytes]);
    if (round % 3 === 0) arena.free(blocks.splice(round % blocks.length, 1)[0]![0]);
  }
  arena.checkHeap();
  for (const [block] of blocks) arena.free(block);
  arena.checkHeap();
  const { liveBytes, freeBlocks, freeBytes, heapBytes, largestFreeBytes } = arena.stats();
  assertEquals({ liveBytes, freeBlocks }, { liveBytes: 0, freeBlocks: 1 });
  assertEquals([freeBytes, largestFreeBytes], [heapBytes, heapBytes]);
});

Deno.test("a block of exactly the free size can be had, and nothing more", () => {
  const arena = small();
  const { largestFreeBytes } = arena.stats();
  const whole = arena.allocate(largestFreeBytes - BLOCK_HEADER);
  const error = assertThrows(() => arena.allocate(1), ArenaExhaustedError);
  assertEquals(error.details.requested, 1);
  assertEquals(error.details.freeBytes, 0);
  assertEquals(error.details.largestFree, 0);
  arena.free(whole);
  const before = arena.stats();
  assertThrows(() => arena.allocate(largestFreeBytes - BLOCK_HEADER + 1), ArenaExhaustedError);
  assertThrows(() => arena.allocate(2 ** 40), ArenaExhaustedError);
  assertThrows(() => arena.allocate(16, 2 ** 20), ArenaExhaustedError);
  assertEquals(arena.stats(), before);
});

Deno.test("sizes and alignments that are no usable numbers are refused", () => {
  const arena = small();
  const before = arena.stats();
  for (const bytes of [0, -1, 1.5, NaN, Infinity, "16" as unknown as number]) {
    assertThrows(() => arena.allocate(bytes), RcuError, "size of a block");
  }
  for (const alignment of [0, -16, 24, 1.5, NaN, 2 ** 32]) {
    assertThrows(() => arena.allocate(16, alignment), RcuError, "alignment");
  }
  assertEquals(arena.allocate(16, 1) % 16, 0);
  assertEquals(arena.stats().liveBlocks, before.liveBlocks + 1);
});

Deno.test("pointers that are no blocks are refused, and the state is unchanged", () => {
  const arena = small();
  arena.allocate(100);
  const block = arena.allocate(100);
  const before = arena.stats();
  const cases: [unknown, string][] = [
    [block + 1, "aligned"],
    [block + 16, "no block starts there"],
    [block - 16, "no block starts there"],
    [0, "outside of the heap"],
    [16, "outside of the heap"],
    [65536, "outside of the heap"],
    [2 ** 33, "outside of the heap"],
    [-16, "outside of the heap"],
    [NaN, "an integer"],
    [1.5, "an integer"],
    ["64", "an integer"],
  ];
  for (const [offset, reason] of cases) {
    const error = assertThrows(() => arena.free(offset as number), RcuError, reason);
    assertEquals(error.details["offset"], offset);
  }
  assertEquals(arena.stats(), before);
  arena.free(block);
});

Deno.test("a second free is distinguished from a pointer that was never a block, merged or not", () => {
  const arena = small();
  const blocks = [100, 100, 100, 100].map((bytes) => arena.allocate(bytes));
  arena.free(blocks[1]!);
  const again = assertThrows(() => arena.free(blocks[1]!), RcuError, '"small" (context 1)');
  assertEquals([again.details["state"], again.details["freedBy"].token], ["free", 1]);
  arena.free(blocks[2]!);
  assertEquals(assertThrows(() => arena.free(blocks[2]!), RcuError).details["state"], "merged");
  assertThrows(() => arena.free(blocks[2]! + 16), RcuError, "no block starts there");
  arena.checkHeap();
});

Deno.test("a header that was overwritten is found when the block is freed", () => {
  const arena = small();
  const [first, second] = [arena.allocate(32), arena.allocate(32)];
  arena.u32.fill(0x41414141, first / 4, first / 4 + 8 + 2); // planted: runs 8 bytes into the next header
  assertThrows(() => arena.free(second), RcuError, "overwritten");
  assertThrows(() => arena.free(first), RcuError, "overwritten");
  assertEquals(assertThrows(() => arena.checkHeap(), RcuError).code, "ARENA_CORRUPT");
});

Deno.test("offsets and sizes above 2 GiB", () => {
  const arena = Arena.create({ bytes: 4 * 2 ** 30 - 65536 });
  const { heapBytes } = arena.stats();
  assertGreater(heapBytes, 2 ** 31);
  const high = arena.allocate(64, 2 ** 31);
  assertEquals(high, 2 ** 31);
  const next = arena.allocate(64, 2 ** 30);
  assertEquals(next % 2 ** 30, 0);
  arena.u32[high / 4] = 5;
  assertEquals(arena.checked.loadU32(high), 5);
  assertEquals(arena.checked.history(high + 63).block, high);
  arena.checkHeap();
  arena.repair();
  arena.checkHeap();
  arena.free(high);
  assertEquals(assertThrows(() => arena.free(high), RcuError).code, "DOUBLE_FREE");
  arena.free(next);
  arena.checkHeap();
  assertEquals(arena.stats().largestFreeBytes, heapBytes);
});

Deno.test("bins: every size has one, in order, within its row's bounds", () => {
  let last = -1;
  for (let units = MIN_BLOCK / 16; units < 2 ** 28; units += Math.max(1, units >>> 5)) {
    const bin = binOf(units);
    assert(bin >= last && bin < ROWS * 8, `units ${units} in bin ${bin}`);
    last = bin;
    const row = rowOf(units * 16);
    assert(units * 16 >= rowMinimum(row), `units ${units} in row ${row}`);
    assert(row === ROWS - 1 || units * 16 < rowMinimum(row + 1), `units ${units} in row ${row}`);
  }
});

Deno.test("statistics by class count the blocks of each size", () => {
  const arena = small();
  const blocks = [40, 40, 1000].map((bytes) => arena.allocate(bytes));
  const classOf = (bytes: number) =>
    arena.stats().classes.find((entry) => entry.minBytes === bytes);
  assertEquals(classOf(48)!.live, 2);
  assertEquals(classOf(1024)!.live, 1);
  const { peakBytes, liveBytes } = arena.stats();
  assertEquals(peakBytes, liveBytes);
  for (const block of blocks) arena.free(block);
  assertEquals(classOf(48), undefined);
  assertEquals(arena.stats().peakBytes, peakBytes);
});

Deno.test("churn does not fragment the arena away", () => {
  // Blocks of mixed sizes and lifetimes at 70% load: after 200,000 operations a quarter of the free
  // bytes is still to be had in one piece, and in the end all of them.
  const arena = Arena.create({ bytes: 1 << 20 });
  const { heapBytes } = arena.stats();
  let seed = 12345;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  const live: number[] = [];
  let bytes = 0;
  for (let step = 0; step < 200_000; step++) {
    if (bytes < heapBytes * 0.7) {
      const size = random(20) === 0 ? 1024 + random(4096) : 16 + random(240);
      live.push(arena.allocate(size));
    } else {
      const [block] = live.splice(random(live.length), 1);
      bytes -= sizeOf(arena.u32, block! - BLOCK_HEADER);
      arena.free(block!);
      continue;
    }
    bytes += sizeOf(arena.u32, live.at(-1)! - BLOCK_HEADER);
  }
  arena.checkHeap();
  const { largestFreeBytes, liveBytes, freeBytes } = arena.stats();
  assertEquals(liveBytes, bytes);
  assertGreater(freeBytes, heapBytes * 0.29);
  assertGreater(largestFreeBytes, 8192);
  for (const block of live) arena.free(block);
  assertEquals(arena.stats().largestFreeBytes, heapBytes);
});

type Op = ["allocate", number, number] | [
  "free" | "again" | "defer" | "reclaim" | "repair",
  number,
];

/** Runs operations on an arena and on a list of intervals, and compares. */
function compareWithModel(debug: boolean, ops: Op[]): void {
  const arena = small(debug);
  const core = coreOf(arena);
  const limbo = arena.allocate(LIMBO.size);
  core.registerLimbo(limbo);
  const live: { offset: number; bytes: number; mark: number }[] = [];
  const deferred: { offset: number; bytes: number; mark: number }[] = [];
  const gone: number[] = [];
  let mark = 0;
  const taken = (offset: number) => [...live, ...deferred].some((other) => other.offset === offset);
  for (const [op, value, alignment] of ops) {
    if (op === "allocate") {
      let offset: number;
      try {
        offset = arena.allocate(value, alignment);
      } catch (error) {
        assert(error instanceof ArenaExhaustedError, String(error));
        assert(
          alignment! > 16 || error.details.largestFree < value + 8,
          `refused ${value}: ${error.message}`,
        );
        continue;
      }
      assertEquals(offset % alignment!, 0);
      for (const other of [...live, ...deferred, { offset: limbo, bytes: LIMBO.size }]) {
        const apart = offset >= other.offset + other.bytes || other.offset >= offset + value;
        assert(apart, `block ${offset} overlaps ${other.offset}`);
      }
      assert(arena.u8.slice(offset, offset + value).every((byte) => byte === 0), "not zeroed");
      mark = mark % 255 + 1;
      arena.u8.fill(mark, offset, offset + value);
      live.push({ offset, bytes: value, mark });
    } else if (op === "free" && live.length > 0) {
      const [block] = live.splice(value % live.length, 1);
      arena.free(block!.offset);
      gone.push(block!.offset);
    } else if (op === "again" && gone.length > 0) {
      const offset = gone[value % gone.length]!;
      // The memory may be part of another block by now; then any refusal will do.
      if (!taken(offset)) assertThrows(() => arena.free(offset));
    } else if (op === "defer" && live.length > 0) {
      const [block] = live.splice(value % live.length, 1);
      core.pushDeferred(limbo, block!.offset);
      assertThrows(() => arena.free(block!.offset), RcuError, "deferred");
      deferred.push(block!);
    } else if (op === "reclaim") {
      core.startBatch(limbo, () => 9);
      const freed = core.reclaimBatch(limbo, value % 4, 9);
      gone.push(...deferred.splice(0, freed).map((block) => block.offset));
    } else if (op === "repair") {
      // Puts the deferred blocks in the order of their addresses.
      arena.repair();
      deferred.sort((a, b) => a.offset - b.offset);
    }
    for (const { offset, bytes, mark } of [...live, ...deferred]) {
      assert(arena.u8.slice(offset, offset + bytes).every((byte) => byte === mark), "overwritten");
    }
    arena.checkHeap();
    const stats = arena.stats();
    assertEquals(stats.liveBlocks, live.length + 1);
    assertEquals(stats.deferredBlocks, deferred.length);
    assertEquals(LIMBO.count.get(arena.u32, limbo), deferred.length);
    assertEquals(
      stats.liveBytes + stats.deferredBytes + stats.quarantinedBytes + stats.freeBytes,
      stats.heapBytes,
    );
  }
}

const operation = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(
      fc.constant("allocate" as const),
      fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 12000 })),
      fc.constantFrom(16, 16, 16, 64, 4096),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(
      fc.constantFrom("free" as const, "free" as const, "again" as const, "defer" as const),
      fc.nat(100),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom("reclaim" as const, "repair" as const), fc.nat(100)),
  },
);

for (const debug of [false, true]) {
  Deno.test(`random operations agree with a list of intervals${debug ? ", in debug mode" : ""}`, () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 80, size: "max" }),
        (ops) => compareWithModel(debug, ops as Op[]),
      ),
      { seed: 1, numRuns: 60 },
    );
  });
}
