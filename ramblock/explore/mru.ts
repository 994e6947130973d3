/**
 * Explorations of the MRU word: lookups against a writer that frees a block, links another one in the
 * same record, as an allocator would, and frees that too.
 *
 * **The race without a tag.** One might clear the word when a block is unlinked, and argue that a stale
 * store to it is over by the time of the grace period. It is; but another reader may load what was
 * stored before:
 *
 * ```text
 *   reader A            writer                  reader B
 *   lock
 *   walks, finds x
 *                       unlinks x
 *                       mru = 0
 *                       callRcu(x)
 *                       (waits for A)
 *   mru = x
 *                                               lock     (began later: not waited for)
 *   unlock                                      loads mru: x
 *                       frees x
 *                                               uses x
 * ```
 *
 * **The tag**, which is what the kernel has: the word holds the block and the version under which it was
 * found. The writer unlinks, then bumps. Whoever stores (x, v) loaded v before its walk, so x was
 * unlinked after the bump to v, and a later bump follows. Whoever trusts (x, v) has loaded v inside its
 * own section, before that later bump, after which the grace period of x begins: the section is waited
 * for. A version does not come round: it would take 2^32 unlinked blocks within one section.
 *
 * @module
 */

import {
  allocate,
  calls,
  decodeKernel,
  free,
  nameWords,
  type Program,
  run,
  type Script,
  type Steps,
} from "#tools/explorer/mod.ts";
import {
  ExploredDomain,
  lock,
  rcuKernel,
  synchronize,
  unlock,
} from "#tools/explorer/rcu_domain.ts";
import { KERNEL_BASE64 } from "../kernel/bytes.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { BLOCK, RAM } from "../kernel/layouts.ts";

/** The kernel that is explored. */
export const kernel = decodeKernel(KERNEL_BASE64);

/** Its functions, as steps. */
export const k = calls<Kernel>(kernel);

const domain = new ExploredDomain("rcu", 2);
/** Where the RAM's words are. */
export const RAM_AT = domain.bytes;
/** The list's head: its first word is the next block. */
export const HEAD = RAM_AT + RAM.size;
/** The block's record. */
export const X = HEAD + 16;
/** The record of a block that some programs have behind it. */
const Y = X + BLOCK.size;
const BYTES = Y + BLOCK.size;
/** The block has two pages from here on. */
const START = 0x10000;
/** The address that readers look up. */
export const WANTED = START + 0x1000;

function* section(slot: number): Steps {
  yield* run(lock, slot);
  const block = yield* k.findBlock(RAM_AT, WANTED);
  if (block !== 0) yield* k.usedLength(block);
  yield* run(unlock, slot);
}

function reader(section: Script<[number], void>): Script<[number], void> {
  return function* (slot) {
    yield* run(section, slot);
    yield* run(section, slot);
  };
}

function* unlinkAndBump(): Steps {
  yield* k.store32(HEAD, HEAD);
  yield* k.bumpVersion(RAM_AT);
}

function* bumpAndUnlink(): Steps {
  yield* k.bumpVersion(RAM_AT);
  yield* k.store32(HEAD, HEAD);
}

function* link(): Steps {
  yield* allocate("x");
  yield* k.store32(HEAD, X);
  yield* k.bumpVersion(RAM_AT);
}

/** Frees the block, links another one in its place, and frees that. */
function writer(unlink: Script<[], void>): Script<[], void> {
  function* remove(): Steps {
    yield* run(unlink);
    yield* run(synchronize);
    yield* free("x");
  }
  return function* () {
    yield* run(remove);
    yield* run(link);
    yield* run(remove);
  };
}

/**
 * Two readers of two sections each, and a writer.
 *
 * @param writer What the writer does.
 * @param sectionOf What a reader does with its slot, twice; the kernel's lookup unless given.
 */
export function lookupProgram(
  writer: Script<[], void>,
  sectionOf: Script<[number], void> = section,
): Program {
  return {
    kernel,
    helpers: [rcuKernel],
    bytes: BYTES,
    blocks: { x: { at: X, bytes: BLOCK.size } },
    setUp: ({ u32 }) => {
      domain.setUp(u32);
      RAM.list.set(u32, RAM_AT, HEAD);
      RAM.version.set(u32, RAM_AT, 1);
      BLOCK.next.set(u32, HEAD, X);
      BLOCK.next.set(u32, X, HEAD);
      BLOCK.offset.set(u32, X, START);
      BLOCK.maxLength.set(u32, X, 0x2000);
      BLOCK.usedLength.set(u32, X, 0x2000);
    },
    nameOf: nameWords([...domain.names(), ["RAM", RAM, RAM_AT], ["HEAD", BLOCK, HEAD], [
      "X",
      BLOCK,
      X,
    ]]),
    threads: [
      ...domain.slots.map((slot, index) => ({
        name: `reader ${index}`,
        script: reader(sectionOf),
        args: [slot],
      })),
      { name: "writer", script: writer },
    ],
  };
}

/** Two readers of two sections each, two blocks freed. */
export const lookups: Program = lookupProgram(writer(unlinkAndBump));

/** The writer bumps the version before it unlinks the block. */
export const bumpsFirst: Program = lookupProgram(writer(bumpAndUnlink));

// ---- the other lookups --------------------------------------------------------------------------

const Y_START = 0x40000;
const Y_HOST = 0x8000_0000;

/** One section for each lookup. */
function* looksUpAll(slot: number): Steps {
  for (const by of ["findHost", "walkBlocks", "findBlock"] as const) {
    yield* run(lock, slot);
    const block = yield* k[by](RAM_AT, by === "findHost" ? Y_HOST : Y_START);
    if (block !== 0) yield* k.usedLength(block);
    yield* run(unlock, slot);
  }
}

function* removesBoth(): Steps {
  for (const [block, before] of [["y", X], ["x", HEAD]] as const) {
    yield* k.store32(BLOCK.next.at(before), HEAD);
    yield* k.bumpVersion(RAM_AT);
    yield* run(synchronize);
    yield* free(block);
  }
}

/** A reader looks the last of two blocks up in every way, while a writer removes both. */
export const lastBlock: Program = {
  ...lookups,
  blocks: { ...lookups.blocks, y: { at: Y, bytes: BLOCK.size } },
  setUp: (memory) => {
    lookups.setUp!(memory);
    const { u32 } = memory;
    BLOCK.next.set(u32, X, Y);
    BLOCK.next.set(u32, Y, HEAD);
    BLOCK.offset.set(u32, Y, Y_START);
    BLOCK.host.set(u32, Y, Y_HOST);
    BLOCK.maxLength.set(u32, Y, 0x2000);
  },
  threads: [{ name: "reader", script: looksUpAll, args: [domain.slots[0]!] }, {
    name: "writer",
    script: removesBoth,
  }],
};
