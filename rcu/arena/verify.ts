/**
 * Checks of the heap: that the words of pages agree with one another, and blocks with the hints that
 * lead to them.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { BLOCK_STATE, PAGE, PAGE_STATE } from "../kernel/heap/layouts.ts";
import type { U64Field } from "../layout/mod.ts";
import { STATE_NAMES, stateOf } from "./block.ts";
import type { Heap } from "./heap.ts";
import type { PageInfo } from "./pages.ts";

/** How often a page is looked at again that another context may be changing. */
const LOOKS = 100;

/**
 * Checks every invariant of the heap. What another context changes at the moment is looked at again.
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
  if (info.state === PAGE_STATE.TAIL) return { at, reason: "a page belongs to no slab and no run" };
  if (info.state === PAGE_STATE.RESERVED) return { at, reason: "a page of the heap is reserved" };
  if (info.state === PAGE_STATE.CLAIMED) return { at, reason: "a page is claimed, and not used" };
  if (info.state === PAGE_STATE.FREE) return undefined;
  if (info.page + info.pages > heap.geometry.pages) return { at, reason: "it ends after the heap" };
  return tailProblem(heap, info) ?? blockProblem(heap, info);
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
  const { u32 } = heap;
  const record = heap.pages.recordOf(info.page);
  const bit = (field: U64Field, index: number) =>
    ((index < 32 ? field.low(u32, record) : field.high(u32, record)) >>> (index & 31)) & 1;
  for (let index = 0; index < info.blocks; index++) {
    const { header: at } = heap.pages.blockOf(info, index);
    const state = stateOf(u32, at);
    if (STATE_NAMES[state] === undefined) return { at, reason: `a block has state ${state}` };
    if (info.state === PAGE_STATE.EMPTY && state !== BLOCK_STATE.FREE) {
      return { at, reason: "a slab counts as empty and is not" };
    }
    if (state === BLOCK_STATE.PENDING) return { at, reason: "a block is pending" };
    if (state === BLOCK_STATE.DEFERRED && !bit(PAGE.deferred, index)) {
      return { at, reason: "no bit leads to a deferred block" };
    }
    if (info.state !== PAGE_STATE.SLAB) continue;
    const offered = bit(PAGE.free, index) === 1;
    if (offered && state !== BLOCK_STATE.FREE) return { at, reason: "a block in use is offered" };
    if (info.owner === 0 || offered || state !== BLOCK_STATE.FREE) continue;
    if (!bit(PAGE.remote, index)) return { at, reason: "no bit leads to a free block" };
  }
  return undefined;
}
