// The sweep: one pass over all pages after the death of a context.
// Whatever step the dead context died at, the words of pages and the tags of blocks say what it had
// begun. A sweep that is cut short, by another death, is begun anew.

import {
  BLOCK_STATE_DEFERRED,
  BLOCK_STATE_FREE,
  BLOCK_STATE_PENDING,
  BLOCK_STATE_QUARANTINED,
  BLOCK_TAG,
  PAGE_BODY,
  PAGE_REMOTE,
  PAGE_STATE_CLAIMED,
  PAGE_STATE_EMPTY,
  PAGE_STATE_FREE,
  PAGE_STATE_RUN,
  PAGE_STATE_SLAB,
  PAGE_STATE_TAIL,
  SLAB_VISITOR,
} from "./layouts";
import { freeFrom, giveBack } from "./blocks.as";
import { announceAgain, leave, pagesSkipped, resetSkipped, visit } from "./deferred.as";
import { firstPage, markUnused, pagesEnd, releasePages } from "./pages.as";
import { orphan, releaseEmpty, trimPage } from "./slabs.as";
import {
  argumentOf,
  countOf,
  exchangeWord,
  headerIn,
  loadWord,
  ownerOf,
  recordOf,
  stateOf,
  tagOf,
  tokenOf,
  wordOf,
} from "./words.as";

let slabs: u32 = 0;
let pending: u32 = 0;
let quarantined: u32 = 0;

/** Slabs of the dead context that the last sweep gave up for others. */
export function slabsSwept(): u32 {
  return slabs;
}

/** Blocks that the dead context was allocating, which the last sweep freed. */
export function pendingSwept(): u32 {
  return pending;
}

/** Blocks of its quarantine that the last sweep freed. */
export function quarantinedSwept(): u32 {
  return quarantined;
}

/**
 * Sweeps up after the context `dead`, which has certainly stopped. Several contexts may do so at once, and
 * any may die half-way: each change is made by one compare-and-exchange from a word that names the dead
 * context, and no such word is ever written again.
 *
 * @returns Pages that could not be swept, since a living context looks at them: sweep again.
 */
export function sweep(context: usize, dead: u32): u32 {
  slabs = 0;
  pending = 0;
  quarantined = 0;
  resetSkipped();
  const end = pagesEnd();
  for (let page = firstPage(); page < end; page++) {
    atomic.cmpxchg<u32>(recordOf(page), dead, 0, PAGE_BODY + SLAB_VISITOR);
    const word = loadWord(page);
    const state = stateOf(word);
    if (state == PAGE_STATE_RUN) {
      sweepRun(context, page, word, dead);
    } else if (state == PAGE_STATE_SLAB && ownerOf(word) != dead) {
      sweepForeign(context, page, dead);
    } else if (state && ownerOf(word) == dead) {
      if (state == PAGE_STATE_CLAIMED) sweepClaimed(context, page, word);
      else if (state == PAGE_STATE_EMPTY) releaseEmpty(tokenOf(context), page);
      else if (state == PAGE_STATE_SLAB) sweepOwn(context, page, word, dead);
    }
  }
  return pagesSkipped();
}

/** A page that the dead context was building on or taking apart, with the tails that belong to it. */
function sweepClaimed(context: usize, page: u32, word: u64): void {
  if (!exchangeWord(page, word, wordOf(PAGE_STATE_CLAIMED, 0, tokenOf(context)))) return;
  let end = page + 1;
  while (end < pagesEnd() && isTailOf(end, page)) end++;
  releasePages(page, end - page, 0);
}

function isTailOf(page: u32, first: u32): bool {
  const word = loadWord(page);
  return stateOf(word) == PAGE_STATE_TAIL && argumentOf(word) == first;
}

/** A slab of the dead context. The caller owns it for a moment, and gives it up for others. */
function sweepOwn(context: usize, page: u32, word: u64, dead: u32): void {
  const sizeClass = argumentOf(word);
  if (!exchangeWord(page, word, wordOf(PAGE_STATE_SLAB, sizeClass, tokenOf(context)))) return;
  for (let index: u32 = 0; index < countOf(recordOf(page)); index++) {
    const header = headerIn(page, index);
    const tag = atomic.load<u64>(header, BLOCK_TAG);
    // Nobody but its owner allocates in a slab: whoever is named, the allocation was cut short.
    if (stateOf(tag) == BLOCK_STATE_PENDING && freeFrom(context, header, tag)) pending++;
    if (tag == tagOf(BLOCK_STATE_QUARANTINED, dead) && freeFrom(context, header, tag)) quarantined++;
    if (stateOf(tag) == BLOCK_STATE_DEFERRED) announceAgain(page, u64(1) << index);
  }
  orphan(page, sizeClass);
  slabs++;
}

/** A slab of another context, in which the dead one may have left a block half freed or deferred. */
function sweepForeign(context: usize, page: u32, dead: u32): void {
  if (!visit(page, tokenOf(context))) return;
  const record = recordOf(page);
  for (let index: u32 = 0; index < countOf(record); index++) {
    const header = headerIn(page, index);
    const tag = atomic.load<u64>(header, BLOCK_TAG);
    const bit = u64(1) << index;
    if (tag == tagOf(BLOCK_STATE_QUARANTINED, dead)) {
      if (freeFrom(context, header, tag)) quarantined++;
      atomic.or<u64>(record, bit, PAGE_REMOTE);
    }
    if (tag == tagOf(BLOCK_STATE_FREE, dead)) atomic.or<u64>(record, bit, PAGE_REMOTE);
    if (stateOf(tag) == BLOCK_STATE_DEFERRED) announceAgain(page, bit);
  }
  leave(page);
}

/** A run, whoever allocated it: it is freed if the dead context was about to. */
function sweepRun(context: usize, page: u32, word: u64, dead: u32): void {
  const header = recordOf(page) + PAGE_BODY;
  const tag = atomic.load<u64>(header, BLOCK_TAG);
  if (tag == tagOf(BLOCK_STATE_PENDING, dead)) {
    if (!freeFrom(context, header, tag)) return;
    pending++;
    giveBack(context, page, 0, word);
  } else if (tag == tagOf(BLOCK_STATE_QUARANTINED, dead)) {
    if (!freeFrom(context, header, tag)) return;
    quarantined++;
    giveBack(context, page, 0, word);
  } else if (tag == tagOf(BLOCK_STATE_FREE, dead)) {
    // Renamed first: so one context alone gives the pages back, and not those of a later run.
    if (freeFrom(context, header, tag)) giveBack(context, page, 0, word);
  } else if (stateOf(tag) == BLOCK_STATE_DEFERRED) {
    announceAgain(page, 1);
  }
}

/**
 * Looks for free pages that the hints do not show, and frees those of empty slabs, whoever owns them.
 * For an allocation that has found no room.
 *
 * @returns How many pages it freed.
 */
export function trim(context: usize): u32 {
  let freed: u32 = 0;
  for (let page = firstPage(); page < pagesEnd(); page++) {
    const state = stateOf(loadWord(page));
    if (state == PAGE_STATE_FREE) markUnused(page, 1);
    else if (state == PAGE_STATE_SLAB || state == PAGE_STATE_EMPTY) freed += trimPage(context, page);
  }
  return freed;
}
