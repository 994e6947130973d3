// Deferred blocks: unlinked by an updater, and freed once a grace period is over, by whoever comes first.
//
// The tag of a block says that it is deferred, in which domain, and which grace period it waits for. To
// find them, a slab has a bit for each of its blocks, and the heap a bit for each page. The bits are
// hints: each is set after the tag, and cleared after the tag has changed again.
//
// One context at a time frees what is deferred in a slab: its visitor. So a tag that it finds DEFERRED
// stays so until it changes it, the slab cannot be released meanwhile, and what it reads is a tag.

import {
  BLOCK_DEFERRED_BY,
  BLOCK_MARK,
  BLOCK_SIZE,
  BLOCK_STATE_DEFERRED,
  BLOCK_STATE_LIVE,
  BLOCK_STATE_QUARANTINED,
  BLOCK_TAG,
  HEAP_AT,
  HEAP_DEFERRED_AT,
  LIMBO_BYTES,
  LIMBO_COUNT,
  MEMBER_MARK,
  OUTCOME_DETACHED,
  OUTCOME_DONE,
  OUTCOME_MEMBER,
  OUTCOME_NO_BLOCK,
  OUTCOME_NOT_LIVE,
  PAGE_BODY,
  PAGE_DEFERRED,
  PAGE_STATE_RUN,
  PAGE_STATE_SLAB,
  SLAB_VISITOR,
} from "./layouts";
import {
  footprint,
  freeFrom,
  giveBack,
  headerOf,
  indexFound,
  pageFound,
} from "./blocks.as";
import { pagesEnd } from "./pages.as";
import {
  addressOf,
  allOf,
  argumentOf,
  firstOf,
  headerIn,
  isAttached,
  loadWord,
  pageShift,
  recordOf,
  sizeOfClass,
  stateOf,
  tagOf,
  tokenOf,
} from "./words.as";

/** The word of the bitmap of pages with deferred blocks that `page` is in. */
function deferredWord(page: u32): usize {
  return usize(load<u32>(HEAP_AT, HEAP_DEFERRED_AT)) + ((usize(page) >>> 6) << 3);
}

/** Announces deferred blocks of a page. */
export function announce(page: u32, blocks: u64): void {
  // In this order: a bit of a page is cleared first and set again if blocks are left.
  if (atomic.or<u64>(recordOf(page), blocks, PAGE_DEFERRED) == 0) announcePage(page);
}

function announcePage(page: u32): void {
  atomic.or<u64>(deferredWord(page), u64(1) << (page & 63));
}

/** Announces deferred blocks that a dead context may have announced in part. */
export function announceAgain(page: u32, blocks: u64): void {
  atomic.or<u64>(recordOf(page), blocks, PAGE_DEFERRED);
  announcePage(page);
}

/**
 * Defers a live block of the domain with the record `limbo` until grace period `cookie` is over.
 *
 * @returns An OUTCOME.
 */
export function defer(context: usize, block: usize, limbo: usize, cookie: f64): u32 {
  if (!isAttached(context)) return OUTCOME_DETACHED;
  const header = headerOf(block);
  if (!header) return OUTCOME_NO_BLOCK;
  const tag = atomic.load<u64>(header, BLOCK_TAG);
  if (stateOf(tag) != BLOCK_STATE_LIVE) return OUTCOME_NOT_LIVE;
  if (load<u32>(header, BLOCK_MARK) == MEMBER_MARK) return OUTCOME_MEMBER;
  // Counted before: a death between the two may count a block too many, never one too few.
  count(limbo, 1, footprint());
  const deferred = tagOf(BLOCK_STATE_DEFERRED | u32(limbo), u32(u64(cookie)));
  // Before the tag: afterwards the block may be freed at any time, and its page become anything.
  store<u32>(header, tokenOf(context), BLOCK_DEFERRED_BY);
  if (atomic.cmpxchg<u64>(header, tag, deferred, BLOCK_TAG) != tag) {
    count(limbo, -1, -footprint());
    return OUTCOME_NOT_LIVE;
  }
  announce(pageFound(), u64(1) << indexFound());
  return OUTCOME_DONE;
}

function count(limbo: usize, blocks: u32, bytes: u32): void {
  atomic.add<u32>(limbo, blocks, LIMBO_COUNT);
  atomic.add<u32>(limbo, bytes, LIMBO_BYTES);
}

// ---- visits -----------------------------------------------------------------------------------

/** Becomes the visitor of a slab or a run, unless another context is; returns its word, or 0. */
export function visit(page: u32, token: u32): u64 {
  const record = recordOf(page);
  if (atomic.cmpxchg<u32>(record, 0, token, PAGE_BODY + SLAB_VISITOR) != 0) {
    skipped++;
    return 0;
  }
  const word = loadWord(page);
  if (stateOf(word) == PAGE_STATE_SLAB || stateOf(word) == PAGE_STATE_RUN) return word;
  leave(page);
  return 0;
}

export function leave(page: u32): void {
  atomic.store<u32>(recordOf(page), 0, PAGE_BODY + SLAB_VISITOR);
}

// ---- freeing ----------------------------------------------------------------------------------

let left: u32 = 0;
let skipped: u32 = 0;

/** Blocks of the domain that the last `reclaim` found and left: their grace period is not over. */
export function blocksLeft(): u32 {
  return left;
}

/** Pages that the last `reclaim` left to the context that was freeing blocks there. */
export function pagesSkipped(): u32 {
  return skipped;
}

/**
 * Frees the blocks of a domain whose grace period is over: those of number `done` or before.
 *
 * @param context The caller's caches.
 * @param limbo The record of the domain.
 * @param done The newest grace period that is over.
 * @returns How many were freed.
 */
export function reclaim(context: usize, limbo: usize, done: f64): u32 {
  left = 0;
  skipped = 0;
  let freed: u32 = 0;
  for (let page: u32 = 0; page < pagesEnd(); page += 64) {
    let pages = atomic.load<u64>(deferredWord(page));
    for (; pages; pages &= pages - 1) {
      freed += reclaimIn(context, page + u32(ctz<u64>(pages)), limbo, u32(u64(done)));
    }
  }
  return freed;
}

function reclaimIn(context: usize, page: u32, limbo: usize, done: u32): u32 {
  const word = visit(page, tokenOf(context));
  if (!word) return 0;
  const record = recordOf(page);
  const deferred = atomic.load<u64>(record, PAGE_DEFERRED);
  const blocks = blocksOf(page, word);
  // Bits beyond the blocks were set late, for what the page was before.
  let over = deferred & ~blocks;
  let freed: u64 = 0;
  for (let bits = deferred & blocks; bits; bits &= bits - 1) {
    const bit = bits & (~bits + 1);
    const header = blockAt(page, word, u32(ctz<u64>(bits)));
    const tag = atomic.load<u64>(header, BLOCK_TAG);
    if (stateOf(tag) != BLOCK_STATE_DEFERRED) {
      over |= bit;
    } else if ((usize(tag) & ~15) == limbo) {
      if (i32(done - u32(tag >>> 32)) < 0) {
        left++;
      } else if (freeFrom(context, header, tag)) {
        over |= bit;
        freed |= bit;
      }
    }
  }
  // In this order: once no bit leads to a block, the count is right.
  const number = u32(popcnt<u64>(freed));
  if (number) count(limbo, -number, -number * sizeIn(word));
  settle(page, word, over);
  leave(page);
  // Last, since the pages may be gone then.
  for (; freed; freed &= freed - 1) giveBack(context, page, u32(ctz<u64>(freed)), word);
  return number;
}

/** The blocks that a page has, as bits. */
function blocksOf(page: u32, word: u64): u64 {
  return stateOf(word) == PAGE_STATE_RUN ? 1 : allOf(recordOf(page));
}

function blockAt(page: u32, word: u64, index: u32): usize {
  return stateOf(word) == PAGE_STATE_RUN ? recordOf(page) + PAGE_BODY : headerIn(page, index);
}

function offsetOf(page: u32, word: u64, index: u32): usize {
  if (stateOf(word) == PAGE_STATE_RUN) return addressOf(page);
  const size = sizeOfClass(argumentOf(word));
  return addressOf(page) + firstOf(recordOf(page)) + usize(index) * size;
}

function sizeIn(word: u64): u32 {
  return stateOf(word) == PAGE_STATE_RUN
    ? argumentOf(word) << pageShift()
    : sizeOfClass(argumentOf(word)) + u32(BLOCK_SIZE);
}

/** Clears the bits of blocks that are no longer deferred, and the page's if none is. */
function settle(page: u32, word: u64, over: u64): void {
  const record = recordOf(page);
  if (!over) return;
  const before = atomic.and<u64>(record, ~over, PAGE_DEFERRED);
  // A block may have been deferred again since its tag was read, and the bit that announced it is the
  // one just cleared. A block that is deferred after this sets its bit after this.
  for (let bits = over & blocksOf(page, word); bits; bits &= bits - 1) {
    const tag = atomic.load<u64>(blockAt(page, word, u32(ctz<u64>(bits))), BLOCK_TAG);
    if (stateOf(tag) == BLOCK_STATE_DEFERRED) announce(page, bits & (~bits + 1));
  }
  // A run whose block was not deferred may be gone, and the bit that of a block in a slab.
  if (loadWord(page) != word) announce(page, over);
  if (before & ~over) return;
  const bit = u64(1) << (page & 63);
  atomic.and<u64>(deferredWord(page), ~bit);
  if (atomic.load<u64>(record, PAGE_DEFERRED)) atomic.or<u64>(deferredWord(page), bit);
}

/**
 * Takes one block whose grace period is over into the caller's quarantine, for debug mode; returns its
 * offset, or 0.
 */
export function takeExpired(context: usize, limbo: usize, done: f64): usize {
  left = 0;
  skipped = 0;
  for (let page: u32 = 0; page < pagesEnd(); page += 64) {
    let pages = atomic.load<u64>(deferredWord(page));
    for (; pages; pages &= pages - 1) {
      const block = takeIn(context, page + u32(ctz<u64>(pages)), limbo, u32(u64(done)));
      if (block) return block;
    }
  }
  return 0;
}

function takeIn(context: usize, page: u32, limbo: usize, done: u32): usize {
  const word = visit(page, tokenOf(context));
  if (!word) return 0;
  const taken = tagOf(BLOCK_STATE_QUARANTINED, tokenOf(context));
  const deferred = atomic.load<u64>(recordOf(page), PAGE_DEFERRED);
  const blocks = blocksOf(page, word);
  let over = deferred & ~blocks;
  let found: usize = 0;
  let bits = deferred & blocks;
  for (; bits && !found; bits &= bits - 1) {
    const index = u32(ctz<u64>(bits));
    const header = blockAt(page, word, index);
    const tag = atomic.load<u64>(header, BLOCK_TAG);
    if (stateOf(tag) != BLOCK_STATE_DEFERRED) {
      over |= bits & (~bits + 1);
    } else if ((usize(tag) & ~15) == limbo) {
      if (i32(done - u32(tag >>> 32)) < 0) left++;
      else if (atomic.cmpxchg<u64>(header, tag, taken, BLOCK_TAG) == tag) {
        over |= bits & (~bits + 1);
        found = offsetOf(page, word, index);
      }
    }
  }
  if (found) count(limbo, -1, -sizeIn(word));
  settle(page, word, over);
  leave(page);
  return found;
}

export function resetSkipped(): void {
  skipped = 0;
}
