/**
 * Maps in tests: a version that is made of some ranges.
 *
 * @module
 */

import type { Arena } from "@guestmem/rcu";
import { MapGenerations } from "../versions/map_generations.ts";
import { PhysMap } from "../versions/phys_map.ts";

/** What is mapped; `offset` and `flags` are 0 unless given. */
interface MappedRange {
  readonly first: number | bigint;
  readonly last: number | bigint;
  readonly offset?: number | bigint;
  readonly region: number;
  readonly flags?: number;
}

/** An arena with a map. */
export class TestMap {
  readonly map: PhysMap;

  constructor(arena: Arena, pageBits = 12, generations = MapGenerations.create(arena)) {
    this.map = new PhysMap(arena, generations, { pageBits });
  }

  /** Makes a version of ranges, the latest in front. */
  build(ranges: Iterable<MappedRange>, base?: number): number {
    const edit = this.map.edit(base);
    for (const { first, last, offset = 0, region, flags } of ranges) {
      edit.map(first, last, offset, region, flags);
    }
    return edit.finish();
  }
}
