/**
 * Explorations of deaths: a context that stops at any step of what it does, and others that sweep up
 * after it. Whatever the step, the whole heap can be allocated afterwards.
 *
 * @module
 */

import { again, dead, type Program, run, type Steps, type Thread } from "#tools/explorer/mod.ts";
import { ALLOCATION } from "../../kernel/heap/layouts.ts";
import { findAllFree, freeCell, slabWith, tryOne } from "./allocations.ts";
import {
  BOTH,
  CELLS,
  CONTEXTS,
  h,
  k,
  LIMBO_AT,
  type Prepare,
  setting,
  SMALL,
  TOKENS,
} from "./heap_setting.ts";

const { ZEROED, PENDING } = ALLOCATION;
const OVER = 2;
/** Set by a context that has not died. */
const DONE = CELLS[3];

/** What a context does that may die. */
interface Deed {
  /** The state that it begins in. */
  readonly prepare: Prepare;
  /** Which context does it. Context 2 sweeps up, and frees the block that the first cell names. */
  readonly context: 0 | 1;
  /** What it does. */
  readonly script: (context: number) => Steps;
}

const nothing: Prepare = () => {};
const run2: Prepare = (kernel, u32) => {
  u32[CELLS[0] / 4] = kernel.allocate(CONTEXTS[0], BOTH, BOTH, 16, 0);
};
const deferred = (prepare: Prepare): Prepare => (kernel, u32) => {
  prepare(kernel, u32);
  kernel.defer(CONTEXTS[0], u32[CELLS[0] / 4]!, LIMBO_AT, OVER);
};

function* allocateSmall(context: number): Steps {
  yield* h.allocate(CONTEXTS[context]!, SMALL, SMALL, 16, ZEROED | PENDING);
}

function* allocateRun(context: number): Steps {
  yield* h.allocate(CONTEXTS[context]!, BOTH, BOTH, 16, PENDING);
}

function* free(context: number): Steps {
  yield* run(freeCell, context, 0);
}

function* defer(context: number): Steps {
  const block = yield* k.load32(CELLS[0]);
  yield* h.defer(CONTEXTS[context]!, block, LIMBO_AT, OVER);
}

function* reclaim(context: number): Steps {
  yield* h.reclaim(CONTEXTS[context]!, LIMBO_AT, OVER);
}

function* quarantine(context: number): Steps {
  const block = yield* k.load32(CELLS[0]);
  yield* h.turn(CONTEXTS[context]!, block, 5);
  yield* h.release(CONTEXTS[context]!, block);
}

function* takeExpired(context: number): Steps {
  yield* h.takeExpired(CONTEXTS[context]!, LIMBO_AT, OVER);
}

function* abandon(context: number): Steps {
  yield* h.abandon(CONTEXTS[context]!);
}

function* trim(context: number): Steps {
  yield* h.trim(CONTEXTS[context]!);
}

/** A slab that is empty, kept by the first context. */
const empty: Prepare = (kernel) => {
  kernel.free(CONTEXTS[0], kernel.allocate(CONTEXTS[0], SMALL, SMALL, 16, 1));
};
const orphan: Prepare = (kernel, u32) => {
  slabWith(1)(kernel, u32);
  kernel.abandon(CONTEXTS[0]);
};

/** All deeds. */
export const DEEDS = {
  "allocates a first block": { prepare: nothing, context: 0, script: allocateSmall },
  "allocates in a slab": { prepare: slabWith(1), context: 0, script: allocateSmall },
  "allocates in a slab that it kept": { prepare: empty, context: 0, script: allocateSmall },
  "allocates in a slab without an owner": { prepare: orphan, context: 1, script: allocateSmall },
  "allocates a run": { prepare: nothing, context: 0, script: allocateRun },
  "frees its own block": { prepare: slabWith(1), context: 0, script: free },
  "frees another's block": { prepare: slabWith(1), context: 1, script: free },
  "frees another's run": { prepare: run2, context: 1, script: free },
  "defers a block": { prepare: slabWith(1), context: 1, script: defer },
  "defers a run": { prepare: run2, context: 1, script: defer },
  "reclaims a block": { prepare: deferred(slabWith(1)), context: 1, script: reclaim },
  "reclaims a block of its own": { prepare: deferred(slabWith(1)), context: 0, script: reclaim },
  "reclaims a run": { prepare: deferred(run2), context: 1, script: reclaim },
  "quarantines a block": { prepare: slabWith(1), context: 0, script: quarantine },
  "quarantines another's block": { prepare: slabWith(1), context: 1, script: quarantine },
  "quarantines a run": { prepare: run2, context: 1, script: quarantine },
  "quarantines a deferred block": {
    prepare: deferred(slabWith(1)),
    context: 1,
    script: takeExpired,
  },
  "gives up its slabs": { prepare: slabWith(1), context: 0, script: abandon },
  "frees empty slabs": { prepare: empty, context: 1, script: trim },
  "adopts a slab": { prepare: orphan, context: 1, script: trim },
} as const satisfies Readonly<Record<string, Deed>>;

function* andThenSayDone(deed: keyof typeof DEEDS): Steps {
  const { script, context } = DEEDS[deed];
  yield* run(script, context);
  yield* k.store32(DONE, 1);
}

function mortal(deed: keyof typeof DEEDS): Thread {
  return { name: "mortal", script: andThenSayDone, args: [deed], dies: true };
}

/** The context that sweeps up in the end: the owner of the slab, if another deed is done there. */
function lastOf(deed: keyof typeof DEEDS): 0 | 2 {
  return DEEDS[deed].context === 0 ? 2 : 0;
}

/** The third context. */
function thirdOf(deed: keyof typeof DEEDS): 1 | 2 {
  return DEEDS[deed].context === 0 ? 1 : 2;
}

/**
 * Waits until the mortal context has died; sweeps up after it; frees the block that was there from the
 * start; and finds all pages free.
 */
function* supervise(deed: keyof typeof DEEDS): Steps {
  if (yield* dead("mortal")) return yield* run(cleanUp, deed);
  if ((yield* k.load32(DONE)) === 0) return again(supervise, deed);
}

function* cleanUp(deed: keyof typeof DEEDS): Steps {
  const context = CONTEXTS[lastOf(deed)];
  yield* h.sweep(context, TOKENS[DEEDS[deed].context]);
  yield* h.reclaim(context, LIMBO_AT, OVER);
  const block = yield* k.load32(CELLS[0]);
  if (block !== 0) yield* h.free(context, block);
  yield* run(findAllFree, lastOf(deed));
}

/** The same once a first supervisor has died, too, after which it sweeps up first. */
function* superviseBoth(deed: keyof typeof DEEDS): Steps {
  if ((yield* dead("mortal")) && (yield* dead("supervisor 1"))) {
    yield* h.sweep(CONTEXTS[lastOf(deed)], TOKENS[thirdOf(deed)]);
    return yield* run(cleanUp, deed);
  }
  if ((yield* k.load32(DONE)) === 0) return again(superviseBoth, deed);
}

/** A context that may die at any step of a deed, and its supervisor. */
export function dying(deed: keyof typeof DEEDS): Program {
  return {
    ...setting(DEEDS[deed].prepare),
    threads: [mortal(deed), { name: "supervisor", script: supervise, args: [deed] }],
  };
}

/** Sweeps up after the mortal context, once that has died. */
function* sweepOnly(context: number, deed: keyof typeof DEEDS): Steps {
  if (yield* dead("mortal")) {
    yield* h.sweep(CONTEXTS[context]!, TOKENS[DEEDS[deed].context]);
    yield* k.store32(DONE, 1);
  } else if ((yield* k.load32(DONE)) === 0) return again(sweepOnly, context, deed);
}

/** The same beside a context that allocates and frees. */
export function dyingBeside(deed: keyof typeof DEEDS): Program {
  return {
    ...setting(DEEDS[deed].prepare),
    threads: [
      mortal(deed),
      { name: "supervisor", script: sweepOnly, args: [lastOf(deed), deed] },
      { name: "bystander", script: tryOne, args: [thirdOf(deed)] },
    ],
  };
}

/** The same with two supervisors, of which the first may die, too. */
export function dyingTwice(deed: keyof typeof DEEDS): Program {
  return {
    ...setting(DEEDS[deed].prepare),
    threads: [
      mortal(deed),
      { name: "supervisor 1", script: sweepOnly, args: [thirdOf(deed), deed], dies: true },
      { name: "supervisor 2", script: superviseBoth, args: [deed] },
    ],
  };
}

/** The same with two supervisors at once, and a third context that needs pages. */
export function sweptTwice(deed: keyof typeof DEEDS): Program {
  return {
    ...setting(DEEDS[deed].prepare),
    threads: [
      mortal(deed),
      { name: "supervisor 1", script: sweepOnly, args: [thirdOf(deed), deed] },
      { name: "supervisor 2", script: sweepOnly, args: [lastOf(deed), deed] },
    ],
  };
}
