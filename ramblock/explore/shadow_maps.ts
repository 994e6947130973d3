/**
 * Explorations of shadow maps: mappings that change while their vCPU replaces them, maps that are
 * adopted from a vCPU that is gone, and maps that join the list while a slot is deleted. The list, the
 * owner's word and the adoption are as `memslots/shadow_map.ts` has them, by the kernel's cells.
 *
 * @module
 */

import {
  again,
  check,
  dead,
  free,
  nameWords,
  type Program,
  run,
  type Steps,
} from "#tools/explorer/mod.ts";
import {
  ExploredDomain,
  rcu,
  rcuKernel,
  srcuLock,
  srcuUnlock,
} from "#tools/explorer/rcu_domain.ts";
import { t, testKernel } from "#tools/explorer/test_kernel.ts";
import {
  MEMSLOTS,
  SHADOW,
  SHADOW_ENTRY,
  SHADOW_PAGE,
  SLOT,
  SLOT_FLAG,
  SLOT_TABLE,
} from "../kernel/layouts.ts";
import { k, kernel } from "./mru.ts";

const domain = new ExploredDomain("srcu", 2);
const PAGE_BITS = 3;
/** Two pages in one slot, which share the only entry of a map. */
const GFNS = [5, 6] as const;

const SLOTS_AT = domain.bytes;
const ROOT = MEMSLOTS.root.at(SLOTS_AT);
const LIST = MEMSLOTS.shadows.at(SLOTS_AT);
const TABLE_BYTES = SLOT_TABLE.size + SLOT.size;
const VALID = SLOTS_AT + MEMSLOTS.size;
const INTERIM = VALID + TABLE_BYTES;
const GONE = INTERIM + TABLE_BYTES;
const MAP_BYTES = SHADOW.size + SHADOW_ENTRY.size + SHADOW_PAGE.size;
const MAPS = [GONE + TABLE_BYTES, GONE + TABLE_BYTES + MAP_BYTES] as const;
const ENTRY = SHADOW.entries.at(MAPS[0]);
/** Host memory: each page is eight bytes and holds its gfn. */
const PAGES = MAPS[1] + MAP_BYTES;
/** Not 0 while the context of vCPU 0 is attached. */
const ATTACHED = PAGES + 16;
const BYTES = ATTACHED + 8;
const TOKENS = [7, 8] as const;

const mapping = (gfn: number) => gfn << 2 | 3;

function setUp(u32: Uint32Array): void {
  domain.setUp(u32);
  u32[ROOT / 4] = VALID;
  for (const table of [VALID, INTERIM]) {
    SLOT_TABLE.count.set(u32, table, 1);
    const row = SLOT_TABLE.rows.at(table);
    SLOT.base.set(u32, row, GFNS[0]);
    SLOT.pages.set(u32, row, GFNS.length);
    SLOT.host.set(u32, row, PAGES);
    SLOT.flags.set(u32, row, table === INTERIM ? SLOT_FLAG.INVALID : 0);
  }
  GFNS.forEach((gfn, page) => u32[(PAGES + 8 * page) / 4] = gfn);
}

const base: Omit<Program, "threads"> = {
  kernel,
  helpers: [rcuKernel, testKernel],
  bytes: BYTES,
  setUp: ({ u32 }) => setUp(u32),
  nameOf: nameWords([
    ...domain.names(),
    ["MEMSLOTS", MEMSLOTS, SLOTS_AT],
    ["valid", TABLE_BYTES, VALID],
    ["interim", TABLE_BYTES, INTERIM],
    ["gone", TABLE_BYTES, GONE],
    ...MAPS.flatMap((at, map) => [
      [`MAP[${map}].entry`, SHADOW_ENTRY, SHADOW.entries.at(at)] as const,
      [`MAP[${map}]`, SHADOW, at] as const,
    ]),
    ["pages", 16, PAGES],
    ["attached", 4, ATTACHED],
  ]),
};

/** Reads a page by a map, which is filled if it has no mapping; the slot may be gone. */
function* readPage(map: number, gfn: number): Steps {
  const known = yield* k.shadowLookup(map, gfn, 0);
  const host = known >= 0
    ? known
    : yield* k.shadowFill(map, yield* k.load32(ROOT), gfn, 0, PAGE_BITS);
  if (host < 0) return;
  check((yield* k.load32(host)) === gfn, "a mapping leads to another page");
}

function* section(map: number, vcpu: number, gfn: number): Steps {
  const index = yield* run(srcuLock, domain.slots[vcpu]!);
  yield* run(readPage, map, gfn);
  yield* run(srcuUnlock, domain.slots[vcpu]!, index);
}

// ---- mappings that change -----------------------------------------------------------------------

function* replaces(): Steps {
  for (const gfn of [GFNS[1], GFNS[0]]) yield* run(section, MAPS[0], 0, gfn);
}

function* flushes(): Steps {
  const flushed = yield* k.shadowFlush(MAPS[0], GFNS[0], 1);
  check(flushed <= 1, "more mappings are flushed than there are");
  const counted = yield* k.shadowCount(MAPS[0], VALID, 0);
  check(counted <= 1, "more mappings are counted than there are");
}

function* protects(): Steps {
  yield* k.shadowProtect(MAPS[0], SLOT_TABLE.rows.at(VALID));
}

function* clears(): Steps {
  yield* k.shadowClear(MAPS[0]);
}

/** A vCPU replaces or clears the mapping in an entry, while another context changes mappings. */
export function replacing(change: "flush" | "protect", by: "fills" | "clears" = "fills"): Program {
  return {
    ...base,
    setUp: ({ u32 }) => {
      setUp(u32);
      SHADOW_ENTRY.tag.set(u32, ENTRY, mapping(GFNS[0]));
      SHADOW_ENTRY.host.set(u32, ENTRY, PAGES);
      SHADOW_PAGE.slots.set(u32, ENTRY + SHADOW_ENTRY.size, 1);
    },
    threads: [{ name: "vCPU", script: by === "fills" ? replaces : clears }, {
      name: "other",
      script: change === "flush" ? flushes : protects,
    }],
  };
}

// ---- adoption -----------------------------------------------------------------------------------

/** What an adopter may do otherwise than it should. */
export type AdoptionMistake = "asks first" | "does not clear" | "takes a map that is in use";

/** Attaches, takes the map if it is free, uses it, and leaves without having released it. */
function* owner(): Steps {
  yield* k.store32(ATTACHED, 1);
  const cell = SHADOW.owner.at(MAPS[0]);
  if ((yield* k.compareExchange32(cell, 0, TOKENS[0])) === 0) {
    for (const gfn of GFNS) yield* run(section, MAPS[0], 0, gfn);
    check((yield* k.load32(cell)) === TOKENS[0], "the map of a vCPU that lives is adopted");
  }
  yield* k.store32(ATTACHED, 0);
}

function* isGone(): Steps<number> {
  if ((yield* k.load32(ATTACHED)) === 0) return 1;
  return (yield* dead("owner")) ? 1 : 0;
}

function* adopter(mistake?: AdoptionMistake): Steps {
  const cell = SHADOW.owner.at(MAPS[0]);
  const wasGone = mistake === "asks first" ? yield* run(isGone) : 0;
  const seen = yield* k.load32(cell);
  if (seen !== 0 && mistake !== "takes a map that is in use") {
    const gone = mistake === "asks first" ? wasGone : yield* run(isGone);
    if (!gone) return;
  }
  if ((yield* k.compareExchange32(cell, seen, TOKENS[1])) !== seen) return;
  if (mistake !== "does not clear") yield* k.shadowClear(MAPS[0]);
  for (const gfn of GFNS) yield* run(section, MAPS[0], 1, gfn);
}

/** Waits for a grace period; evicts the owner, if the program has one, once it is known to have died. */
function* wait(hasOwner: boolean): Steps {
  yield* run(advanceTo, yield* rcu.srcuStartPoll(0), hasOwner);
}

function* advanceTo(cookie: number, mayEvict: boolean): Steps {
  if ((yield* rcu.srcuAdvance(0, cookie)) === 0) return;
  if (!mayEvict || !(yield* dead("owner"))) return again(advanceTo, cookie, mayEvict);
  yield* rcu.evictSlots(0, 1);
  return again(advanceTo, cookie, false);
}

function* flushAll(): Steps {
  yield* run(flushFrom, yield* k.load32(LIST));
}

function* flushFrom(map: number): Steps {
  if (map === 0) return;
  yield* k.shadowFlush(map, GFNS[0], GFNS.length);
  return again(flushFrom, yield* t.plainLoad(SHADOW.next.at(map)));
}

/** Deletes the slot, as `memslots/batch_commit.ts` does. */
function* deletes(hasOwner: boolean): Steps {
  yield* k.compareExchange32(ROOT, VALID, INTERIM);
  yield* run(wait, hasOwner);
  yield* run(flushAll);
  yield* k.compareExchange32(ROOT, INTERIM, GONE);
  yield* run(wait, hasOwner);
  for (const block of ["pages", "valid", "interim"]) yield* free(block);
}

const blocks = {
  pages: { at: PAGES, bytes: 16 },
  valid: { at: VALID, bytes: TABLE_BYTES },
  interim: { at: INTERIM, bytes: TABLE_BYTES },
};

/** A context adopts the map of one that leaves or dies, at any step, and that lives until then. */
export function adoption(mistake?: AdoptionMistake): Program {
  return {
    ...base,
    threads: [{ name: "owner", script: owner, dies: true }, {
      name: "adopter",
      script: adopter,
      args: mistake ? [mistake] : [],
    }],
  };
}

/** The same while the slot is deleted and its memory is used for something else. */
export const adoptionUnderDeletion: Program = {
  ...adoption(),
  blocks,
  setUp: ({ u32 }) => {
    setUp(u32);
    u32[LIST / 4] = MAPS[0];
  },
  threads: [...adoption().threads, { name: "committer", script: deletes, args: [true] }],
};

// ---- the list of maps ---------------------------------------------------------------------------

function* pushes(map: number, vcpu: number): Steps {
  yield* t.plainStore(SHADOW.owner.at(map), TOKENS[vcpu]!);
  yield* run(push, map);
  yield* run(section, map, vcpu, GFNS[0]);
}

function* push(map: number): Steps {
  const head = yield* k.load32(LIST);
  yield* t.plainStore(SHADOW.next.at(map), head);
  if ((yield* k.compareExchange32(LIST, head, map)) !== head) return again(push, map);
}

/** Two vCPUs make maps and use them, while the slot is deleted. */
export const newMaps: Program = {
  ...base,
  blocks,
  threads: [
    ...MAPS.map((map, vcpu) => ({ name: `vCPU ${vcpu}`, script: pushes, args: [map, vcpu] })),
    { name: "committer", script: deletes, args: [false] },
  ],
  atEnd: ({ load32 }) => {
    const first = load32(LIST);
    const both = MAPS.some((map) => map === first) && load32(SHADOW.next.at(first)) !== 0;
    check(both, "a map is not in the list");
  },
};
