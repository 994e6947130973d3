/**
 * The allocator alone: one thread that goes through both pages, two contexts of which free each other's
 * blocks. What each call must return, step by step.
 *
 * @module
 */

import { check, type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { ALLOCATION, BLOCK_STATE, OUTCOME } from "../../kernel/heap/layouts.ts";
import { findAllFree } from "./allocations.ts";
import {
  BOTH,
  consistent,
  CONTEXTS,
  h,
  k,
  LIMBO_AT,
  PAGES,
  setting,
  SMALL,
} from "./heap_setting.ts";

const [FIRST, SECOND] = CONTEXTS;

/** Offset of block `index` of the slab on a page. */
function small(page: number, index: number): number {
  return (page << 8) + 128 + index * SMALL;
}

function equal(got: number, wanted: number, what: string): void {
  check(got === wanted, `${what} is ${got} instead of ${wanted}`);
}

function* allocateAt(context: number, wanted: number, what: string): Steps {
  equal((yield* h.allocate(context, SMALL, SMALL, 16, ALLOCATION.ZEROED)) >>> 0, wanted, what);
}

/** Fills both pages with small blocks, in order; then there is no room. */
function* fill(context: number): Steps {
  for (const page of PAGES) {
    for (let index = 0; index < 4; index++) {
      yield* run(allocateAt, context, small(page, index), `block ${page}.${index}`);
    }
  }
  yield* run(allocateAt, context, OUTCOME.DONE, "a block too many");
}

function* freeAll(context: number, pages: string, order: string): Steps {
  for (const page of pages) {
    for (const index of order) {
      const outcome = yield* h.free(context, small(PAGES[Number(page)]!, Number(index)));
      equal(outcome, OUTCOME.DONE, "the outcome of a free");
    }
  }
}

/** Each block is had once; freed blocks are used again; empty pages go back. */
function* ownBlocks(): Steps {
  yield* run(fill, FIRST);
  yield* h.free(FIRST, small(PAGES[0], 2));
  yield* run(allocateAt, FIRST, small(PAGES[0], 2), "the block just freed");
  yield* h.free(FIRST, small(PAGES[1], 3));
  yield* h.free(FIRST, small(PAGES[0], 1));
  const two = [small(PAGES[1], 3), small(PAGES[0], 1)];
  const one = (yield* h.allocate(FIRST, SMALL, SMALL, 16, 0)) >>> 0;
  check(two.includes(one), "a block that is in use is handed out");
  yield* run(allocateAt, FIRST, two[0]! + two[1]! - one, "the other block");
  yield* run(freeAll, FIRST, "10", "3120");
  yield* run(allocateAt, FIRST, small(PAGES[1], 0), "the first block of the slab that was kept");
  yield* h.free(FIRST, small(PAGES[1], 0));
  yield* run(findAllFree, 0);
}

/** What another context frees is found when there is no other block. */
function* foreignBlocks(): Steps {
  yield* run(fill, FIRST);
  yield* h.free(SECOND, small(PAGES[0], 3));
  yield* h.free(SECOND, small(PAGES[1], 0));
  equal(yield* h.free(SECOND, small(PAGES[1], 0)), OUTCOME.NOT_LIVE, "a second free");
  equal(yield* h.free(FIRST, small(PAGES[1], 0)), OUTCOME.NOT_LIVE, "a second free");
  yield* run(allocateAt, FIRST, small(PAGES[1], 0), "a block freed by another context");
  yield* run(allocateAt, FIRST, small(PAGES[0], 3), "a block freed by another context");
  yield* run(allocateAt, FIRST, OUTCOME.DONE, "a block too many");
  yield* run(freeAll, SECOND, "01", "2301");
  yield* run(findAllFree, 0);
}

/** What is no block is refused, whoever asks. */
function* refusals(): Steps {
  yield* run(allocateAt, FIRST, small(PAGES[0], 0), "the first block");
  const outside = [
    PAGES[0] << 8,
    small(PAGES[0], 0) + 16,
    small(PAGES[0], 4),
    small(PAGES[1], 0),
    128,
    8 << 8,
  ];
  for (const offset of outside) {
    equal(yield* h.free(SECOND, offset), OUTCOME.NO_BLOCK, `a free at ${offset}`);
    equal(yield* h.defer(SECOND, offset, LIMBO_AT, 1), OUTCOME.NO_BLOCK, `a deferral at ${offset}`);
  }
  equal(yield* h.free(FIRST, small(PAGES[0], 1)), OUTCOME.NOT_LIVE, "a free of a free block");
  yield* k.store32(256, 0); // the first context detaches
  equal(yield* h.allocate(FIRST, SMALL, SMALL, 16, 0), OUTCOME.DETACHED, "an allocation");
  equal(yield* h.free(FIRST, small(PAGES[0], 0)), OUTCOME.DETACHED, "a free");
  equal(yield* h.defer(FIRST, small(PAGES[0], 0), LIMBO_AT, 1), OUTCOME.DETACHED, "a deferral");
  equal(yield* h.free(SECOND, small(PAGES[0], 0)), OUTCOME.DONE, "a free by another context");
}

/** Pending blocks are not yet anybody's; quarantined ones no longer. */
function* states(): Steps {
  const pending = (yield* h.allocate(FIRST, SMALL, SMALL, 16, ALLOCATION.PENDING)) >>> 0;
  equal(yield* h.free(FIRST, pending), OUTCOME.NOT_LIVE, "a free of a pending block");
  equal(yield* h.publish(pending, 6), OUTCOME.NOT_LIVE, "a publication for another context");
  equal(yield* h.publish(pending, 5), OUTCOME.DONE, "a publication");
  equal(yield* h.turn(SECOND, pending, BLOCK_STATE.QUARANTINED), OUTCOME.DONE, "a quarantine");
  equal(yield* h.free(FIRST, pending), OUTCOME.NOT_LIVE, "a free of a quarantined block");
  equal(yield* h.release(SECOND, pending), 1, "a release");
  equal(yield* h.release(SECOND, pending), 0, "a second release");
  equal((yield* h.allocate(FIRST, BOTH, BOTH, 16, 0)) >>> 0, OUTCOME.DONE, "a run beside a slab");
  yield* run(findAllFree, 0);
}

/** Blocks that several contexts defer are freed by one, in whatever page they lie. */
function* deferrals(): Steps {
  yield* run(fill, FIRST);
  for (
    const [context, page, index, cookie] of [
      [FIRST, 0, 0, 2],
      [SECOND, 0, 3, 4],
      [SECOND, 1, 1, 3],
      [FIRST, 1, 2, 2 ** 32 + 3],
    ] as const
  ) {
    const outcome = yield* h.defer(context, small(PAGES[page], index), LIMBO_AT, cookie);
    equal(outcome, OUTCOME.DONE, "the outcome of a deferral");
  }
  equal(yield* h.free(FIRST, small(PAGES[0], 0)), OUTCOME.NOT_LIVE, "a free of a deferred block");
  equal(yield* h.reclaim(SECOND, LIMBO_AT, 1), 0, "blocks freed too early");
  equal(yield* h.blocksLeft(), 4, "blocks left");
  equal(yield* h.reclaim(SECOND, LIMBO_AT, 3), 3, "blocks freed");
  equal(yield* h.blocksLeft(), 1, "blocks left");
  equal(yield* h.reclaim(SECOND, LIMBO_AT + 16, 4), 0, "blocks of another domain");
  equal((yield* h.takeExpired(FIRST, LIMBO_AT, 3)) >>> 0, 0, "a block taken too early");
  equal((yield* h.takeExpired(FIRST, LIMBO_AT, 4)) >>> 0, small(PAGES[0], 3), "a block taken");
  equal(yield* h.release(FIRST, small(PAGES[0], 3)), 1, "its release");
  equal(yield* h.pagesSkipped(), 0, "pages skipped");
}

function alone(script: () => Steps, atEnd = true): Program {
  return {
    ...setting(),
    ...(atEnd && { atEnd: consistent }),
    threads: [{ name: "thread", script }],
  };
}

/** All contracts. */
export const contracts: Readonly<Record<string, Program>> = {
  "a context's own blocks": alone(ownBlocks),
  "blocks that another context frees": alone(foreignBlocks),
  "what is no block": alone(refusals),
  "states of a block": alone(states),
  "deferred blocks": alone(deferrals),
};
