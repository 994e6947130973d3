// Slabs: blocks of one size class, which their owner hands out with plain accesses.

import {
  BLOCK_SIZE,
  BLOCK_STATE_FREE,
  BLOCK_TAG,
  HEAP_AT,
  HEAP_ORPHANS,
  PAGE_BODY,
  PAGE_DEFERRED,
  PAGE_FREE,
  PAGE_REMOTE,
  PAGE_STATE_CLAIMED,
  PAGE_STATE_EMPTY,
  PAGE_STATE_SLAB,
  PAGE_WORD,
  SLAB_COUNT,
  SLAB_FIRST,
  SLAB_NO_TAG,
  SLAB_PAGES,
  SLAB_RECIPROCAL,
  SLAB_VISITOR,
} from "./layouts";
import { attachTails, claimRun, firstPage, pagesEnd, releasePages } from "./pages.as";
import { currentOf, emptyOf, link, nextOf, setCurrent, setEmpty, unlink } from "./rings.as";
import {
  addressOf,
  allOf,
  argumentOf,
  countOf,
  exchangeWord,
  headerIn,
  loadWord,
  ownerOf,
  pageShift,
  recordOf,
  sizeOfClass,
  stateOf,
  storeWord,
  tagOf,
  tokenOf,
  wordOf,
} from "./words.as";

/** Most pages of a slab, and the number of blocks that it should have at least. */
const MOST_PAGES: u32 = 8;
const FEW_BLOCKS: u32 = 8;
/** How many slabs of the ring are looked at before a new one is made. */
const LOOKS: u32 = 8;

// ---- finding a slab with a free block ---------------------------------------------------------

/**
 * A slab of the class with a free block, for a context whose current slab has none: the one that it has
 * kept empty; one of its ring in which others have freed blocks; one without an owner; a new one.
 *
 * @returns Its page, now the current one, or 0.
 */
export function refill(context: usize, sizeClass: u32): u32 {
  let page = retake(context, sizeClass);
  if (!page) page = search(context, sizeClass, LOOKS);
  if (!page) {
    adoptOrphans(context, sizeClass);
    page = search(context, sizeClass, 1);
  }
  if (!page) page = makeSlab(context, sizeClass);
  if (!page) page = search(context, sizeClass, pagesEnd());
  if (page) setCurrent(context, sizeClass, page);
  return page;
}

function retake(context: usize, sizeClass: u32): u32 {
  const page = emptyOf(context, sizeClass);
  if (!page) return 0;
  setEmpty(context, sizeClass, 0);
  const token = tokenOf(context);
  const empty = wordOf(PAGE_STATE_EMPTY, sizeClass, token);
  if (!exchangeWord(page, empty, wordOf(PAGE_STATE_SLAB, sizeClass, token))) return 0;
  link(context, sizeClass, page);
  return page;
}

function search(context: usize, sizeClass: u32, looks: u32): u32 {
  const current = currentOf(context, sizeClass);
  if (!current) return 0;
  let page = current;
  do {
    page = nextOf(page);
    if (drain(page)) return page;
  } while (page != current && --looks);
  // The next search goes on from here.
  setCurrent(context, sizeClass, page);
  return 0;
}

/**
 * Takes over what other contexts have freed in a slab of the caller's; returns its free blocks. A bit of
 * `remote` is a hint and may be late by any time: the block counts as free if its tag says so.
 */
export function drain(page: u32): u64 {
  const record = recordOf(page);
  let free = load<u64>(record, PAGE_FREE);
  if (!atomic.load<u64>(record, PAGE_REMOTE)) return free;
  let bits = atomic.xchg<u64>(record, 0, PAGE_REMOTE) & ~free & allOf(record);
  for (; bits; bits &= bits - 1) {
    if (isFree(page, u32(ctz<u64>(bits)))) free |= bits & (~bits + 1);
  }
  store<u64>(record, free, PAGE_FREE);
  return free;
}

function isFree(page: u32, index: u32): bool {
  return stateOf(atomic.load<u64>(headerIn(page, index), BLOCK_TAG)) == BLOCK_STATE_FREE;
}

/** Finds the free blocks of a slab by their tags, when its owner has changed. */
function rebuild(page: u32): u64 {
  const record = recordOf(page);
  let free: u64 = 0;
  for (let index: u32 = 0; index < countOf(record); index++) {
    if (isFree(page, index)) free |= u64(1) << index;
  }
  store<u64>(record, free, PAGE_FREE);
  return free;
}

// ---- making and giving up slabs ---------------------------------------------------------------

/** Bytes in front of the first block of a slab with `count` headers. */
function firstBlock(count: u32, size: u32): u32 {
  const alignment = size & (~size + 1);
  return (count * u32(BLOCK_SIZE) + alignment - 1) & ~(alignment - 1);
}

/** How many blocks of `size` bytes fit into a slab of `bytes` bytes. */
export function blocksIn(bytes: u32, size: u32): u32 {
  let count = min<u32>(bytes / (size + u32(BLOCK_SIZE)), 64);
  while (count && firstBlock(count, size) + count * size > bytes) count--;
  return count;
}

/** How many pages a slab of a class should have: few enough for the heap, and enough for some blocks. */
function wantedPages(size: u32): u32 {
  const most = min<u32>(MOST_PAGES, (pagesEnd() - firstPage()) >>> 5);
  let count: u32 = 1;
  while (count < most && blocksIn(count << pageShift(), size) < FEW_BLOCKS) count <<= 1;
  return count;
}

function makeSlab(context: usize, sizeClass: u32): u32 {
  const token = tokenOf(context);
  const size = sizeOfClass(sizeClass);
  for (let count = wantedPages(size); count; count >>>= 1) {
    const blocks = blocksIn(count << pageShift(), size);
    if (blocks < 2) return 0;
    const page = claimRun(token, count, 1);
    if (!page) continue;
    format(page, count, blocks, size);
    attachTails(token, page, count);
    storeWord(page, wordOf(PAGE_STATE_SLAB, sizeClass, token));
    link(context, sizeClass, page);
    return page;
  }
  return 0;
}

function format(page: u32, pages: u32, blocks: u32, size: u32): void {
  const record = recordOf(page);
  atomic.store<u64>(record, 0, PAGE_REMOTE);
  atomic.store<u64>(record, 0, PAGE_DEFERRED);
  store<u64>(record, 0, PAGE_BODY + SLAB_NO_TAG);
  store<u32>(record, firstBlock(blocks, size), PAGE_BODY + SLAB_FIRST);
  store<u32>(record, u32(((u64(1) << 32) + size - 1) / size), PAGE_BODY + SLAB_RECIPROCAL);
  store<u16>(record, u16(blocks), PAGE_BODY + SLAB_COUNT);
  store<u16>(record, u16(pages), PAGE_BODY + SLAB_PAGES);
  memory.fill(addressOf(page), 0, usize(blocks) * BLOCK_SIZE);
  for (let index: u32 = 0; index < blocks; index++) {
    store<u64>(headerIn(page, index), tagOf(BLOCK_STATE_FREE, 0), BLOCK_TAG);
  }
  store<u64>(record, ~u64(0) >>> (64 - blocks), PAGE_FREE);
}

/** Adds a block that its owner has freed to the free ones of its slab. */
export function putBack(context: usize, page: u32, index: u32, sizeClass: u32): void {
  const record = recordOf(page);
  const before = load<u64>(record, PAGE_FREE);
  const free = before | (u64(1) << index);
  store<u64>(record, free, PAGE_FREE);
  if (free == allOf(record)) {
    retire(context, page, sizeClass);
  } else if (!before && page != currentOf(context, sizeClass)) {
    // Where the next search begins.
    unlink(context, sizeClass, page);
    link(context, sizeClass, page);
  }
}

/**
 * Takes an empty slab of the caller's out of its ring. One of each class stays at hand as EMPTY, so that
 * a context which allocates and frees one block does not format a slab each time; anyone may take it.
 */
function retire(context: usize, page: u32, sizeClass: u32): void {
  unlink(context, sizeClass, page);
  const empty = wordOf(PAGE_STATE_EMPTY, sizeClass, tokenOf(context));
  storeWord(page, empty);
  const kept = emptyOf(context, sizeClass);
  if (kept && loadWord(kept) == empty) releaseEmpty(tokenOf(context), page);
  else setEmpty(context, sizeClass, page);
}

/** Frees the pages of an EMPTY slab, unless another context takes it or looks at its headers. */
export function releaseEmpty(token: u32, page: u32): u32 {
  const word = loadWord(page);
  if (stateOf(word) != PAGE_STATE_EMPTY) return 0;
  if (!exchangeWord(page, word, wordOf(PAGE_STATE_CLAIMED, 0, token))) return 0;
  const record = recordOf(page);
  // A visitor stores its token, then loads the word. Either it finds CLAIMED, or we find its token.
  if (atomic.load<u32>(record, PAGE_BODY + SLAB_VISITOR)) {
    storeWord(page, word);
    return 0;
  }
  const pages: u32 = load<u16>(record, PAGE_BODY + SLAB_PAGES);
  releasePages(page, pages, wordOf(PAGE_STATE_SLAB, argumentOf(word), 0));
  return pages;
}

// ---- slabs without an owner -------------------------------------------------------------------

/** Gives up a slab, for whoever needs one of its class. */
export function orphan(page: u32, sizeClass: u32): void {
  storeWord(page, wordOf(PAGE_STATE_SLAB, sizeClass, 0));
  atomic.or<u32>(HEAP_AT, u32(1) << sizeClass, HEAP_ORPHANS);
}

/** Takes every slab of a class that has no owner. */
function adoptOrphans(context: usize, sizeClass: u32): void {
  const bit = u32(1) << sizeClass;
  if (!(atomic.load<u32>(HEAP_AT, HEAP_ORPHANS) & bit)) return;
  // Before the search: a slab that is given up after this is announced again.
  atomic.and<u32>(HEAP_AT, ~bit, HEAP_ORPHANS);
  for (let page = firstPage(); page < pagesEnd(); page++) {
    if (loadWord(page) == wordOf(PAGE_STATE_SLAB, sizeClass, 0)) adoptOrphan(context, page, sizeClass);
  }
}

export function adoptOrphan(context: usize, page: u32, sizeClass: u32): void {
  const word = wordOf(PAGE_STATE_SLAB, sizeClass, 0);
  if (!exchangeWord(page, word, wordOf(PAGE_STATE_SLAB, sizeClass, tokenOf(context)))) return;
  const free = rebuild(page);
  link(context, sizeClass, page);
  if (free == allOf(recordOf(page))) retire(context, page, sizeClass);
}

/** Releases the slabs of the caller's that turn out to be empty, and those that nobody owns. */
export function trimPage(context: usize, page: u32): u32 {
  const token = tokenOf(context);
  let word = loadWord(page);
  if (stateOf(word) == PAGE_STATE_SLAB && ownerOf(word) == 0) {
    adoptOrphan(context, page, argumentOf(word));
    word = loadWord(page);
  }
  if (stateOf(word) == PAGE_STATE_SLAB && ownerOf(word) == token) {
    if (drain(page) == allOf(recordOf(page))) retire(context, page, argumentOf(word));
  }
  return releaseEmpty(token, page);
}

/** Gives up all slabs of a context that leaves. */
export function abandonClass(context: usize, sizeClass: u32): void {
  for (let page = currentOf(context, sizeClass); page; page = currentOf(context, sizeClass)) {
    if (drain(page) == allOf(recordOf(page))) {
      retire(context, page, sizeClass);
    } else {
      unlink(context, sizeClass, page);
      orphan(page, sizeClass);
    }
  }
  releaseEmpty(tokenOf(context), emptyOf(context, sizeClass));
  setEmpty(context, sizeClass, 0);
}
