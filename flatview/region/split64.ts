/**
 * Guest physical positions as two halves. Rendering needs signed positions wider than 64 bits (the
 * base of an alias's target can be negative, and 2^64 itself is an end), which neither a `number`
 * (53 bits) nor unsigned halves hold, and `bigint` costs an allocation for each step. A position is
 * `hi * 2^32 + lo` with `lo` in [0, 2^32) and `hi` any integer that a double holds exactly.
 */

/** 2^32, the weight of the upper half. */
export const TWO32 = 0x1_0000_0000;

/** The upper half of a position. */
export function upper(value: bigint): number {
  return Number(value >> 32n);
}

/** The lower half of a position, in [0, 2^32). */
export function lower(value: bigint): number {
  return Number(value & 0xffff_ffffn);
}

/** A position from its halves. */
export function join(hi: number, lo: number): bigint {
  return (BigInt(hi) << 32n) + BigInt(lo);
}

/** A position in QEMU's 16 hex digits. The halves must be those of an unsigned 64-bit value. */
export function hex16(hi: number, lo: number): string {
  return hi.toString(16).padStart(8, "0") + lo.toString(16).padStart(8, "0");
}
