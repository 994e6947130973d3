/**
 * Maps whose contents identify them: each section of version v carries v in its region's id and in
 * its offsets, and every version has another shape.
 *
 * @module
 */

import type { PhysMapBuilder } from "../build/phys_map_builder.ts";
import type { PhysMapReader } from "../lookup/phys_map_reader.ts";

/** Ranges of a version; even the smallest has one of each kind. */
const rangesOf = (version: number) => 3 + (version * 7) % 11;
/** Distance of two ranges. */
const STRIDE = 0x5000;
/** Addresses that lie in some version's ranges. */
export const END = 14 * STRIDE;

/** Registers version `version`; address 0 is in each. */
export function registerVersion(builder: PhysMapBuilder, version: number): void {
  builder.reset();
  for (let i = 0; i < rangesOf(version); i++) {
    const first = i * STRIDE;
    // Pages and a tail, a head and a tail, or a piece.
    const last = first + [0x2123, 0x1fff, 0x17][(version + i) % 3]!;
    builder.add(first, last, version * 0x10000, (version << 4) | i);
  }
}

/** Throws unless a lookup's answer is version `version`'s for that address. */
export function checkAnswer(
  reader: PhysMapReader,
  section: number,
  address: number,
  version: number,
): void {
  const i = Math.floor(address / STRIDE), offset = address % STRIDE;
  const length = [0x2123, 0x1fff, 0x17][(version + i) % 3]!;
  const isInside = i < rangesOf(version) && offset <= length;
  const expected = isInside ? [(version << 4) | i, version * 0x10000 + offset] : [0, address];
  const found = [reader.region(section), reader.offset(section, address)];
  if (found[0] !== expected[0] || found[1] !== expected[1]) {
    throw new Error(`Version ${version} at ${address}: expected ${expected}, found ${found}`);
  }
}
