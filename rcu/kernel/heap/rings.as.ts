// The slabs of a context, class by class: a ring of those with blocks in use, and an empty one at hand.

import { CACHE_CURRENT, CACHE_EMPTY, PAGE_BODY, SLAB_NEXT, SLAB_PREVIOUS } from "./layouts";
import { recordOf } from "./words.as";

export function currentOf(context: usize, sizeClass: u32): u32 {
  return load<u32>(context + (usize(sizeClass) << 2), CACHE_CURRENT);
}

export function setCurrent(context: usize, sizeClass: u32, page: u32): void {
  store<u32>(context + (usize(sizeClass) << 2), page, CACHE_CURRENT);
}

export function emptyOf(context: usize, sizeClass: u32): u32 {
  return load<u32>(context + (usize(sizeClass) << 2), CACHE_EMPTY);
}

export function setEmpty(context: usize, sizeClass: u32, page: u32): void {
  store<u32>(context + (usize(sizeClass) << 2), page, CACHE_EMPTY);
}

export function nextOf(page: u32): u32 {
  return load<u32>(recordOf(page), PAGE_BODY + SLAB_NEXT);
}

function join(before: u32, after: u32): void {
  store<u32>(recordOf(before), after, PAGE_BODY + SLAB_NEXT);
  store<u32>(recordOf(after), before, PAGE_BODY + SLAB_PREVIOUS);
}

/** Adds a slab to the ring, behind the current one; it becomes the current one if there is none. */
export function link(context: usize, sizeClass: u32, page: u32): void {
  const current = currentOf(context, sizeClass);
  if (current) {
    join(page, nextOf(current));
    join(current, page);
  } else {
    join(page, page);
    setCurrent(context, sizeClass, page);
  }
}

export function unlink(context: usize, sizeClass: u32, page: u32): void {
  const next = nextOf(page);
  if (next == page) {
    setCurrent(context, sizeClass, 0);
    return;
  }
  join(load<u32>(recordOf(page), PAGE_BODY + SLAB_PREVIOUS), next);
  if (currentOf(context, sizeClass) == page) setCurrent(context, sizeClass, next);
}
