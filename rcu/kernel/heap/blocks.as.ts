// Blocks: from an offset to the header, from a state to the next.

import {
  ALLOCATION_PENDING,
  ALLOCATION_ZEROED,
  BLOCK_ALLOCATED_BY,
  BLOCK_DEFERRED_BY,
  BLOCK_MARK,
  BLOCK_REQUESTED,
  BLOCK_SERIAL,
  BLOCK_SIZE,
  BLOCK_STATE_FREE,
  BLOCK_STATE_LIVE,
  BLOCK_STATE_PENDING,
  BLOCK_STATE_QUARANTINED,
  BLOCK_TAG,
  CACHE_SERIAL,
  CLASSES,
  MEMBER_MARK,
  OUTCOME_DETACHED,
  OUTCOME_DONE,
  OUTCOME_MEMBER,
  OUTCOME_NO_BLOCK,
  OUTCOME_NOT_LIVE,
  PAGE_BODY,
  PAGE_DEFERRED,
  PAGE_FREE,
  PAGE_REMOTE,
  PAGE_STATE_CLAIMED,
  PAGE_STATE_EMPTY,
  PAGE_STATE_RUN,
  PAGE_STATE_SLAB,
  PAGE_STATE_TAIL,
  SLAB_RECIPROCAL,
} from "./layouts";
import { attachTails, claimRun, pagesEnd, releasePages } from "./pages.as";
import { currentOf } from "./rings.as";
import { putBack, refill } from "./slabs.as";
import {
  addressOf,
  argumentOf,
  countOf,
  exchangeWord,
  firstOf,
  headerIn,
  isAttached,
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

// ---- allocation -------------------------------------------------------------------------------

/** The smallest class whose blocks have this size and alignment; CLASSES or more if there is none. */
function classOf(bytes: u32, alignment: u32): u32 {
  if (alignment > 16 && bytes < alignment) bytes = alignment;
  let sizeClass: u32 = 0;
  if (bytes > 32) {
    const last = bytes - 1;
    const log = 31 - u32(clz<u32>(last));
    sizeClass = ((log - 5) << 1) + ((last >>> (log - 1)) & 1) + 1;
  }
  // A class of 48 times a power of two is aligned to 16 times that power.
  if (sizeClass & 1 && alignment > (u32(16) << (sizeClass >>> 1))) sizeClass++;
  return alignment >>> pageShift() > 1 ? u32(CLASSES) : sizeClass;
}

/**
 * Allocates a block.
 *
 * @param context The caller's caches.
 * @param bytes What it must hold.
 * @param requested What to record as requested.
 * @param alignment A power of two of at least 16.
 * @param flags Of ALLOCATION.
 * @returns Its offset; or, below 16, an OUTCOME: DONE if there is no room.
 */
export function allocate(
  context: usize,
  bytes: u32,
  requested: u32,
  alignment: u32,
  flags: u32,
): usize {
  if (!isAttached(context)) return OUTCOME_DETACHED;
  const sizeClass = classOf(bytes, alignment);
  if (sizeClass >= u32(CLASSES)) return allocateRun(context, bytes, requested, alignment, flags);
  let page = currentOf(context, sizeClass);
  let record = recordOf(page);
  // Page 0 is the arena's own and has no free block.
  if (!load<u64>(record, PAGE_FREE)) {
    page = refill(context, sizeClass);
    if (!page) return allocateRun(context, bytes, requested, alignment, flags);
    record = recordOf(page);
  }
  const free = load<u64>(record, PAGE_FREE);
  store<u64>(record, free & (free - 1), PAGE_FREE);
  const index = u32(ctz<u64>(free));
  const block = addressOf(page) + firstOf(record) + usize(index) * sizeOfClass(sizeClass);
  begin(context, headerIn(page, index), requested);
  finish(context, headerIn(page, index), block, bytes, flags);
  return block;
}

/** A block with pages of its own. */
function allocateRun(
  context: usize,
  bytes: u32,
  requested: u32,
  alignment: u32,
  flags: u32,
): usize {
  const token = tokenOf(context);
  const shift = pageShift();
  const count = u32((u64(bytes) + ((u64(1) << shift) - 1)) >>> shift);
  const page = claimRun(token, count, max<u32>(alignment >>> shift, 1));
  if (!page) return OUTCOME_DONE;
  const record = recordOf(page);
  const header = record + PAGE_BODY;
  atomic.store<u64>(record, 0, PAGE_DEFERRED);
  begin(context, header, requested);
  attachTails(token, page, count);
  storeWord(page, wordOf(PAGE_STATE_RUN, count, token));
  finish(context, header, addressOf(page), bytes, flags);
  return addressOf(page);
}

/**
 * From here on, a sweep after the caller's death finds the block and frees it.
 *
 * The stores to the tag, here and in `finish`, are plain, since the page is the caller's. Others may read
 * the tag at the same time: visitors, which look for blocks that are deferred, or that a dead context has
 * freed. None of them is fooled by a tag of which one half is old: no half that is stored here says
 * DEFERRED or names a dead context.
 */
function begin(context: usize, header: usize, requested: u32): void {
  const token = tokenOf(context);
  const serial = load<u32>(context, CACHE_SERIAL);
  store<u32>(context, serial + 1, CACHE_SERIAL);
  store<u64>(header, tagOf(BLOCK_STATE_PENDING, token), BLOCK_TAG);
  store<u32>(header, requested, BLOCK_REQUESTED);
  store<u32>(header, token, BLOCK_ALLOCATED_BY);
  store<u32>(header, serial, BLOCK_SERIAL);
  store<u32>(header, 0, BLOCK_DEFERRED_BY);
  store<u32>(header, 0, BLOCK_MARK);
}

function finish(context: usize, header: usize, block: usize, bytes: u32, flags: u32): void {
  if (flags & ALLOCATION_ZEROED) zero(block, bytes);
  if (flags & ALLOCATION_PENDING) return;
  store<u64>(header, tagOf(BLOCK_STATE_LIVE, tokenOf(context)), BLOCK_TAG);
}

/** Zeroes at least these bytes. A call of `memory.fill` costs as much as a few dozen stores. */
function zero(block: usize, bytes: u32): void {
  if (bytes > 256) {
    memory.fill(block, 0, bytes);
    return;
  }
  const end = block + bytes;
  for (let at = block; at < end; at += 16) {
    store<u64>(at, 0);
    store<u64>(at, 0, 8);
  }
}

/** Makes a PENDING block of the context `token` LIVE. */
export function publish(block: usize, token: u32): u32 {
  const header = headerOf(block);
  if (!header) return OUTCOME_NO_BLOCK;
  const pending = tagOf(BLOCK_STATE_PENDING, token);
  const live = tagOf(BLOCK_STATE_LIVE, token);
  return atomic.cmpxchg<u64>(header, pending, live, BLOCK_TAG) == pending
    ? OUTCOME_DONE
    : OUTCOME_NOT_LIVE;
}

// ---- from an offset to the header -------------------------------------------------------------

let foundPage: u32 = 0;
let foundIndex: u32 = 0;
let foundWord: u64 = 0;

/** First page of the last block found, its index in a slab or 0, and the word of the page. */
export function pageFound(): u32 {
  return foundPage;
}

export function indexFound(): u32 {
  return foundIndex;
}

export function wordFound(): u64 {
  return foundWord;
}

/** The header of the block that starts at an offset, or 0 if none does. */
export function headerOf(block: usize): usize {
  let page = u32(block >>> pageShift());
  if (page >= pagesEnd()) return 0;
  let word = loadWord(page);
  if (stateOf(word) == PAGE_STATE_TAIL) {
    page = argumentOf(word);
    word = loadWord(page);
  }
  foundPage = page;
  foundWord = word;
  const record = recordOf(page);
  if (stateOf(word) == PAGE_STATE_SLAB || stateOf(word) == PAGE_STATE_EMPTY) {
    const offset = u32(block - addressOf(page) - firstOf(record));
    const index = u32((u64(offset) * load<u32>(record, PAGE_BODY + SLAB_RECIPROCAL)) >>> 32);
    foundIndex = index;
    if (index >= countOf(record) || index * sizeOfClass(argumentOf(word)) != offset) return 0;
    return headerIn(page, index);
  }
  foundIndex = 0;
  if (stateOf(word) == PAGE_STATE_RUN && addressOf(page) == block) return record + PAGE_BODY;
  return 0;
}

/** Bytes that the last block found takes, with its header. */
export function footprint(): u32 {
  return stateOf(foundWord) == PAGE_STATE_RUN
    ? argumentOf(foundWord) << pageShift()
    : sizeOfClass(argumentOf(foundWord)) + u32(BLOCK_SIZE);
}

// ---- freeing ----------------------------------------------------------------------------------

/**
 * Frees a live block. The compare-and-exchange of its tag decides who does, if several try.
 *
 * @returns An OUTCOME.
 */
export function free(context: usize, block: usize): u32 {
  return turn(context, block, BLOCK_STATE_FREE);
}

/** Frees a live block, or makes it QUARANTINED. */
export function turn(context: usize, block: usize, state: u32): u32 {
  if (!isAttached(context)) return OUTCOME_DETACHED;
  const header = headerOf(block);
  if (!header) return OUTCOME_NO_BLOCK;
  const tag = atomic.load<u64>(header, BLOCK_TAG);
  if (stateOf(tag) != BLOCK_STATE_LIVE) return OUTCOME_NOT_LIVE;
  if (load<u32>(header, BLOCK_MARK) == MEMBER_MARK) return OUTCOME_MEMBER;
  const turned = tagOf(state, tokenOf(context));
  if (atomic.cmpxchg<u64>(header, tag, turned, BLOCK_TAG) != tag) return OUTCOME_NOT_LIVE;
  if (state == BLOCK_STATE_FREE) giveBack(context, foundPage, foundIndex, foundWord);
  return OUTCOME_DONE;
}

/** Frees a block that is in the state of `tag`; returns whether it was. */
export function freeFrom(context: usize, header: usize, tag: u64): bool {
  const free = tagOf(BLOCK_STATE_FREE, tokenOf(context));
  return atomic.cmpxchg<u64>(header, tag, free, BLOCK_TAG) == tag;
}

/** Frees a block that is in quarantine; returns whether it was. */
export function release(context: usize, block: usize): u32 {
  const header = headerOf(block);
  if (!header) return 0;
  const tag = atomic.load<u64>(header, BLOCK_TAG);
  if (stateOf(tag) != BLOCK_STATE_QUARANTINED || !freeFrom(context, header, tag)) return 0;
  giveBack(context, foundPage, foundIndex, foundWord);
  return 1;
}

/**
 * Returns a block whose tag the caller has made FREE to its slab, or its pages to the heap.
 *
 * `word` is what the page's word was when the block was in use. If it named the caller as the owner, it
 * does so still. If it did not, neither does it now, and a bit of `remote` is right: whoever owns the
 * slab, now or later, finds the tag FREE when it comes to the bit, or has found it already.
 */
export function giveBack(context: usize, page: u32, index: u32, word: u64): void {
  if (stateOf(word) == PAGE_STATE_RUN) {
    if (exchangeWord(page, word, wordOf(PAGE_STATE_CLAIMED, 0, tokenOf(context)))) {
      releasePages(page, argumentOf(word), word);
    }
    return;
  }
  if (ownerOf(word) == tokenOf(context)) putBack(context, page, index, argumentOf(word));
  else atomic.or<u64>(recordOf(page), u64(1) << index, PAGE_REMOTE);
}
