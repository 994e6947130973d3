/**
 * A map as rows: the ranges that an address space shows, and the gaps between them.
 *
 * @module
 */

import type { PrintedView } from "@guestmem/flatview/mtree";

/** A range, or a gap. */
export interface MapRow {
  /** First address. */
  readonly first: bigint;
  readonly size: bigint;
  /** `ram`, `rom`, `i/o`, ...; undefined for a gap. */
  readonly kind: string | undefined;
  readonly name: string;
}

type Ranges = PrintedView["ranges"];

/** The rows by rising address. Ranges of a region that follow one another in it are one row. */
export function mapRows(ranges: Ranges): MapRow[] {
  const rows: MapRow[] = [];
  let end = 0n;
  for (const { first, last, kind, name, offset } of ranges.map(withOffset)) {
    if (first > end) rows.push({ first: end, size: first - end, kind: undefined, name: "" });
    const before = rows.at(-1);
    const size = last - first + 1n;
    if (before?.name === name && before.kind === kind && first === end && offset !== 0n) {
      rows[rows.length - 1] = { ...before, size: before.size + size };
    } else rows.push({ first, size, kind, name });
    end = last + 1n;
  }
  return rows;
}

function withOffset(range: Ranges[number]) {
  return { ...range, kind: range.kind.replace(/^nv-/, "") };
}

/** Lengths are drawn on a logarithmic scale: 1 for a byte, one more for each doubling. */
export function scaled(size: bigint): number {
  return size.toString(2).length;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** A size in the largest unit that it reaches: `640 KiB`, `1.5 GiB`. */
export function sizeText(size: bigint): string {
  const power = Math.min(UNITS.length - 1, Math.floor((size.toString(2).length - 1) / 10));
  const value = Number(size) / 1024 ** power;
  return `${Number(value.toFixed(1))} ${UNITS[power]}`;
}

/** An address: 0x and at least eight digits. */
export function addressText(address: bigint): string {
  return `0x${address.toString(16).padStart(8, "0")}`;
}
