/**
 * Lookups over one map, beside what a user could have taken instead. An iteration is 1,000 lookups,
 * so microseconds per iteration read as nanoseconds per lookup.
 *
 *     deno task bench physmap/lookup/lookup_bench.ts -- 1000               # ranges: 10 to 10,000
 *     deno task bench physmap/lookup/lookup_bench.ts -- q35-seabios.s09    # or a real machine
 *
 * One map a process: code that has seen several is compiled for all of them and is slower.
 *
 * Nine accesses of ten go to RAM, the rest to device registers, in no order: the worst case for the
 * MRU section, which is measured once more over accesses that run through one range.
 */

import { Arena } from "@guestmem/rcu";
import { walkFrom } from "../testdata/typescript_walk.ts";
import { LookupBatch } from "./lookup_batch.ts";
import { DISPATCH, NODE_BYTES, SECTION } from "../kernel/layouts.ts";
import { TestMap } from "../testdata/build.ts";
import { PhysMapReader } from "./phys_map_reader.ts";
import { accesses, type BenchRange, machineRanges, pcRanges } from "../testdata/bench_map.ts";

const LOOKUPS = 1000;
/** Too many for a branch predictor to learn. */
const ADDRESSES = 131 * LOOKUPS;
const BLOCK = 128 * 1024;

const arena = Arena.create({ bytes: 256 << 20 });

/** Looks up the addresses from one index on; the sum keeps the compiler from dropping the work. */
type Variant = {
  name: string;
  bytes: number;
  run: (addresses: Float64Array, from: number) => number;
};

/** A binary search over sorted ranges, as in vm-memory. */
function binarySearch(ranges: readonly BenchRange[]): Variant {
  const firsts = Float64Array.from(ranges, ({ first }) => first);
  const lasts = Float64Array.from(ranges, ({ last }) => last);
  const find = (address: number) => {
    let low = 0, high = firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (firsts[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    return low > 0 && address <= lasts[low - 1]! ? low : 0;
  };
  const run = (addresses: Float64Array, from: number) => {
    let sum = 0;
    for (let i = from; i < from + LOOKUPS; i++) sum += find(addresses[i]!);
    return sum;
  };
  return { name: "binary search", bytes: 16 * ranges.length, run };
}

/** A table of 128 KiB blocks, as in v86. It has one section a block, so it is not exact. */
function blockTable(ranges: readonly BenchRange[]): Variant {
  const table = new Uint16Array(Math.ceil((ranges.at(-1)!.last + 1) / BLOCK));
  ranges.forEach(({ first, last }, index) => {
    table.fill(index + 1, Math.floor(first / BLOCK), Math.floor(last / BLOCK) + 1);
  });
  const run = (addresses: Float64Array, from: number) => {
    let sum = 0;
    for (let i = from; i < from + LOOKUPS; i++) sum += table[Math.floor(addresses[i]! / BLOCK)]!;
    return sum;
  };
  return { name: "block table, not exact", bytes: table.byteLength, run };
}

/** A Map by page. It has one section a page, so it is not exact. */
function pageMap(ranges: readonly BenchRange[], pageSize: number): Variant {
  const pages = new Map<number, number>();
  ranges.forEach(({ first, last }, index) => {
    const to = Math.floor(last / pageSize);
    for (let page = Math.floor(first / pageSize); page <= to; page++) pages.set(page, index + 1);
  });
  const run = (addresses: Float64Array, from: number) => {
    let sum = 0;
    for (let i = from; i < from + LOOKUPS; i++) {
      sum += pages.get(Math.floor(addresses[i]! / pageSize)) ?? 0;
    }
    return sum;
  };
  // V8's table: three words an entry, a bucket for each two, room for the next power of two.
  const bytes = 2 ** Math.ceil(Math.log2(pages.size)) * 28;
  return { name: "Map by page, not exact", bytes, run };
}

/** The four ways into a dispatch. */
function dispatchVariants(ranges: readonly BenchRange[], pageBits: number): Variant[] {
  const test = new TestMap(arena, pageBits);
  const dispatch = test.build(ranges.map((range, index) => ({ ...range, region: index + 1 })));
  const { nodes, sections } = test.map.live;
  const bytes = nodes * NODE_BYTES + sections * SECTION.size;
  const root = DISPATCH.root.get(arena.u32, dispatch);
  const words = arena.i32;
  const reader = new PhysMapReader(arena);
  const batch = LookupBatch.create(arena, LOOKUPS);
  return [{
    name: "walk, kernel",
    bytes,
    run: (addresses, from) => {
      let sum = 0;
      for (let i = from; i < from + LOOKUPS; i++) sum += reader.walk(dispatch, addresses[i]!);
      return sum;
    },
  }, {
    name: "walk, TypeScript",
    bytes,
    run: (addresses, from) => {
      let sum = 0;
      for (let i = from; i < from + LOOKUPS; i++) {
        const address = addresses[i]!;
        sum += walkFrom(words, dispatch, root, (address / 2 ** 32) | 0, address | 0);
      }
      return sum;
    },
  }, {
    name: "MRU section, else walk",
    bytes,
    run: (addresses, from) => {
      let sum = 0;
      for (let i = from; i < from + LOOKUPS; i++) sum += reader.section(dispatch, addresses[i]!);
      return sum;
    },
  }, {
    name: "batch, with filling it",
    bytes,
    run: (addresses, from) => {
      for (let i = 0; i < LOOKUPS; i++) batch.setAddress(i, addresses[from + i]!);
      batch.lookup(dispatch, LOOKUPS);
      return batch.sections[0]!;
    },
  }];
}

let sink = 0;

/** Registers one variant over addresses that it meets in turn. */
function register(group: string, { name, bytes, run }: Variant, addresses: Float64Array): void {
  let at = 0;
  Deno.bench({
    name: `${name} (${bytes} bytes)`,
    group,
    baseline: name === "binary search",
    fn: () => {
      sink += run(addresses, at);
      at = (at + LOOKUPS) % addresses.length;
    },
  });
}

/** The map to measure: a machine's name, or how many ranges. */
const map = Deno.args[0] ?? "100";
const count = Number(map);
const pageBits = 12;
const ranges = Number.isNaN(count) ? await machineRanges(map) : pcRanges(count);
const title = `${ranges.length} ranges`;
const random = accesses(ranges, ADDRESSES);
const inRam = Float64Array.from({ length: ADDRESSES }, (_, i) => 2 ** 20 + i * 64);
const exact = [binarySearch(ranges), ...dispatchVariants(ranges, pageBits)];
const others = [blockTable(ranges), pageMap(ranges, 2 ** pageBits)];
for (const variant of [...exact, ...others]) register(`${title}, random`, variant, random);
for (const variant of exact) register(`${title}, all in one`, variant, inRam);
if (Number.isNaN(sink)) throw new Error("unreachable");
