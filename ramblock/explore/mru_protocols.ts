/**
 * Explorations of other protocols for the MRU word: those without a tag, and the tag used wrongly.
 * `mru.ts` draws the race that most of them have; the kernel's own protocol is there too.
 *
 * **Two grace periods** are the other remedy: clear, wait, clear, wait. The first wait is for readers
 * that may still store the block, the second for readers that loaded it before the second clear. A hit
 * must not store. What it costs is in `blocks/mru_bench.ts`.
 *
 * @module
 */

import { allocate, free, type Program, run, type Script, type Steps } from "#tools/explorer/mod.ts";
import { lock, rcu, synchronize, unlock } from "#tools/explorer/rcu_domain.ts";
import { RAM } from "../kernel/layouts.ts";
import { HEAD, k, lookupProgram, RAM_AT, WANTED, X } from "./mru.ts";

const MRU = RAM.mru.at(RAM_AT);
const VERSION = RAM.version.at(RAM_AT);

/** A lookup of a protocol, inside a section unless it enters one itself. */
type Lookup = Script<[], number>;

/** Trusts the word as it is, and walks if it is empty. */
function untagged(storesOnHit: boolean): Lookup {
  return function* (): Steps<number> {
    const recent = yield* k.load32(MRU);
    const block = recent !== 0 ? recent : yield* k.walkBlocks(RAM_AT, WANTED);
    if (block !== 0 && (recent === 0 || storesOnHit)) yield* k.store32(MRU, block);
    return block;
  };
}

/** The tag, with a version that was loaded earlier. */
function* tagged(version: number): Steps<number> {
  const recent = yield* rcu.pairLoad(MRU);
  if ((yield* rcu.pairSecond()) === version && recent !== 0) return recent;
  const block = yield* k.walkBlocks(RAM_AT, WANTED);
  if (block !== 0) yield* rcu.pairStore(MRU, block, version);
  return block;
}

function inSection(lookup: Lookup): Script<[number], void> {
  return function* (slot: number): Steps {
    yield* run(lock, slot);
    const block = yield* run(lookup);
    if (block !== 0) yield* k.usedLength(block);
    yield* run(unlock, slot);
  };
}

/** Loads the version before it enters the section. */
function* versionOutside(slot: number): Steps {
  const version = yield* k.load32(VERSION);
  yield* run(lock, slot);
  const block = yield* run(tagged, version);
  if (block !== 0) yield* k.usedLength(block);
  yield* run(unlock, slot);
}

/** A step of whoever frees a block. */
export type FreeingStep = "unlink" | "clear" | "bump" | "wait";

/** Frees the block by steps in some order, links another one in its record, and frees that. */
function writer(steps: readonly FreeingStep[]): Script<[], void> {
  function* remove(): Steps {
    for (const step of steps) {
      if (step === "unlink") yield* k.store32(HEAD, HEAD);
      else if (step === "clear") yield* k.store32(MRU, 0);
      else if (step === "bump") yield* k.bumpVersion(RAM_AT);
      else yield* run(synchronize);
    }
    yield* free("x");
  }
  return function* () {
    yield* run(remove);
    yield* allocate("x");
    yield* k.store32(HEAD, X);
    if (steps.includes("bump")) yield* k.bumpVersion(RAM_AT);
    yield* run(remove);
  };
}

/** How readers look up. */
export type Reading = "the kernel's" | "untagged" | "stores on a hit" | "version outside";

const SECTIONS: Readonly<Record<Exclude<Reading, "the kernel's">, Script<[number], void>>> = {
  "untagged": inSection(untagged(false)),
  "stores on a hit": inSection(untagged(true)),
  "version outside": versionOutside,
};

/** Two readers of two sections each; a writer that frees a block, links another, and frees that. */
export function protocol(reading: Reading, ...steps: readonly FreeingStep[]): Program {
  const section = reading === "the kernel's" ? undefined : SECTIONS[reading];
  return lookupProgram(writer(steps), section);
}
