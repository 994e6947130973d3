import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { RcuError } from "../errors/rcu_error.ts";
import { ArenaExhaustedError } from "../errors/specific_errors.ts";
import { Arena, coreOf } from "./arena.ts";
import { BLOCK, LIMBO } from "../kernel/heap/layouts.ts";
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
  const { liveBytes, usedPages, freeBytes, heapBytes, largestFreeBytes } = arena.stats();
  assertEquals({ liveBytes, usedPages }, { liveBytes: 0, usedPages: 0 });
  assertEquals([freeBytes, largestFreeBytes], [heapBytes, heapBytes]);
});

Deno.test("a block of exactly the free size can be had, and nothing more", () => {
  const arena = small();
  const { largestFreeBytes } = arena.stats();
  const whole = arena.allocate(largestFreeBytes);
  const error = assertThrows(() => arena.allocate(1), ArenaExhaustedError);
  assertEquals(error.details.requested, 1);
  assertEquals(error.details.freeBytes, 0);
  assertEquals(error.details.largestFree, 0);
  arena.free(whole);
  const before = arena.stats();
  assertEquals(before.largestFreeBytes, largestFreeBytes);
  assertThrows(() => arena.allocate(largestFreeBytes + 1), ArenaExhaustedError);
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

Deno.test("a second free is distinguished from a pointer that was never a block", () => {
  const arena = small();
  const blocks = [100, 100, 5000].map((bytes) => arena.allocate(bytes));
  const again = (block: number) =>
    assertThrows(() => arena.free(block), RcuError, "freed it before");
  arena.free(blocks[0]!);
  const { code, details } = again(blocks[0]!);
  assertEquals([code, details["state"], details["freedBy"].token], ["DOUBLE_FREE", "free", 1]);
  // Also when their pages are free.
  arena.free(blocks[1]!);
  arena.free(blocks[2]!);
  again(blocks[1]!);
  again(blocks[2]!);
  assertThrows(() => arena.free(blocks[1]! + 16), RcuError, "no block starts there");
  assertThrows(() => arena.free(blocks[2]! + 1024), RcuError, "no block starts there");
  arena.checkHeap();
});

Deno.test("a header that was overwritten is found when the block is freed", () => {
  const arena = small();
  const block = arena.allocate(32);
  const header = coreOf(arena).heap.headerOf(block);
  const before = arena.u32.slice(header / 4, (header + BLOCK.size) / 4);
  arena.u32.fill(0x4141414f, header / 4, (header + BLOCK.size) / 4); // planted
  assertThrows(() => arena.free(block), RcuError, "overwritten");
  assertEquals(assertThrows(() => arena.checkHeap(), RcuError).code, "ARENA_CORRUPT");
  arena.u32.set(before, header / 4);
  arena.free(block);
  arena.checkHeap();
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
  arena.free(high);
  assertEquals(assertThrows(() => arena.free(high), RcuError).code, "DOUBLE_FREE");
  arena.free(next);
  arena.checkHeap();
  assertEquals(arena.stats().largestFreeBytes, heapBytes);
});

Deno.test("statistics by class count the blocks of each size", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const blocks = [40, 40, 400, 5000].map((bytes) => arena.allocate(bytes));
  const liveIn = (bytes: number) =>
    arena.stats().classes.find((entry) => entry.blockBytes === bytes)?.live;
  assertEquals([48, 64, 512, Infinity].map(liveIn), [2, undefined, 1, 1]);
  const { peakBytes, usedPages, pageBytes, liveBytes } = arena.stats();
  assertEquals(peakBytes, usedPages * pageBytes);
  assertEquals(liveBytes, 2 * (48 + 32) + 512 + 32 + 5 * 1024);
  for (const block of blocks) arena.free(block);
  assertEquals(arena.stats().classes, []);
  assertEquals(arena.stats().peakBytes, peakBytes);
});

Deno.test("each size gets a block that holds it, and as little more as its class allows", () => {
  const arena = Arena.create({ bytes: 8 << 20 });
  for (let bytes = 1; bytes < 10_000; bytes += 1 + (bytes >>> 4)) {
    for (const alignment of [16, 64, 256, 2048, 4096, 16384]) {
      const block = arena.allocate(bytes, alignment);
      const { capacity } = coreOf(arena).heap.pages.around(block)!;
      assertEquals(block % alignment, 0);
      assert(capacity >= bytes, `${bytes} bytes in a block of ${capacity}`);
      if (alignment === 16) assert(capacity <= Math.max(32, bytes * 1.5, bytes + 4095));
      arena.free(block);
    }
  }
  arena.checkHeap();
});

Deno.test("what another context frees is used again, and its pages for other sizes", () => {
  const arena = Arena.create({ bytes: 1 << 18 });
  const other = Arena.attach(arena.handle);
  for (const bytes of [40, 1000, 200, 5000]) {
    const blocks: number[] = [];
    assertThrows(() => {
      for (;;) blocks.push(arena.allocate(bytes));
    }, ArenaExhaustedError);
    for (const block of blocks) other.free(block);
    assertThrows(() => other.free(blocks[0]!), RcuError);
    arena.checkHeap();
  }
  const { heapBytes } = arena.stats();
  arena.free(arena.allocate(heapBytes));
});

Deno.test("an empty slab that a context keeps is taken by one that finds no room", () => {
  const arena = Arena.create({ bytes: 1 << 18 });
  const other = Arena.attach(arena.handle);
  for (let bytes = 32; bytes < 4000; bytes *= 2) other.free(other.allocate(bytes));
  const { heapBytes } = arena.stats();
  arena.free(arena.allocate(heapBytes));
  for (let bytes = 32; bytes < 4000; bytes *= 2) other.free(other.allocate(bytes));
  arena.checkHeap();
});

Deno.test("the slabs of a context that closes its arena are used by others", () => {
  const arena = Arena.create({ bytes: 1 << 18 });
  const { heapBytes } = arena.stats();
  const blocks: number[] = [];
  for (let round = 0; round < 20; round++) {
    const other = Arena.attach(arena.handle);
    for (let count = 0; count < 5; count++) blocks.push(other.allocate(100));
    other.close();
  }
  arena.checkHeap();
  assert(arena.stats().usedPages <= 20, "each context took pages of its own");
  for (const block of blocks) arena.free(block);
  arena.free(arena.allocate(heapBytes));
  arena.checkHeap();
});

Deno.test("churn does not fragment the arena away", () => {
  // Blocks of mixed sizes and lifetimes: as many bytes as fit in half of the heap stay to be had, and
  // in the end all of it.
  const arena = Arena.create({ bytes: 1 << 20 });
  const { heapBytes } = arena.stats();
  let seed = 12345;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  const live: [block: number, bytes: number][] = [];
  let bytes = 0;
  for (let step = 0; step < 200_000; step++) {
    if (bytes < heapBytes * 0.5) {
      const size = random(20) === 0 ? 1024 + random(4096) : 16 + random(240);
      live.push([arena.allocate(size), size]);
      bytes += size;
    } else {
      const [[block, size]] = live.splice(random(live.length), 1) as [[number, number]];
      bytes -= size;
      arena.free(block);
    }
  }
  arena.checkHeap();
  assert(arena.stats().freeBytes > heapBytes / 8);
  for (const [block] of live) arena.free(block);
  arena.free(arena.allocate(heapBytes));
});

type Op = ["allocate", number, number] | [
  "free" | "again" | "defer" | "reclaim" | "switch",
  number,
];

interface ModelBlock {
  readonly offset: number;
  readonly bytes: number;
  readonly mark: number;
  readonly cookie: number;
}

/** Runs operations by two contexts on an arena and on a list of intervals, and compares. */
function compareWithModel(debug: boolean, ops: Op[]): void {
  const first = Arena.create({ bytes: 1 << 17, contexts: 2, label: "first", debug });
  const contexts = [first, Arena.attach(first.handle, { label: "second" })];
  let arena = first;
  const limbo = arena.allocate(LIMBO.size);
  const live: ModelBlock[] = [];
  let deferred: ModelBlock[] = [];
  const gone: number[] = [];
  let mark = 0, cookie = 2 ** 32 - 20;
  const taken = (offset: number) => [...live, ...deferred].some((other) => other.offset === offset);
  for (const [op, value, alignment] of ops) {
    const core = coreOf(arena);
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
      const all = [...live, ...deferred, { offset: limbo, bytes: LIMBO.size }];
      for (const other of all) {
        const apart = offset >= other.offset + other.bytes || other.offset >= offset + value;
        assert(apart, `block ${offset} overlaps ${other.offset}`);
      }
      assert(arena.u8.slice(offset, offset + value).every((byte) => byte === 0), "not zeroed");
      mark = mark % 255 + 1;
      arena.u8.fill(mark, offset, offset + value);
      live.push({ offset, bytes: value, mark, cookie });
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
      core.defer(limbo, block!.offset, ++cookie);
      assertThrows(() => arena.free(block!.offset), RcuError, "deferred");
      deferred.push({ ...block!, cookie });
    } else if (op === "reclaim") {
      const done = cookie - value % 4;
      const over = deferred.filter((block) => block.cookie <= done);
      deferred = deferred.filter((block) => block.cookie > done);
      const result = core.reclaim(limbo, done);
      assertEquals(result, { freed: over.length, left: deferred.length, busy: false });
      gone.push(...over.map((block) => block.offset));
    } else if (op === "switch") {
      arena = contexts[value % 2]!;
    }
    for (const { offset, bytes, mark } of [...live, ...deferred]) {
      assert(arena.u8.slice(offset, offset + bytes).every((byte) => byte === mark), "overwritten");
    }
    arena.checkHeap();
    const stats = arena.stats();
    assertEquals(stats.liveBlocks, live.length + 1);
    assertEquals(stats.deferredBlocks, deferred.length);
    assertEquals(LIMBO.count.get(arena.u32, limbo), deferred.length);
    assertEquals(LIMBO.bytes.get(arena.u32, limbo), stats.deferredBytes);
    assertEquals(
      stats.liveBytes + stats.deferredBytes + stats.quarantinedBytes + stats.freeBytes +
        stats.restBytes,
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
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom("reclaim" as const, "switch" as const), fc.nat(100)),
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
