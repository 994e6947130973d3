/**
 * Checks of the heap: that the words of pages agree with one another, and blocks with the hints that
 * lead to them.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { BLOCK, BLOCK_STATE, PAGE, PAGE_STATE, SLAB } from "../kernel/heap/layouts.ts";
import type { U64Field } from "../layout/mod.ts";
import { STATE_NAMES, stateOf } from "./block.ts";
import type { Heap } from "./heap.ts";
import type { PageInfo } from "./pages.ts";

/** How often a page is looked at again that another context may be changing. */
const LOOKS = 100;

/**
 * Checks every invariant of the heap. What another context is in the middle of is passed over, as long as
 * that context is attached; what changes while it is looked at is looked at again.
 *
 * @throws {RcuError} `ARENA_CORRUPT`: at the first that does not hold.
 */
export function verify(heap: Heap): void {
  const { firstPage, pages } = heap.geometry;
  for (let page = firstPage; page < pages;) page += checked(heap, page);
}

/** Checks what begins at a page; returns how many pages it has. */
function checked(heap: Heap, page: number): number {
  for (let look = 1;; look++) {
    const info = heap.pages.describe(page);
    const problem = problemOf(heap, info);
    if (problem === undefined) return Math.max(info.pages, 1);
    if (look < LOOKS) continue;
    throw new RcuError("ARENA_CORRUPT", { offset: problem.at, reason: problem.reason });
  }
}

interface Problem {
  readonly at: number;
  readonly reason: string;
}

function problemOf(heap: Heap, info: PageInfo): Problem | undefined {
  const at = heap.pages.recordOf(info.page);
  const known = info.state <= PAGE_STATE.RESERVED;
  if (!known) return { at, reason: `a page has state ${info.state}` };
  if (info.state === PAGE_STATE.FREE) return undefined;
  if (info.state === PAGE_STATE.RESERVED) return { at, reason: "a page of the heap is reserved" };
  if (info.state === PAGE_STATE.CLAIMED) {
    if (heap.mayChange(info.owner)) return undefined;
    return { at, reason: "a page is claimed, and not used" };
  }
  if (info.state === PAGE_STATE.TAIL) {
    // The pages before it have become a slab or a run since they were looked at.
    if (covers(heap, info.argument, info.page)) return undefined;
    return { at, reason: "a page belongs to no slab and no run" };
  }
  if (info.page + info.pages > heap.geometry.pages) return { at, reason: "it ends after the heap" };
  return tailProblem(heap, info) ?? blockProblem(heap, info);
}

function covers(heap: Heap, first: number, page: number): boolean {
  const { state, owner, pages } = heap.pages.describe(first);
  if (state === PAGE_STATE.CLAIMED) return heap.mayChange(owner);
  return state !== PAGE_STATE.TAIL && first < page && page < first + pages;
}

function tailProblem(heap: Heap, { page, pages }: PageInfo): Problem | undefined {
  for (let tail = page + 1; tail < page + pages; tail++) {
    const { state, argument } = heap.pages.describe(tail);
    if (state === PAGE_STATE.TAIL && argument === page) continue;
    return {
      at: heap.pages.recordOf(tail),
      reason: "a page does not belong to the page before it",
    };
  }
  return undefined;
}

function blockProblem(heap: Heap, info: PageInfo): Problem | undefined {
  for (let index = 0; index < info.blocks; index++) {
    const { header: at } = heap.pages.blockOf(info, index);
    const reason = reasonOf(heap, info, index, at);
    if (reason !== undefined) return { at, reason };
  }
  return undefined;
}

/** What is wrong with a block, if anything is. */
function reasonOf(heap: Heap, info: PageInfo, index: number, header: number): string | undefined {
  const { u32 } = heap;
  const record = heap.pages.recordOf(info.page);
  const bit = (field: U64Field) =>
    ((index < 32 ? field.low(u32, record) : field.high(u32, record)) >>> (index & 31) & 1) === 1;
  const state = stateOf(u32, header);
  const by = u32[BLOCK.tag.index(header) + 1]!;
  if (STATE_NAMES[state] === undefined) return `a block has state ${state}`;
  if (info.state === PAGE_STATE.EMPTY && state !== BLOCK_STATE.FREE) {
    return "a slab counts as empty and is not";
  }
  if (state === BLOCK_STATE.PENDING) return heap.mayChange(by) ? undefined : "a block is pending";
  if (state === BLOCK_STATE.DEFERRED && !bit(PAGE.deferred)) {
    const isVisited = SLAB.visitor.get(u32, record + PAGE.body.offset) !== 0;
    return isVisited || heap.mayChange(BLOCK.deferredBy.get(u32, header))
      ? undefined
      : "no bit leads to a deferred block";
  }
  // What another context owns, it changes as it likes.
  if (info.state !== PAGE_STATE.SLAB || heap.mayChange(info.owner)) return undefined;
  const offered = bit(PAGE.free);
  if (offered && state !== BLOCK_STATE.FREE && info.owner !== 0) return "a block in use is offered";
  if (info.owner === 0 || offered || state !== BLOCK_STATE.FREE) return undefined;
  return bit(PAGE.remote) || heap.mayChange(by) ? undefined : "no bit leads to a free block";
}
