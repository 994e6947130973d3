// Runs of pages: found by a bitmap of hints, claimed by compare-and-exchange of each page's word.

import {
  HEAP_AT,
  HEAP_FIRST_PAGE,
  HEAP_HIGHEST,
  HEAP_LOW_FREE,
  HEAP_PAGES,
  HEAP_USED_AT,
  PAGE_STATE_CLAIMED,
  PAGE_STATE_FREE,
  PAGE_STATE_TAIL,
} from "./layouts";
import { exchangeWord, loadWord, stateOf, storeWord, wordOf } from "./words.as";

export function pagesEnd(): u32 {
  return load<u32>(HEAP_AT, HEAP_PAGES);
}

export function firstPage(): u32 {
  return load<u32>(HEAP_AT, HEAP_FIRST_PAGE);
}

/** The word of the bitmap of used pages that `page` is in. */
export function usedWord(page: u32): usize {
  return usize(load<u32>(HEAP_AT, HEAP_USED_AT)) + ((usize(page) >>> 6) << 3);
}

/**
 * Claims `count` pages in a row, the first at a multiple of `alignment`; returns the first, or 0. Where
 * several contexts claim pages that overlap, the one that is furthest up gets its run.
 */
export function claimRun(token: u32, count: u32, alignment: u32): u32 {
  const first = firstPage();
  const end = pagesEnd();
  if (count > end - first) return 0;
  const low = atomic.load<u32>(HEAP_AT, HEAP_LOW_FREE);
  const found = searchRun(token, count, alignment, low, end);
  if (found) {
    // All from `low` to the page found were in use.
    if (count == 1 && alignment == 1) atomic.store<u32>(HEAP_AT, found + 1, HEAP_LOW_FREE);
    return found;
  }
  return low > first ? searchRun(token, count, alignment, first, end) : 0;
}

function searchRun(token: u32, count: u32, alignment: u32, from: u32, end: u32): u32 {
  let start = alignUp(from, alignment);
  while (start <= end - count && start >= from) {
    let used = firstUsed(start, start + count);
    if (used == start + count) {
      used = claimPages(token, start, count);
      if (used == start + count) return start;
    }
    start = alignUp(firstUnused(used + 1, end), alignment);
  }
  return 0;
}

function alignUp(page: u32, alignment: u32): u32 {
  return (page + alignment - 1) & ~(alignment - 1);
}

function firstUsed(from: u32, to: u32): u32 {
  let page = from;
  while (page < to) {
    const bits = atomic.load<u64>(usedWord(page)) >>> (page & 63);
    if (bits) return min<u32>(page + u32(ctz<u64>(bits)), to);
    page = (page | 63) + 1;
  }
  return to;
}

function firstUnused(from: u32, to: u32): u32 {
  let page = from;
  while (page < to) {
    const bits = ~atomic.load<u64>(usedWord(page)) >>> (page & 63);
    if (bits) return min<u32>(page + u32(ctz<u64>(bits)), to);
    page = (page | 63) + 1;
  }
  return to;
}

/** Claims all of these pages or none; returns the end, or the page that was not free. */
function claimPages(token: u32, start: u32, count: u32): u32 {
  const end = start + count;
  const claimed = wordOf(PAGE_STATE_CLAIMED, 0, token);
  for (let page = start; page < end; page++) {
    const word = loadWord(page);
    if (stateOf(word) == PAGE_STATE_FREE && exchangeWord(page, word, claimed)) continue;
    markUsed(page, 1);
    for (let mine = start; mine < page; mine++) storeWord(mine, 0);
    if (page > start) markUnused(start, page - start);
    return page;
  }
  markUsed(start, count);
  raiseHighest(end);
  return end;
}

function raiseHighest(end: u32): void {
  while (true) {
    const highest = atomic.load<u32>(HEAP_AT, HEAP_HIGHEST);
    if (highest >= end) return;
    if (atomic.cmpxchg<u32>(HEAP_AT, highest, end, HEAP_HIGHEST) == highest) return;
  }
}

/** Makes claimed pages but the first TAILs. */
export function attachTails(token: u32, start: u32, count: u32): void {
  const tail = wordOf(PAGE_STATE_TAIL, start, token);
  for (let page = start + 1; page < start + count; page++) storeWord(page, tail);
}

/**
 * Frees a run of pages, of which the caller has claimed the first. From the last to the first: if the
 * caller dies, what is left of the run follows its first page without a gap, and a sweep finds it.
 */
export function releasePages(start: u32, count: u32, former: u64): void {
  const tail = wordOf(PAGE_STATE_FREE, start, PAGE_STATE_TAIL);
  for (let page = start + count - 1; page > start; page--) storeWord(page, tail);
  storeWord(start, wordOf(PAGE_STATE_FREE, u32(former) >>> 4, stateOf(former)));
  // After the words. In the other order, a context that finds a page in use that the bitmap shows as
  // free would mark it again, and nobody would find it once it is free.
  markUnused(start, count);
  if (start < atomic.load<u32>(HEAP_AT, HEAP_LOW_FREE)) {
    atomic.store<u32>(HEAP_AT, start, HEAP_LOW_FREE);
  }
}

function bitsFrom(page: u32, count: u32): u64 {
  return (~u64(0) >>> (64 - count)) << (page & 63);
}

export function markUsed(start: u32, count: u32): void {
  const end = start + count;
  for (let page = start; page < end; page = (page | 63) + 1) {
    const bits = bitsFrom(page, min<u32>(64 - (page & 63), end - page));
    atomic.or<u64>(usedWord(page), bits);
  }
}

export function markUnused(start: u32, count: u32): void {
  const end = start + count;
  for (let page = start; page < end; page = (page | 63) + 1) {
    const bits = bitsFrom(page, min<u32>(64 - (page & 63), end - page));
    atomic.and<u64>(usedWord(page), ~bits);
  }
}
