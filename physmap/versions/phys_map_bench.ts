/**
 * Versions of a map: built from nothing, or edited out of the one before. The edit moves two pages of
 * registers from one end of the map to the other; the baseline builds the whole map again.
 */

import { Arena } from "@guestmem/rcu";
import { type BenchRange, machineRanges, pcRanges } from "../testdata/bench_map.ts";
import { MapGenerations } from "./map_generations.ts";
import { PhysMap } from "./phys_map.ts";
import type { PhysMapEdit } from "./phys_map_edit.ts";

const arena = Arena.create({ bytes: 64 << 20 });
const map = new PhysMap(arena, MapGenerations.create(arena), { pageBits: 12 });

/** Where the registers lie in turn: behind and before all ranges of the test maps. */
const PLACES = [2 ** 45, 0xc_0000];
const REGISTERS = 0x2000;

function bench(name: string, ranges: readonly BenchRange[]): void {
  const group = `${name}: ${ranges.length} ranges`;
  const halves = ranges.map(({ first, last }) => [first / 2 ** 32, first, last / 2 ** 32, last]);
  const build = (edit: PhysMapEdit) =>
    halves.forEach(([firstHi, firstLo, lastHi, lastLo], index) => {
      edit.mapUnassigned(firstHi!, firstLo!, lastHi!, lastLo!, 0, 0, index + 1, 0);
    });
  Deno.bench({
    name: "build",
    group,
    baseline: true,
    fn() {
      const edit = map.edit();
      build(edit);
      map.free(edit.finish());
    },
  });
  const first = map.edit();
  build(first);
  let current = first.finish();
  let step = 0;
  Deno.bench({
    name: "edit",
    group,
    fn() {
      const edit = map.edit(current);
      const from = PLACES[step % 2]!, to = PLACES[++step % 2]!;
      edit.unmap(from, from + REGISTERS - 1);
      edit.map(to, to + REGISTERS - 1, 0, ranges.length + 1);
      const next = edit.finish();
      map.free(current);
      current = next;
    },
  });
}

bench("a PC", pcRanges(10));
bench("a PC", pcRanges(100));
bench("a PC", pcRanges(1000));
bench("a PC", pcRanges(10000));
bench("q35 with SeaBIOS", await machineRanges("q35-seabios.s09"));
bench("pc with 112 virtio-net", await machineRanges("pc-112-virtio-net"));
