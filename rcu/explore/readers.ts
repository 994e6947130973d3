/**
 * What readers do: sections in which they use the block that the cell points at, or nothing.
 *
 * @module
 */

import { again, run, type Steps, type Thread } from "#tools/explorer/mod.ts";
import { CELL, D, type Flavour, k, SLOTS } from "./setting.ts";

/** What a reader does in a section. */
export type Use = "block" | "nothing";

/** Enters a section. @returns The index of an SRCU section. */
export function* enter(flavour: Flavour, slot: number): Steps<number> {
  if (flavour === "srcu") return (yield* k.srcuLock(D, slot)) & 1;
  yield* k.lock(D, slot);
  return 0;
}

/** Leaves a section, or goes offline. */
export function* leave(flavour: Flavour, slot: number, index: number): Steps {
  if (flavour === "srcu") yield* k.srcuUnlock(D, slot, index);
  else yield* k.unlock(D, slot);
}

/** Dereferences the cell and reads the block. */
export function* useBlock(): Steps {
  const block = yield* k.load32(CELL);
  yield* k.load32(block);
}

function* section(flavour: Flavour, slot: number, use: Use): Steps {
  const index = yield* run(enter, flavour, slot);
  if (use === "block") yield* run(useBlock);
  yield* run(leave, flavour, slot, index);
}

/** Sections one after the other; a QSBR reader stays online and reports quiescent states between. */
export function* sections(flavour: Flavour, slot: number, use: Use, count: number): Steps {
  if (flavour === "qsbr") return yield* online(slot, use, count);
  yield* run(section, flavour, slot, use);
  if (count > 1) return again(sections, flavour, slot, use, count - 1);
}

function* online(slot: number, use: Use, count: number): Steps {
  yield* k.lock(D, slot);
  for (let section = 1; section <= count; section++) {
    if (section > 1) yield* k.quiescent(D, slot);
    if (use === "block") yield* run(useBlock);
  }
  yield* k.unlock(D, slot);
}

/** Two sections of one call each. */
export function* fused(slot: number): Steps {
  yield* k.readWord(D, slot, CELL, 0);
  yield* k.readWord(D, slot, CELL, 0);
}

/** Two SRCU sections of one slot that overlap: the second begins before the first ends. */
export function* overlapping(slot: number): Steps {
  const first = yield* run(enter, "srcu", slot);
  const block = yield* k.load32(CELL);
  const second = yield* run(enter, "srcu", slot);
  yield* k.load32(block);
  yield* run(leave, "srcu", slot, first);
  yield* run(useBlock);
  yield* run(leave, "srcu", slot, second);
}

/** Readers of the slots from 0 on, with sections one after the other. */
export function readers(flavour: Flavour, count: number, use: Use, each = 2): Thread[] {
  return SLOTS.slice(0, count).map((slot, index) => ({
    name: `reader ${index}`,
    script: sections,
    args: [flavour, slot, use, each],
  }));
}

/** Waits until a 64-bit word of the domain has reached a value. */
export function* reached(word: number, value: number): Steps {
  const seen = yield* k.load64(word);
  if (seen < value) return again(reached, word, value);
}
