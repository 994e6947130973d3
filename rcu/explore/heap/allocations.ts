/**
 * Explorations of allocation: contexts that allocate, free, and free one another's blocks.
 *
 * @module
 */

import { again, check, type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { ALLOCATION, OUTCOME } from "../../kernel/heap/layouts.ts";
import {
  BOTH,
  CELLS,
  consistent,
  CONTEXTS,
  h,
  k,
  PAGES,
  type Prepare,
  setting,
  SMALL,
  TOKENS,
} from "./heap_setting.ts";

const { ZEROED } = ALLOCATION;

/** Allocates a block of `bytes`, finds it zeroed, and holds it alone for a while; then frees it. */
function* useOne(context: number, bytes: number): Steps {
  const block = (yield* h.allocate(CONTEXTS[context]!, bytes, bytes, 16, ZEROED)) >>> 0;
  check(block >= 16, "there is no room although there should be");
  yield* run(hold, block, TOKENS[context]!);
  const outcome = yield* h.free(CONTEXTS[context]!, block);
  check(outcome === OUTCOME.DONE, "a block that was allocated cannot be freed");
}

/** Writes to a block, and finds what it wrote. */
export function* hold(block: number, mark: number): Steps {
  check((yield* k.exchange32(block, mark)) === 0, "a block is not zeroed, or has two owners");
  check((yield* k.load32(block)) === mark, "a block has two owners");
}

export function* useSome(context: number, bytes: number, count: number): Steps {
  yield* run(useOne, context, bytes);
  if (count > 1) return again(useSome, context, bytes, count - 1);
}

/** The whole heap can be allocated, once empty slabs are given up: nothing was lost. */
export function* findAllFree(context: number): Steps {
  yield* h.trim(CONTEXTS[context]!);
  const block = (yield* h.allocate(CONTEXTS[context]!, BOTH, BOTH, 16, 0)) >>> 0;
  check(block === PAGES[0] << 8, "pages were lost");
}

/** Contexts that each allocate and free a small block, from an empty heap on. */
export function allocating(contexts: number, bytes = SMALL): Program {
  return {
    ...setting(),
    atEnd: consistent,
    threads: Array.from({ length: contexts }, (_, context) => {
      return { name: `context ${context}`, script: useSome, args: [context, bytes, 1] };
    }),
  };
}

/** A slab of the first context, of which it holds the blocks `live`; the cells name them. */
export function slabWith(live: number): Prepare {
  return (kernel, u32) => {
    const blocks = Array.from(
      { length: 4 },
      () => kernel.allocate(CONTEXTS[0], SMALL, SMALL, 16, 1),
    );
    blocks.slice(live).forEach((block) => kernel.free(CONTEXTS[0], block));
    blocks.slice(0, live).forEach((block, index) => u32[CELLS[index]! / 4] = block);
  };
}

export function* freeCell(context: number, cell: number): Steps<number> {
  const block = yield* k.load32(CELLS[cell]!);
  return yield* h.free(CONTEXTS[context]!, block);
}

/** Frees a block of another context's. */
export function* freeOther(context: number, cell: number): Steps {
  check((yield* run(freeCell, context, cell)) === OUTCOME.DONE, "a live block cannot be freed");
}

/** A context that allocates in a full slab, and another that frees blocks there. */
export function remoteFrees(): Program {
  return {
    ...setting(slabWith(4)),
    atEnd: consistent,
    threads: [
      { name: "owner", script: useSome, args: [0, SMALL, 2] },
      { name: "other", script: freeOther, args: [1, 0] },
      { name: "third", script: freeOther, args: [2, 1] },
    ],
  };
}

/** Frees a block and counts its success. */
function* freeAndCount(context: number, cell: number): Steps {
  if ((yield* run(freeCell, context, cell)) === OUTCOME.DONE) yield* k.add32(CELLS[3], 1);
}

/** Two contexts that free one block of a third: one of them is refused. */
export function doubleFree(): Program {
  return {
    ...setting(slabWith(3)),
    threads: [
      { name: "owner", script: freeAndCount, args: [0, 0] },
      { name: "other", script: freeAndCount, args: [1, 0] },
    ],
    atEnd: (memory) => check(memory.load32(CELLS[3]) === 1, "a block is freed twice"),
  };
}

/** Allocates a block if there is room, holds it alone, and frees it. */
export function* tryOne(context: number): Steps {
  const block = (yield* h.allocate(CONTEXTS[context]!, SMALL, SMALL, 16, ZEROED)) >>> 0;
  if (block < 16) return;
  yield* run(hold, block, TOKENS[context]!);
  check((yield* h.free(CONTEXTS[context]!, block)) === OUTCOME.DONE, "it cannot be freed");
}

/** A run of both pages against a slab. */
export function runs(): Program {
  return {
    ...setting(),
    atEnd: consistent,
    threads: [
      { name: "large", script: perhapsBoth, args: [0] },
      { name: "small", script: tryOne, args: [1] },
    ],
  };
}

function* perhapsBoth(context: number): Steps {
  const block = (yield* h.allocate(CONTEXTS[context]!, BOTH, BOTH, 16, 0)) >>> 0;
  if (block < 16) return;
  yield* run(holdLarge, block, TOKENS[context]!);
  check((yield* h.free(CONTEXTS[context]!, block)) === OUTCOME.DONE, "it cannot be freed");
}

function* holdLarge(block: number, mark: number): Steps {
  yield* k.store32(block + 160, mark);
  check((yield* k.load32(block + 160)) === mark, "a block has two owners");
}

/** Two contexts that keep an empty slab each; one of them needs both pages. */
export function taking(): Program {
  return {
    ...setting((kernel) => {
      kernel.free(CONTEXTS[0], kernel.allocate(CONTEXTS[0], SMALL, SMALL, 16, 1));
      kernel.free(CONTEXTS[1], kernel.allocate(CONTEXTS[1], SMALL, SMALL, 16, 1));
    }),
    atEnd: consistent,
    threads: [
      { name: "keeper", script: tryOne, args: [0] },
      { name: "taker", script: takeBoth, args: [1] },
    ],
  };
}

function* takeBoth(context: number): Steps {
  yield* h.trim(CONTEXTS[context]!);
  yield* run(perhapsBoth, context);
}

/** A slab without an owner, in which the cell names a live block. */
export const orphaned: Prepare = (kernel, u32) => {
  u32[CELLS[0] / 4] = kernel.allocate(CONTEXTS[2], SMALL, SMALL, 16, 1);
  kernel.abandon(CONTEXTS[2]);
};

/** Two contexts that need a slab, of which one has no owner, while a third frees a block there. */
export function adopting(adopters: number): Program {
  const threads = [0, 1].slice(0, adopters).map((context) => {
    return { name: `adopter ${context}`, script: tryOne, args: [context] };
  });
  return {
    ...setting(orphaned),
    atEnd: consistent,
    threads: [...threads, { name: "freer", script: freeOther, args: [2, 0] }],
  };
}
