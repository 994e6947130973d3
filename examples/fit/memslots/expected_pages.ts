/**
 * The slow model of the listener: what each page of a flat view should be, page by page.
 *
 * @module
 */

import { dirtyLogMask, type FlatRange, RangeFlag } from "@guestmem/flatview";
import type { RamBlock } from "@guestmem/ramblock";
import { type Memslot, SLOT_FLAG } from "@guestmem/ramblock/memslots";

const PAGE = 4096n;

/** A page that vCPUs access directly. */
export interface Page {
  readonly host: number;
  readonly flags: number;
}

/** The pages, by gfn, that a single range covers and whose memory is page-aligned. */
export function expectedPages(
  ranges: readonly FlatRange[],
  blocks: readonly RamBlock[],
): Map<number, Page> {
  const pages = new Map<number, Page>();
  for (const range of ranges) {
    if (!isDirect(range)) continue;
    const { blockId, ramAddr } = range.region.ram!;
    const block = blocks.find(({ id }) => id === blockId)!;
    for (let page = range.first / PAGE * PAGE; page <= range.last; page += PAGE) {
      if (page < range.first || page + PAGE - 1n > range.last) continue;
      const inBlock = ramAddr - BigInt(block.offset) + range.offset + (page - range.first);
      const host = block.host + Number(inBlock);
      if (host % Number(PAGE) === 0) pages.set(Number(page / PAGE), { host, flags: flags(range) });
    }
  }
  return pages;
}

/** The pages of slots, by gfn. */
export function pagesOf(slots: readonly Memslot[]): Map<number, Page> {
  const pages = new Map<number, Page>();
  for (const { baseGfn, pages: count, host, flags } of slots) {
    for (let i = 0; i < count; i++) {
      pages.set(baseGfn + i, { host: host + i * Number(PAGE), flags });
    }
  }
  return pages;
}

function isDirect({ region, flags }: FlatRange): boolean {
  if ((flags & RangeFlag.ROM_DEVICE) !== 0) return (flags & RangeFlag.ROMD) !== 0;
  return (flags & RangeFlag.RAM) !== 0 && region.ram !== null;
}

function flags({ flags }: FlatRange): number {
  const fixed = (flags & (RangeFlag.READONLY | RangeFlag.ROM_DEVICE)) !== 0;
  const logged = dirtyLogMask(flags) !== 0;
  return (fixed ? SLOT_FLAG.READONLY : 0) | (logged ? SLOT_FLAG.LOG_DIRTY : 0);
}
