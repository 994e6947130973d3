// The words of pages and blocks: how they are composed, and where they lie.

import {
  BLOCK_SIZE,
  CACHE_ATTACHED,
  CACHE_WHO_AT,
  HEAP_AT,
  HEAP_PAGE_SHIFT,
  HEAP_RECORDS_AT,
  PAGE_BODY,
  PAGE_SIZE,
  PAGE_WORD,
  SLAB_COUNT,
  SLAB_FIRST,
  TOKEN_MASK,
} from "./layouts";

export function wordOf(state: u32, argument: u32, owner: u32): u64 {
  return u64(state | (argument << 4)) | (u64(owner) << 32);
}

export function stateOf(word: u64): u32 {
  return u32(word) & 15;
}

export function argumentOf(word: u64): u32 {
  return u32(word) >>> 4;
}

/** The high half: the owner of a page, or the context that a block's tag names. */
export function ownerOf(word: u64): u32 {
  return u32(word >>> 32);
}

export function tagOf(state: u32, token: u32): u64 {
  return u64(state) | (u64(token) << 32);
}

export function pageShift(): u32 {
  return load<u32>(HEAP_AT, HEAP_PAGE_SHIFT);
}

export function recordOf(page: u32): usize {
  return usize(load<u32>(HEAP_AT, HEAP_RECORDS_AT)) + usize(page) * PAGE_SIZE;
}

export function loadWord(page: u32): u64 {
  return atomic.load<u64>(recordOf(page), PAGE_WORD);
}

export function storeWord(page: u32, word: u64): void {
  atomic.store<u64>(recordOf(page), word, PAGE_WORD);
}

export function exchangeWord(page: u32, before: u64, after: u64): bool {
  return atomic.cmpxchg<u64>(recordOf(page), before, after, PAGE_WORD) == before;
}

export function addressOf(page: u32): usize {
  return usize(page) << pageShift();
}

/** The header of block `index` of a slab. */
export function headerIn(page: u32, index: u32): usize {
  return addressOf(page) + usize(index) * BLOCK_SIZE;
}

export function countOf(record: usize): u32 {
  return load<u16>(record, PAGE_BODY + SLAB_COUNT);
}

export function firstOf(record: usize): usize {
  return load<u32>(record, PAGE_BODY + SLAB_FIRST);
}

/** The bitmap with a bit for each block of a slab. */
export function allOf(record: usize): u64 {
  return ~u64(0) >>> (64 - countOf(record));
}

export function sizeOfClass(sizeClass: u32): u32 {
  return ((sizeClass & 1) ? 48 : 32) << (sizeClass >>> 1);
}

export function tokenOf(context: usize): u32 {
  return load<u32>(context, CACHE_ATTACHED) & TOKEN_MASK;
}

export function isAttached(context: usize): bool {
  return atomic.load<u32>(load<u32>(context, CACHE_WHO_AT)) == load<u32>(context, CACHE_ATTACHED);
}
