/**
 * Building maps: registration, compaction, placement and freeing the block again.
 */

import { Arena } from "@guestmem/rcu";
import { PhysMapBuilder } from "./phys_map_builder.ts";
import { type BenchRange, machineRanges, pcRanges } from "../testdata/bench_map.ts";

const arena = Arena.create({ bytes: 64 << 20 });

function bench(name: string, pageBits: number, ranges: readonly BenchRange[]): void {
  const builder = new PhysMapBuilder({ pageBits });
  const halves = ranges.map(({ first, last }) => [first / 2 ** 32, first, last / 2 ** 32, last]);
  Deno.bench({
    name: `${name}: ${ranges.length} ranges`,
    group: "build",
    fn() {
      builder.reset();
      halves.forEach(([firstHi, firstLo, lastHi, lastLo], index) => {
        builder.addHalves(firstHi!, firstLo!, lastHi!, lastLo!, 0, 0, index + 1, 0);
      });
      arena.free(builder.finish(arena, 1));
    },
  });
}

bench("a PC", 12, pcRanges(10));
bench("a PC", 12, pcRanges(100));
bench("a PC", 12, pcRanges(1000));
bench("a PC over 16 KiB pages", 14, pcRanges(10000));
bench("q35 with SeaBIOS", 12, await machineRanges("q35-seabios.s09"));
bench("pc with 112 virtio-net", 12, await machineRanges("pc-112-virtio-net"));
