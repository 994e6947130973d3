/**
 * What the kernel's functions for blocks do, with one thread.
 *
 * @module
 */

import { type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { BLOCK, RAM } from "../kernel/layouts.ts";
import {
  contract,
  equal,
  FIRST,
  FIRST_AT,
  FIRST_HOST,
  HEAD,
  holds,
  LENGTH,
  RAM_AT,
  SECOND,
  SECOND_AT,
  SECOND_HOST,
} from "./contract_memory.ts";
import { k } from "./mru.ts";

const VERSION = RAM.version.at(RAM_AT);

type Finder = "findBlock" | "findHost" | "walkBlocks";

function* finds(by: Finder, address: number, block: number): Steps {
  equal((yield* k[by](RAM_AT, address)) >>> 0, block, `${by} of ${address}`);
}

/** Both ends of both blocks, with the MRU word at either or at none. */
function* findsAll(by: Finder, first: number, second: number): Steps {
  for (const [start, block] of [[first, FIRST], [second, SECOND]] as const) {
    yield* run(finds, by, start, block);
    yield* run(finds, by, start + LENGTH - 1, block);
    yield* run(finds, by, start - 1, 0);
    yield* run(finds, by, start + LENGTH, 0);
    yield* run(finds, by, start, block);
  }
}

function* mruHolds(block: number, version: number): Steps {
  yield* run(holds, RAM.mru.at(RAM_AT), block, "the MRU word's block");
  yield* run(holds, RAM.mru.at(RAM_AT) + 4, version, "the MRU word's version");
}

function* blocks(): Steps {
  yield* run(findsAll, "walkBlocks", FIRST_AT, SECOND_AT);
  yield* run(findsAll, "findHost", FIRST_HOST, SECOND_HOST);
  yield* run(mruHolds, 0, 0);
  yield* run(finds, "findBlock", 0, 0);
  yield* run(mruHolds, 0, 0);
  yield* run(findsAll, "findBlock", FIRST_AT, SECOND_AT);
  yield* run(mruHolds, SECOND, 7);
  yield* run(findsAll, "findHost", FIRST_HOST, SECOND_HOST);
  yield* run(mruHolds, SECOND, 7);
  equal(yield* k.bumpVersion(RAM_AT), 8, "bumpVersion");
  yield* run(holds, VERSION, 8, "the version");
  yield* run(mruHolds, 0, 0);
}

/** With every link cut, a block is found by the MRU word alone, and only with its version. */
function* byTheWord(): Steps {
  yield* run(finds, "findBlock", SECOND_AT, SECOND);
  yield* k.store32(HEAD, HEAD);
  yield* run(finds, "findBlock", SECOND_AT, SECOND);
  yield* run(finds, "findHost", SECOND_HOST, SECOND);
  yield* run(finds, "walkBlocks", SECOND_AT, 0);
  yield* run(finds, "findBlock", FIRST_AT, 0);
  yield* run(finds, "findHost", FIRST_HOST, 0);
  yield* k.store32(VERSION, 6);
  yield* run(finds, "findBlock", SECOND_AT, 0);
  yield* run(finds, "findHost", SECOND_HOST, 0);
}

/** The version has come round to 0, which an empty MRU word holds too. */
function* versionZero(): Steps {
  yield* k.store32(VERSION, 0);
  yield* run(finds, "findHost", FIRST_HOST, FIRST);
  yield* run(finds, "findBlock", FIRST_AT, FIRST);
}

function* lengths(): Steps {
  const length = 2 ** 53 - 3;
  yield* k.setUsedLength(FIRST, length);
  equal(yield* k.usedLength(FIRST), length, "usedLength");
  yield* run(holds, BLOCK.usedLength.at(FIRST), length % 2 ** 32, "the used length");
}

/** The contracts by name. */
export const blockContracts: Readonly<Record<string, Program>> = {
  "blocks": contract(blocks),
  "blocks by the MRU word": contract(byTheWord),
  "blocks under version 0": contract(versionZero),
  "used lengths": contract(lengths),
};
