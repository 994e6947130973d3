/**
 * Explorations of deferred blocks: several contexts defer and reclaim in one slab at once.
 *
 * @module
 */

import { check, type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { OUTCOME } from "../../kernel/heap/layouts.ts";
import { slabWith, tryOne } from "./allocations.ts";
import { BOTH, CELLS, consistent, CONTEXTS, h, k, LIMBO_AT, setting } from "./heap_setting.ts";

/** The grace period that is over, in all programs; and one that is not. */
const OVER = 2;
const LATER = 3;

/** Defers the block that a cell names. */
export function* deferCell(context: number, cell: number, cookie: number): Steps {
  const block = yield* k.load32(CELLS[cell]!);
  const outcome = yield* h.defer(CONTEXTS[context]!, block, LIMBO_AT, cookie);
  check(outcome === OUTCOME.DONE, "a live block cannot be deferred");
}

/** Frees what can be freed. */
export function* reclaim(context: number): Steps<number> {
  return yield* h.reclaim(CONTEXTS[context]!, LIMBO_AT, OVER);
}

function* deferAndReclaim(context: number, cell: number, cookie: number): Steps {
  yield* run(deferCell, context, cell, cookie);
  yield* run(reclaim, context);
}

/** A grace period that is not over keeps its blocks, in whatever order they were deferred. */
export function waiting(): Program {
  return {
    ...setting(slabWith(2)),
    atEnd: consistent,
    threads: [{ name: "context", script: deferTwo, args: [] }],
  };
}

function* deferTwo(): Steps {
  yield* run(deferCell, 0, 0, LATER);
  yield* run(deferCell, 0, 1, OVER);
  check((yield* run(reclaim, 0)) === 1, "not one block is freed");
  check((yield* h.blocksLeft()) === 1, "not one block is left");
}

/** Contexts that each defer a block and reclaim. */
export function deferring(): Program {
  return {
    ...setting(slabWith(2)),
    atEnd: consistent,
    threads: [
      { name: "owner", script: deferAndReclaim, args: [0, 0, OVER] },
      { name: "other", script: deferAndReclaim, args: [1, 1, OVER] },
    ],
  };
}

/** Two contexts that reclaim one block, while the owner of the slab allocates. */
export function reclaiming(): Program {
  return {
    ...setting((kernel, u32) => {
      slabWith(1)(kernel, u32);
      kernel.defer(CONTEXTS[0], u32[CELLS[0] / 4]!, LIMBO_AT, OVER);
    }),
    atEnd: consistent,
    threads: [
      { name: "owner", script: tryOne, args: [0] },
      { name: "first", script: reclaimAndCount, args: [1] },
      { name: "second", script: reclaimAndCount, args: [2] },
    ],
  };
}

function* reclaimAndCount(context: number): Steps {
  const freed = yield* run(reclaim, context);
  const before = yield* k.add32(CELLS[3], freed);
  check(before + freed <= 1, "a block is freed twice");
}

/** A deferral in a slab while a visitor clears the bits of blocks that it has freed there. */
export function deferringAgain(): Program {
  return {
    ...setting((kernel, u32) => {
      slabWith(2)(kernel, u32);
      kernel.defer(CONTEXTS[0], u32[CELLS[0] / 4]!, LIMBO_AT, OVER);
    }),
    atEnd: consistent,
    threads: [
      { name: "reclaimer", script: reclaim, args: [1] },
      { name: "owner", script: deferCell, args: [0, 1, LATER] },
    ],
  };
}

/** A run that is deferred and freed by two contexts, while a third needs pages. */
export function deferredRun(): Program {
  return {
    ...setting((kernel, u32) => {
      u32[CELLS[0] / 4] = kernel.allocate(CONTEXTS[0], BOTH, BOTH, 16, 0);
      kernel.defer(CONTEXTS[0], u32[CELLS[0] / 4]!, LIMBO_AT, OVER);
    }),
    atEnd: consistent,
    threads: [
      { name: "first", script: reclaimAndCount, args: [0] },
      { name: "second", script: reclaimAndCount, args: [1] },
      { name: "third", script: tryOne, args: [2] },
    ],
  };
}
