/**
 * How to publish a map: one pointer to a struct that holds root and tables, or the root beside a
 * pointer to the tables, so that a reader does not load it from there (the question of QEMU's
 * mailing list in 2013). An iteration is 1,000 read-side sections with one lookup each, so
 * microseconds per iteration read as nanoseconds per section.
 */

import { Arena, RcuDomain, RcuPair, RcuPointer } from "@guestmem/rcu";
import { walkFrom } from "../testdata/typescript_walk.ts";
import { TestMap } from "../testdata/build.ts";
import { DISPATCH } from "../kernel/layouts.ts";
import { PhysMapReader } from "./phys_map_reader.ts";
import { accesses, machineRanges } from "../testdata/bench_map.ts";

const SECTIONS = 1000;
const arena = Arena.create({ bytes: 16 << 20 });
const rcu = RcuDomain.create(arena).register();
const ranges = await machineRanges("q35-seabios.s09");
const dispatch = new TestMap(arena).build(
  ranges.map((range, index) => ({ ...range, region: index + 1 })),
);

const ROOT = DISPATCH.root.offset / 4;
const pointer = RcuPointer.create(arena, dispatch);
const pair = RcuPair.create(arena, arena.u32[(dispatch >>> 2) + ROOT]!, dispatch);
const reader = new PhysMapReader(arena);
const words = arena.i32;
const addresses = accesses(ranges, 131 * SECTIONS);
let at = 0, sink = 0;

/** Registers a variant: `sections` reads one address in each of its sections, from an index on. */
function bench(name: string, baseline: boolean, sections: (from: number) => number): void {
  Deno.bench({
    name,
    group: "publish",
    baseline,
    fn: () => {
      sink += sections(at);
      at = (at + SECTIONS) % addresses.length;
    },
  });
}

bench("pointer to the struct, walk in TypeScript", true, (from) => {
  let sum = 0;
  for (let i = from; i < from + SECTIONS; i++) {
    const guard = rcu.lock();
    const found = pointer.dereference(guard);
    const address = addresses[i]!;
    sum += walkFrom(
      words,
      found,
      words[(found >>> 2) + ROOT]!,
      (address / 2 ** 32) | 0,
      address | 0,
    );
    guard.unlock();
  }
  return sum;
});
bench("pair of root and tables, walk in TypeScript", false, (from) => {
  let sum = 0;
  for (let i = from; i < from + SECTIONS; i++) {
    const guard = rcu.lock();
    const root = pair.load(guard);
    const address = addresses[i]!;
    sum += walkFrom(words, pair.second, root, (address / 2 ** 32) | 0, address | 0);
    guard.unlock();
  }
  return sum;
});
bench("pointer to the struct, walk in the kernel", false, (from) => {
  let sum = 0;
  for (let i = from; i < from + SECTIONS; i++) {
    const guard = rcu.lock();
    sum += reader.walk(pointer.dereference(guard), addresses[i]!);
    guard.unlock();
  }
  return sum;
});
bench("pointer to the struct, MRU section", false, (from) => {
  let sum = 0;
  for (let i = from; i < from + SECTIONS; i++) {
    const guard = rcu.lock();
    sum += reader.section(pointer.dereference(guard), 0x100000 + i * 8);
    guard.unlock();
  }
  return sum;
});
bench("no lookup", false, (from) => {
  let sum = 0;
  for (let i = from; i < from + SECTIONS; i++) {
    const guard = rcu.lock();
    sum += pointer.dereference(guard);
    guard.unlock();
  }
  return sum;
});
if (Number.isNaN(sink)) throw new Error("unreachable");
