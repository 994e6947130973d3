/**
 * Explorations of the kernel's cells between threads: what the other programs take for granted.
 *
 * @module
 */

import { again, check, type Program, type Steps } from "#tools/explorer/mod.ts";
import { BLOCK, FLAG, k, setting } from "./setting.ts";

/** Counts its success in another word. */
function* take(token: number): Steps {
  if ((yield* k.compareExchange32(FLAG, 0, token)) === 0) yield* k.add32(BLOCK.old + 4, 1);
}

/** Two contexts that take one word by compare-and-exchange: one of them gets it. */
export function exchanges(): Program {
  return {
    ...setting("memb"),
    threads: [1, 2].map((token) => ({ name: `context ${token}`, script: take, args: [token] })),
    atEnd: (memory) => check(memory.load32(BLOCK.old + 4) === 1, "the word is taken twice"),
  };
}

function* storesPair(): Steps {
  yield* k.pairStore(BLOCK.old, 1, 2);
}

function* comparesPair(): Steps {
  const isNew = yield* k.pairIs(BLOCK.old, 1, 2);
  const isOld = yield* k.pairIs(BLOCK.old, 0, 0);
  check(isNew === 0 || isOld === 0, "a pair goes back to what it was");
}

/** One context compares a pair that another stores. */
export function compares(): Program {
  return {
    ...setting("memb"),
    threads: [{ name: "writer", script: storesPair }, { name: "reader", script: comparesPair }],
  };
}

function* untilSet(): Steps {
  if ((yield* k.load32(FLAG)) !== 0) return;
  yield* k.wait32(FLAG, 0, -1);
  return again(untilSet);
}

function* setAndWake(): Steps {
  yield* k.store32(FLAG, 1);
  yield* k.notify(FLAG, -1);
}

/** One that sleeps until a word is set, and one that sets it and notifies. */
export function wakes(): Program {
  return {
    ...setting("memb"),
    threads: [{ name: "sleeper", script: untilSet }, { name: "waker", script: setAndWake }],
  };
}
