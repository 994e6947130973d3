/**
 * Explorations of memslots: deleting a slot, and collecting its dirty log, against vCPUs that look up
 * and fill their shadow maps under SRCU.
 *
 * @module
 */

import {
  again,
  check,
  free,
  nameWords,
  type Program,
  run,
  type Script,
  type Steps,
} from "#tools/explorer/mod.ts";
import {
  ExploredDomain,
  rcu,
  rcuKernel,
  srcuLock,
  srcuUnlock,
  synchronizeSrcu,
} from "#tools/explorer/rcu_domain.ts";
import {
  SHADOW,
  SHADOW_ENTRY,
  SHADOW_PAGE,
  SLOT,
  SLOT_FLAG,
  SLOT_TABLE,
} from "../kernel/layouts.ts";
import { k, kernel } from "./mru.ts";

const domain = new ExploredDomain("srcu", 2);
const PAGE_BITS = 12;
const GFN = 5;
const TABLE_BYTES = SLOT_TABLE.size + SLOT.size;
const SHADOW_BYTES = SHADOW.size + 64;

const ROOT = domain.bytes;
/** The table with the slot, the one in which it is INVALID, and the one without it. */
const TABLES = {
  valid: ROOT + 64,
  interim: ROOT + 64 + TABLE_BYTES,
  final: ROOT + 64 + 2 * TABLE_BYTES,
};
const SHADOWS = [TABLES.final + TABLE_BYTES, TABLES.final + TABLE_BYTES + SHADOW_BYTES] as const;
/** The page of host memory that the slot leads to: one word. */
const HOST = SHADOWS[1] + SHADOW_BYTES;
const LOG = HOST + 8;
/** Where collected logs go, one after the other. */
const TAKEN = LOG + 8;
const DONE = TAKEN + 16;
/** Another log than the one that the slot has, all clean. */
export const NEW_LOG: number = DONE + 8;
const BYTES = NEW_LOG + 8;

/** The only page of a shadow map with one entry. */
function pageOf(shadow: number): number {
  return SHADOW.entries.at(shadow) + SHADOW_ENTRY.size;
}

function setUp(u32: Uint32Array, flags: number): void {
  domain.setUp(u32);
  u32[ROOT / 4] = TABLES.valid;
  for (const [name, at] of Object.entries(TABLES)) {
    if (name === "final") continue;
    SLOT_TABLE.count.set(u32, at, 1);
    const row = SLOT_TABLE.rows.at(at);
    SLOT.base.set(u32, row, GFN);
    SLOT.pages.set(u32, row, 1);
    SLOT.host.set(u32, row, HOST);
    SLOT.flags.set(u32, row, name === "interim" ? SLOT_FLAG.INVALID : flags);
    SLOT.log.set(u32, row, LOG);
  }
}

const nameOf = nameWords([
  ...domain.names(),
  ["root", 4, ROOT],
  ...Object.entries(TABLES).map(([name, at]) => [name, TABLE_BYTES, at] as const),
  ...SHADOWS.flatMap((at, vcpu) => [
    [`SHADOW[${vcpu}].entry`, SHADOW_ENTRY, SHADOW.entries.at(at)] as const,
    [`SHADOW[${vcpu}].page`, SHADOW_PAGE, pageOf(at)] as const,
    [`SHADOW[${vcpu}]`, SHADOW, at] as const,
  ]),
  ["page", 8, HOST],
  ["log", 8, LOG],
  ["taken", 16, TAKEN],
  ["done", 4, DONE],
  ["new log", 8, NEW_LOG],
]);

/** Where the page is, by the shadow map, or by the slots and then the shadow map. */
function* translate(shadow: number, write: number, gfn = GFN): Steps<number> {
  const host = yield* k.shadowLookup(shadow, gfn, write);
  if (host >= 0) return host;
  const table = yield* k.load32(ROOT);
  return yield* k.shadowFill(shadow, table, gfn, write, PAGE_BITS);
}

// ---- deletion -----------------------------------------------------------------------------------

function* readPage(vcpu: number): Steps {
  const index = yield* run(srcuLock, domain.slots[vcpu]!);
  const host = yield* run(translate, SHADOWS[vcpu]!, 0);
  if (host >= 0) yield* k.load32(host);
  yield* run(srcuUnlock, domain.slots[vcpu]!, index);
}

function* vcpu(number: number, sections: number): Steps {
  yield* run(readPage, number);
  if (sections > 1) return again(vcpu, number, sections - 1);
}

function* publish(from: number, to: number): Steps {
  const seen = yield* k.compareExchange32(ROOT, from, to);
  check(seen === from, "another batch came before");
}

function* flush(): Steps {
  for (const shadow of SHADOWS) yield* k.shadowFlush(shadow, GFN, 1);
}

/** A step of a deletion. */
export type DeletionStep = "invalid" | "gone" | "wait" | "flush";

/** Deletes the slot by steps in some order, then gives away the page and frees the old tables. */
export function deletion(...order: readonly DeletionStep[]): Program {
  const hasInterim = order.includes("invalid");
  function* commit(): Steps {
    for (const step of order) {
      if (step === "wait") yield* run(synchronizeSrcu);
      else if (step === "flush") yield* run(flush);
      else if (step === "invalid") yield* run(publish, TABLES.valid, TABLES.interim);
      else yield* run(publish, hasInterim ? TABLES.interim : TABLES.valid, TABLES.final);
    }
    yield* free("page");
    yield* free("valid");
    if (hasInterim) yield* free("interim");
  }
  return {
    kernel,
    helpers: [rcuKernel],
    bytes: BYTES,
    nameOf,
    setUp: ({ u32 }) => setUp(u32, 0),
    blocks: {
      page: { at: HOST, bytes: 8 },
      valid: { at: TABLES.valid, bytes: TABLE_BYTES },
      interim: { at: TABLES.interim, bytes: TABLE_BYTES },
    },
    threads: [
      { name: "vCPU 0", script: vcpu, args: [0, 2] },
      { name: "vCPU 1", script: vcpu, args: [1, 1] },
      { name: "committer", script: commit },
    ],
  };
}

// ---- the dirty log ------------------------------------------------------------------------------

/** Where the page is, for writing. */
type Mapping = Script<[], number>;

function* mapThenMark(): Steps<number> {
  return yield* run(translate, SHADOWS[0], 1);
}

/** A step of a writer that fills the entry of a page. */
export type FillStep = "slot's bit" | "mapping" | "mark";

/** Maps the page for writing, by steps in some order. */
function filling(...order: readonly FillStep[]): Mapping {
  return function* () {
    const host = yield* k.shadowLookup(SHADOWS[0], GFN, 1);
    if (host >= 0) return host;
    const entry = SHADOW.entries.at(SHADOWS[0]);
    for (const step of order) {
      if (step === "mark") yield* k.logDirty(SLOT_TABLE.rows.at(TABLES.valid), GFN);
      else if (step === "slot's bit") yield* rcu.pairStore(pageOf(SHADOWS[0]), 1, 0);
      else {
        yield* rcu.pairStore(SHADOW_ENTRY.host.at(entry), HOST, 0);
        yield* rcu.pairStore(SHADOW_ENTRY.tag.at(entry), GFN << 2 | 3, 0);
      }
    }
    return HOST;
  };
}

function* writePage(value: number, map: Mapping): Steps {
  const index = yield* run(srcuLock, domain.slots[0]!);
  const host = yield* run(map);
  check(host === HOST, "the page is mapped for writing");
  yield* k.store32(host, value);
  yield* run(srcuUnlock, domain.slots[0]!, index);
}

function writer(map: Mapping): Script<[], void> {
  return function* () {
    yield* writePage(1, map);
    yield* writePage(2, map);
    yield* k.store32(DONE, 1);
  };
}

function* untilDone(): Steps {
  if ((yield* k.load32(DONE)) === 0) return again(untilDone);
}

/** A step of a collection: takes the marks, ends write access, waits. */
export type CollectionStep = "take" | "protect" | "wait";

/** A vCPU writes twice; a collector copies the page if it was marked, then again once all is done. */
export function dirtyLog(...order: readonly CollectionStep[]): Program {
  return logging(mapThenMark, order);
}

/** The same with a vCPU that fills its entry by steps in some order, and a collector that is right. */
export function dirtyLogFilled(...order: readonly FillStep[]): Program {
  return logging(filling(...order), ["take", "protect", "wait"]);
}

function logging(map: Mapping, order: readonly CollectionStep[]): Program {
  function* collect(number: number, last: number): Steps<number> {
    let isDirty = false;
    for (const step of order) {
      if (step === "wait") yield* run(synchronizeSrcu);
      else if (step === "protect") {
        yield* k.shadowProtect(SHADOWS[0], SLOT_TABLE.rows.at(TABLES.valid));
      } else {
        isDirty = (yield* k.takeLog(SLOT_TABLE.rows.at(TABLES.valid), TAKEN + 8 * number)) !== 0;
      }
    }
    return isDirty ? yield* k.load32(HOST) : last;
  }
  function* collector(): Steps {
    const first = yield* run(collect, 0, 0);
    yield* run(untilDone);
    const last = yield* run(collect, 1, first);
    check(last === 2, "a write is in no copy, and its page is clean and writable");
  }
  return {
    kernel,
    helpers: [rcuKernel],
    bytes: BYTES,
    nameOf,
    setUp: ({ u32 }) => setUp(u32, SLOT_FLAG.LOG_DIRTY),
    threads: [{ name: "vCPU", script: writer(map) }, { name: "collector", script: collector }],
  };
}

// ---- the start of a dirty log ---------------------------------------------------------------------

/** A step of starting a slot's log: publishes the flag, ends write access, waits. */
export type StartStep = "publish" | "protect" | "wait";

/**
 * A vCPU writes twice. A collector starts the log and copies the page; once all is done it copies the
 * page again if it is in the log.
 */
export function logStart(...order: readonly StartStep[]): Program {
  const logged = SLOT_TABLE.rows.at(TABLES.final);
  function* collector(): Steps {
    for (const step of order) {
      if (step === "wait") yield* run(synchronizeSrcu);
      else if (step === "protect") yield* k.shadowProtect(SHADOWS[0], logged);
      else yield* run(publish, TABLES.valid, TABLES.final);
    }
    const first = yield* k.load32(HOST);
    yield* run(untilDone);
    const isDirty = (yield* k.takeLog(logged, TAKEN)) !== 0;
    const last = isDirty ? yield* k.load32(HOST) : first;
    check(last === 2, "a write is in no copy, and its page is not in the log");
  }
  return {
    kernel,
    helpers: [rcuKernel],
    bytes: BYTES,
    nameOf,
    setUp: ({ u32 }) => {
      setUp(u32, 0);
      const { valid, final } = TABLES;
      u32.copyWithin(final / 4, valid / 4, (valid + TABLE_BYTES) / 4);
      SLOT.flags.set(u32, logged, SLOT_FLAG.LOG_DIRTY);
    },
    threads: [
      { name: "vCPU", script: writer(mapThenMark) },
      { name: "collector", script: collector },
    ],
  };
}

// ---- a slot that moves with its dirty log -----------------------------------------------------------

/** Writes wherever the page is, if it is anywhere: at its first gfn, or at the next. */
function* writeMoved(value: number): Steps {
  const index = yield* run(srcuLock, domain.slots[0]!);
  let host = yield* run(translate, SHADOWS[0], 1);
  if (host < 0) host = yield* run(translate, SHADOWS[0], 1, GFN + 1);
  if (host >= 0) yield* k.store32(host, value);
  yield* run(srcuUnlock, domain.slots[0]!, index);
}

function* moveWriter(): Steps {
  yield* run(writeMoved, 1);
  yield* run(writeMoved, 2);
  yield* k.store32(DONE, 1);
}

/**
 * A vCPU writes twice. A committer moves the slot to the next gfn by steps in some order, with its log,
 * and then collects; once all is done it collects again.
 *
 * @param log The log that the slot has after the move.
 */
export function logMove(order: readonly DeletionStep[], log = LOG): Program {
  const moved = SLOT_TABLE.rows.at(TABLES.final);
  function* collect(number: number, last: number): Steps<number> {
    const isDirty = (yield* k.takeLog(moved, TAKEN + 8 * number)) !== 0;
    yield* k.shadowProtect(SHADOWS[0], moved);
    yield* run(synchronizeSrcu);
    return isDirty ? yield* k.load32(HOST) : last;
  }
  function* committer(): Steps {
    for (const step of order) {
      if (step === "wait") yield* run(synchronizeSrcu);
      else if (step === "flush") yield* k.shadowFlush(SHADOWS[0], GFN, 1);
      else if (step === "invalid") yield* run(publish, TABLES.valid, TABLES.interim);
      else yield* run(publish, TABLES.interim, TABLES.final);
    }
    const first = yield* run(collect, 0, 0);
    yield* run(untilDone);
    const last = yield* run(collect, 1, first);
    const content = yield* k.load32(HOST);
    check(last === content, "a write is in no copy, and its page is not in the log");
  }
  return {
    kernel,
    helpers: [rcuKernel],
    bytes: BYTES,
    nameOf,
    setUp: ({ u32 }) => {
      setUp(u32, SLOT_FLAG.LOG_DIRTY);
      const { valid, final } = TABLES;
      u32.copyWithin(final / 4, valid / 4, (valid + TABLE_BYTES) / 4);
      SLOT.base.set(u32, moved, GFN + 1);
      SLOT.log.set(u32, moved, log);
    },
    threads: [{ name: "vCPU", script: moveWriter }, { name: "committer", script: committer }],
  };
}
