/**
 * The protocols of the MRU word, as models: what a lookup does inside its section, and what a writer
 * does to free a block.
 *
 * There is one block at a time, record 1; the list is the word `LIST`, which holds it or 0. `ALIVE` of
 * the record is 1 while the block may be used. The writer frees the block, puts another one in the
 * same record, as an allocator does, and frees that too. A reader that found a block reads `ALIVE` and
 * asserts that it is 1.
 *
 * **The race in the seed's protocol.** Its comment argues that a stale store to `mru_block` is over by
 * the time of the grace period. It is; but another reader may load what was stored in the meantime:
 *
 * ```text
 *   reader A            writer                  reader B
 *   lock
 *   walks, finds x
 *                       unlinks x
 *                       mru = NULL
 *                       call_rcu(x)
 *                       (waits for A)
 *   mru = x
 *                                               lock     (began later: not waited for)
 *   unlock                                      loads mru: x
 *                       frees x
 *                                               uses x
 * ```
 *
 * **The tag**, which is what the kernel does: the word holds the block and the version under which it
 * was found. The writer unlinks, then bumps. Whoever stores (x, v) loaded v before its walk, so x was
 * unlinked after the bump to v, and a later bump follows. Whoever trusts (x, v) has loaded v inside
 * its own section, before that later bump, after which x's grace period begins: the section is waited
 * for. A version does not come round: it would take 2^32 unlinked blocks within one section.
 *
 * **Two grace periods**: clear, wait, clear, wait. The first wait is for readers that may still store
 * the block, the second for readers that loaded it before the second clear. A hit must not store.
 *
 * @module
 */

import { type Body, computed, type Program, type Row, type Thread } from "#tools/model/mod.ts";

/** What a reader and a writer do. */
export interface Protocol {
  /** The whole section: the registers `block` (what was found, or 0) and those of its own. */
  readonly section: (reader: number) => Body;
  /** From the unlinking to the freeing of record 1, and how another block is put into the list. */
  readonly free: Body;
  readonly add: Body;
}

/** What the check says of a protocol that is wrong. */
export const STALE = "a reader uses a block that was reclaimed";

const RECORD = 1;
/** How the model packs (record, version) in one word. */
const VERSIONS = 8;

const atomic = (access: "load" | "store" | "add", word: string, rest: object): Row =>
  ({ access, width: 32, word, ...rest }) as Row;

/** Enters a section: a memory-barrier reader. */
export const lock = (reader: number): Row[] => [
  atomic("load", "GP_CTR", { into: "gp" }),
  atomic("store", "SLOT", { at: reader, value: "gp" }),
];

/** Leaves it. */
export const unlock = (
  reader: number,
): Row[] => [atomic("store", "SLOT", { at: reader, value: 0 })];

/** Uses the block that was found. */
const use: Row[] = [
  { jump: "none", when: computed(["block"], (block) => block === 0) },
  { access: "load", width: 32, word: "ALIVE", at: "block", into: "alive", plain: true },
  { check: "alive", says: STALE },
  { label: "none" },
];

/** Waits for a grace period. */
export const wait: Body = [
  atomic("add", "GP_CTR", { value: 1, into: "before" }),
  ...[0, 1].map((reader) =>
    atomic("load", "SLOT", {
      at: reader,
      into: "slot",
      until: computed(["slot", "before"], (slot, before) => slot === 0 || slot! > before!),
    })
  ),
];

const walk = atomic("load", "LIST", { into: "block" });
const unlink = atomic("store", "LIST", { value: 0 });
const bump = atomic("add", "VERSION", { value: 1 });
const clear = atomic("store", "MRU", { value: 0 });
const reclaim: Row = {
  access: "store",
  width: 32,
  word: "ALIVE",
  at: RECORD,
  value: 0,
  plain: true,
};

/** Initialises record 1 and links it. */
const link: Row[] = [
  { access: "store", width: 32, word: "ALIVE", at: RECORD, value: 1, plain: true },
  atomic("store", "LIST", { value: RECORD }),
];

/** Stores what was found, if anything was. */
const remember = (value: Row & { value?: unknown }): Row[] => [
  { jump: "found", when: computed(["block"], (block) => block === 0) },
  value,
  { label: "found" },
];

/** The lookup of the kernel's `findBlock`, in its order. */
export const taggedLookup: Body = [
  atomic("load", "VERSION", { into: "version" }),
  atomic("load", "MRU", { into: "mru" }),
  { set: "block", to: computed(["mru"], (mru) => mru! % VERSIONS) },
  {
    jump: "hit",
    when: computed(
      ["mru", "version", "block"],
      (mru, version, block) => block !== 0 && Math.floor(mru! / VERSIONS) === version,
    ),
  },
  walk,
  ...remember(atomic("store", "MRU", {
    value: computed(["version", "block"], (version, block) => version! * VERSIONS + block!),
  })),
  { label: "hit" },
];

/** A section around a lookup. */
export const around = (lookup: Body) => (reader: number): Body => [
  ...lock(reader),
  ...lookup,
  ...use,
  ...unlock(reader),
];

/** What this package does. */
export const tagged: Protocol = {
  section: around(taggedLookup),
  free: [unlink, bump, clear, ...wait, reclaim],
  add: [...link, bump, clear],
};

/** The tag with the version loaded before the section is entered. */
export const versionOutside: Protocol = {
  ...tagged,
  section: (reader) => [taggedLookup[0]!, ...around(taggedLookup.slice(1))(reader)],
};

/** The tag with the bump before the unlinking. */
export const bumpFirst: Protocol = { ...tagged, free: [bump, clear, unlink, ...wait, reclaim] };

/** A lookup that trusts the word as it is. */
const plainLookup = (storeOnHit: boolean): Body => [
  atomic("load", "MRU", { into: "block" }),
  { jump: "hit", when: computed(["block"], (block) => block !== 0) },
  walk,
  ...(storeOnHit ? [{ label: "hit" }] : []),
  ...remember(atomic("store", "MRU", { value: "block" })),
  ...(storeOnHit ? [] : [{ label: "hit" }]),
];

/** The seed's: clear once, one grace period, and the word is stored on a hit too. */
export const seed: Protocol = {
  section: around(plainLookup(true)),
  free: [unlink, clear, ...wait, reclaim],
  add: link,
};

/** One grace period, and a hit does not store: still wrong. */
export const oneGracePeriod: Protocol = { ...seed, section: around(plainLookup(false)) };

/** Clear, grace period, clear, grace period. */
export const twoGracePeriods: Protocol = {
  ...oneGracePeriod,
  free: [unlink, clear, ...wait, clear, ...wait, reclaim],
};

/** The same with a store on a hit. */
export const storeOnHit: Protocol = { ...twoGracePeriods, section: seed.section };

/** Two readers of two sections each; a writer that frees a block, adds one and frees that too. */
export function program(protocol: Protocol): Program {
  const reader = (number: number): Thread => ({
    name: `reader ${number}`,
    body: [1, 2].flatMap((section) => rename(protocol.section(number), section)),
  });
  const writer: Thread = {
    name: "writer",
    body: [
      ...rename(protocol.free, 1),
      ...rename(protocol.add, 2),
      ...rename(protocol.free, 3),
    ],
  };
  return {
    words: { GP_CTR: 1, SLOT: [0, 0], LIST: RECORD, MRU: 0, VERSION: 1, ALIVE: [0, 1] },
    threads: [reader(0), reader(1), writer],
  };
}

/** Labels are unique in a thread. */
function rename(body: Body, part: number): Body {
  return body.map((row) => {
    if ("label" in row) return { label: `${row.label}${part}` };
    return "jump" in row ? { ...row, jump: `${row.jump}${part}` } : row;
  });
}
