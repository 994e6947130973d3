/**
 * The model that maps are tested against: a list of ranges, scanned from the newest to the oldest.
 *
 * @module
 */

import fc from "fast-check";

/** A range as a test registers it. */
export interface Range {
  readonly first: bigint;
  readonly last: bigint;
  readonly offset: bigint;
  readonly region: number;
  readonly flags: number;
}

/** The answer for an address. */
export interface Found {
  readonly region: number;
  readonly offset: bigint;
  readonly flags: number;
}

/** Scans for an address; an unassigned one is at its own offset in region 0. */
export function scan(ranges: readonly Range[], address: bigint): Found {
  const range = ranges.findLast(({ first, last }) => first <= address && address <= last);
  if (!range) return { region: 0, offset: address, flags: 0 };
  const { region, flags } = range;
  return { region, flags, offset: range.offset + (address - range.first) };
}

const END = 2n ** 64n - 1n;

/** Addresses that crowd together: around multiples of pages, of nodes, and at both ends. */
function address(pageBits: number): fc.Arbitrary<bigint> {
  const near = fc.integer({ min: -3, max: 3 });
  const shifts = [0, 3, pageBits - 1, pageBits, pageBits + 1, pageBits + 8, pageBits + 9];
  shifts.push(pageBits + 18, pageBits + 27, 40, 53, 60, 63);
  return fc.tuple(fc.constantFrom(...shifts), fc.integer({ min: 0, max: 6 }), near, fc.boolean())
    .map(([shift, count, delta, fromEnd]) => {
      const at = (BigInt(count) << BigInt(shift)) + BigInt(delta);
      const wrapped = BigInt.asUintN(64, at);
      return fromEnd ? END - wrapped : wrapped;
    });
}

/** Ranges that overlap and touch at any alignment. */
export function overlappingRanges(pageBits: number): fc.Arbitrary<Range[]> {
  const range = fc.tuple(address(pageBits), address(pageBits), fc.nat(0x3fff_ffff), fc.boolean());
  return fc.array(range, { minLength: 1, maxLength: 12 }).map((tuples) =>
    tuples.map(([a, b, flags, isShort], index) => {
      const first = a < b ? a : b;
      const wide = a < b ? b : a;
      // Short ranges are what subpages are made of; wide ones would hide them.
      const short = first + (wide & 0xffn);
      const last = isShort && short <= END ? short : wide;
      const offset = (BigInt(flags) << 34n) % (END - (last - first) + 1n);
      return { first, last, offset, region: index + 1, flags };
    })
  );
}

/** The addresses at which something can change, and a few others. */
export function probes(ranges: readonly Range[], pageBits: number): bigint[] {
  const page = 1n << BigInt(pageBits);
  const points = [0n, END, 1n << 53n, (1n << 53n) - 1n, page * 512n];
  for (const { first, last } of ranges) {
    for (const edge of [first, last]) {
      const start = edge & ~(page - 1n);
      points.push(edge - 1n, edge, edge + 1n, start - 1n, start, start + page, edge + page * 512n);
    }
    points.push((first + last) >> 1n);
  }
  return points.filter((point) => point >= 0n && point <= END);
}
