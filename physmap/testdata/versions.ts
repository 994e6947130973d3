/**
 * Versions of a map whose contents identify them. A version changes about a quarter of the ranges of
 * the one before and shares the others with it. A range carries in its region's id and in its offsets
 * the version in which it was made.
 *
 * @module
 */

import type { PhysMapEdit } from "../versions/phys_map_edit.ts";
import type { PhysMapReader } from "../lookup/phys_map_reader.ts";

/** Places for ranges. */
const PLACES = 28;
/** Distance of two places. */
const STRIDE = 0x5000;
/** Addresses below this lie in some place. */
export const END = PLACES * STRIDE;

/** The version in which a version's range at a place was made. The first place has each version's own. */
function madeIn(place: number, version: number): number {
  if (place === 0) return version;
  // Neighbours change together, so that whole nodes are shared.
  let made = version;
  while (made > 1 && made % 4 !== Math.floor(place / 7)) made--;
  return made;
}

/** How far a range reaches that was made in a version, or -1 for none. */
function reach(place: number, made: number): number {
  if (place > 0 && (made * 7 + place) % 5 === 0) return -1;
  // Pages and a tail, a head and a tail, or a piece.
  return [0x2123, 0x1fff, 0x17][(made + place) % 3]!;
}

/** Makes version `version`, from 1 on, out of the one before; version 1 out of nothing. */
export function makeVersion(edit: PhysMapEdit, version: number): void {
  for (let place = 0; place < PLACES; place++) {
    if (madeIn(place, version) !== version) continue;
    const first = place * STRIDE;
    const last = reach(place, version);
    edit.unmap(first, first + STRIDE - 1);
    if (last >= 0) edit.map(first, first + last, version * 0x10000, (version << 5) | place);
  }
}

/** The version of a dispatch. */
export function versionOf(reader: PhysMapReader, dispatch: number): number {
  return reader.region(reader.walk(dispatch, 0)) >>> 5;
}

/** Throws unless a lookup's answer is version `version`'s for that address. */
export function checkAnswer(
  reader: PhysMapReader,
  section: number,
  address: number,
  version: number,
): void {
  const place = Math.floor(address / STRIDE), offset = address % STRIDE;
  const made = madeIn(place, version);
  const expected = offset <= reach(place, made)
    ? [(made << 5) | place, made * 0x10000 + offset]
    : [0, address];
  const found = [reader.region(section), reader.offset(section, address)];
  if (found[0] !== expected[0] || found[1] !== expected[1]) {
    throw new Error(`Version ${version} at ${address}: expected ${expected}, found ${found}`);
  }
}
