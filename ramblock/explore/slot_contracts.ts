/**
 * What the kernel's functions for memslots and shadow maps do, with one thread.
 *
 * @module
 */

import { type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { OUTCOME, SHADOW, SHADOW_ENTRY, SLOT, SLOT_FLAG } from "../kernel/layouts.ts";
import {
  contract,
  ENTRIES,
  equal,
  holds,
  INTO,
  LOG,
  NO_SLOTS,
  ONE_SLOT,
  PAGE_AT,
  rowAt,
  ROWS,
  SHADOW_AT,
  SLOTS,
} from "./contract_memory.ts";
import { k } from "./mru.ts";

const PAGE_BITS = 12;

/** Where a page of a slot is in the host. */
const hostOf = (gfn: number, slot: number) => ROWS[slot]!.host + (gfn - ROWS[slot]!.base) * 0x1000;

/** Fails unless a page is found in a slot; in none if its number is below 0. */
function* slotOf(gfn: number, slot: number): Steps {
  const found = yield* k.findSlot(SLOTS, gfn);
  equal(found >>> 0, slot < 0 ? 0 : rowAt(slot), `the slot of ${gfn}`);
  const host = yield* k.gfnToHost(SLOTS, gfn, PAGE_BITS);
  equal(host, slot < 0 ? OUTCOME.NO_SLOT : hostOf(gfn, slot), `the host address of ${gfn}`);
}

function* memslots(): Steps {
  for (const [slot, { base, pages }] of ROWS.entries()) {
    yield* run(slotOf, base, slot);
    yield* run(slotOf, base + pages - 1, slot);
    yield* run(slotOf, base + pages, -1);
  }
  yield* run(slotOf, 0xf, -1);
  for (const [table, gfn] of [[ONE_SLOT, 0x11], [NO_SLOTS, 0x12]] as const) {
    equal(yield* k.findSlot(table, gfn), 0, "findSlot below every slot");
    equal(yield* k.gfnToHost(table, gfn, PAGE_BITS), OUTCOME.NO_SLOT, "gfnToHost below every slot");
  }
  const host = ROWS[2]!.host + 0x10000;
  equal(yield* k.gfnToHost(SLOTS, 0x21, 16), host, "gfnToHost of larger pages");
  yield* k.store32(SLOT.flags.at(rowAt(1)), SLOT_FLAG.INVALID | SLOT_FLAG.READONLY);
  equal(yield* k.gfnToHost(SLOTS, 0x13, PAGE_BITS), OUTCOME.RETRY, "gfnToHost of an invalid slot");
  equal((yield* k.findSlot(SLOTS, 0x13)) >>> 0, rowAt(1), "findSlot of an invalid slot");
}

function* logs(): Steps {
  const row = rowAt(3);
  equal(yield* k.takeLog(row, INTO), 0, "takeLog of clean pages");
  yield* k.logDirty(row, 2 ** 33 + 65);
  yield* k.logDirty(row, 2 ** 33 + 69);
  yield* k.logDirty(row, 2 ** 33);
  equal(yield* k.takeLog(row, INTO), 1, "takeLog");
  yield* run(holds, INTO, 1, "the taken log");
  yield* run(holds, INTO + 8, 0b100010, "the taken log");
  yield* run(holds, LOG, 0, "the log");
  yield* run(holds, LOG + 8, 0, "the log");
}

function* fills(gfn: number, write: number, wanted: number): Steps {
  const host = yield* k.shadowFill(SHADOW_AT, SLOTS, gfn, write, PAGE_BITS);
  equal(host, wanted, `shadowFill of ${gfn}`);
}

/** What the shadow map gives for a read and for a write; -1 for nothing. */
function* maps(gfn: number, read: number, write: number): Steps {
  equal(yield* k.shadowLookup(SHADOW_AT, gfn, 0), read, `reading ${gfn}`);
  equal(yield* k.shadowLookup(SHADOW_AT, gfn, 1), write, `writing ${gfn}`);
}

function* shadows(): Steps {
  for (const gfn of [0, 0x11]) yield* run(maps, gfn, -1, -1);
  for (const write of [0, 1]) {
    yield* run(fills, 0x11, write, hostOf(0x11, 1));
    yield* run(maps, 0x11, hostOf(0x11, 1), hostOf(0x11, 1));
  }
  yield* run(maps, 0x15, -1, -1);
  yield* run(fills, 0x14, 0, OUTCOME.NO_SLOT);
  yield* run(fills, 0x22, 1, OUTCOME.READ_ONLY);
  yield* run(maps, 0x22, -1, -1);
  yield* run(fills, 0x22, 0, hostOf(0x22, 2));
  yield* run(maps, 0x22, hostOf(0x22, 2), -1);
  for (const [slot, gfn] of [[0, 0], [2, 0x20], [1, 0x10]] as const) {
    yield* run(fills, gfn, 0, hostOf(gfn, slot));
  }
  equal(yield* k.shadowFill(SHADOW_AT, ONE_SLOT, 0x11, 0, 12), OUTCOME.NO_SLOT, "below each slot");
  equal(yield* k.shadowFill(SHADOW_AT, NO_SLOTS, 0x11, 0, 12), OUTCOME.NO_SLOT, "of no slots");
  yield* k.store32(SLOT.flags.at(rowAt(1)), SLOT_FLAG.INVALID);
  yield* run(fills, 0x12, 0, OUTCOME.RETRY);
}

function* shadowsOfLogged(): Steps {
  const gfn = 2 ** 33 + 3;
  yield* run(fills, gfn, 0, hostOf(gfn, 3));
  yield* run(maps, gfn, hostOf(gfn, 3), -1);
  yield* run(holds, LOG, 0, "the log of a page that was read");
  yield* run(fills, gfn, 1, hostOf(gfn, 3));
  yield* run(maps, gfn, hostOf(gfn, 3), hostOf(gfn, 3));
  yield* run(holds, LOG, 1 << 3, "the log of a page that was written");
}

// ---- what flushes, protects and counts ----------------------------------------------------------

/** Pages of slot 1, which fill the map. */
const NEIGHBOURS = [0x10, 0x11, 0x12, 0x13];

function* fillsAll(gfns: readonly number[]): Steps {
  for (const gfn of gfns) yield* k.shadowFill(SHADOW_AT, SLOTS, gfn, 0, PAGE_BITS);
}

/** One mapping after the other: those behind it stay. */
function* flushes(): Steps {
  yield* fillsAll(NEIGHBOURS);
  for (const gfn of NEIGHBOURS) {
    equal(yield* k.shadowFlush(SHADOW_AT, gfn, 0), 0, "shadowFlush of nothing");
    equal(yield* k.shadowFlush(SHADOW_AT, gfn, 1), 1, `shadowFlush of ${gfn}`);
    equal(yield* k.shadowFlush(SHADOW_AT, gfn, 1), 0, `shadowFlush of ${gfn} once more`);
    yield* run(maps, gfn, -1, -1);
    const host = hostOf(gfn + 1, 1);
    if (gfn < 0x13) yield* run(maps, gfn + 1, host, host);
  }
  for (let entry = 0; entry < ENTRIES; entry++) {
    const at = SHADOW.entries.at(SHADOW_AT) + entry * SHADOW_ENTRY.size;
    yield* run(holds, at, 0, "the tag of what was flushed");
    yield* run(holds, at + 4, 0, "the tag of what was flushed");
  }
  yield* fillsAll([0, 0x11]);
  equal(yield* k.shadowFlush(SHADOW_AT, 0x12, 2 ** 40), 0, "shadowFlush beyond the mappings");
  equal(yield* k.shadowFlush(SHADOW_AT, 1, 0x10), 0, "shadowFlush between the mappings");
  equal(yield* k.shadowFlush(SHADOW_AT, 0, 2 ** 40), 2, "shadowFlush of all");
  yield* run(holds, PAGE_AT, 8 << 2 | 1, "the bitmap of slots");
  // A read-only mapping of page 0, whose tag has one bit.
  yield* k.store32(SLOT.flags.at(rowAt(0)), SLOT_FLAG.READONLY);
  yield* run(fills, 0, 0, hostOf(0, 0));
  yield* run(maps, 0, hostOf(0, 0), -1);
  equal(yield* k.shadowFlush(SHADOW_AT, 0, 1), 1, "shadowFlush of page 0");
}

/** The mappings of one slot alone, also among those of a slot that was larger. */
function* protects(): Steps {
  yield* fillsAll(NEIGHBOURS);
  for (const slot of [0, 2, 3]) yield* k.shadowProtect(SHADOW_AT, rowAt(slot));
  for (const gfn of NEIGHBOURS) yield* run(maps, gfn, hostOf(gfn, 1), hostOf(gfn, 1));
  yield* k.shadowProtect(SHADOW_AT, rowAt(0, ONE_SLOT));
  for (const gfn of NEIGHBOURS) {
    yield* run(maps, gfn, hostOf(gfn, 1), gfn === 0x12 ? -1 : hostOf(gfn, 1));
  }
  yield* k.shadowProtect(SHADOW_AT, rowAt(1));
  for (const gfn of NEIGHBOURS) yield* run(maps, gfn, hostOf(gfn, 1), -1);
}

/** The mappings that lie in a table's slots: in any, and in each. */
function* counts(table: number, all: number, ...each: readonly number[]): Steps {
  equal(yield* k.shadowCount(SHADOW_AT, table, 0), all, "mappings");
  for (const [slot, count] of each.entries()) {
    const row = rowAt(slot, table);
    equal(yield* k.shadowCount(SHADOW_AT, table, row), count, `mappings of slot ${slot}`);
  }
}

function* counting(): Steps {
  yield* run(counts, SLOTS, 0, 0, 0, 0, 0);
  // What follows the entries would look like a mapping of page 8.
  yield* fillsAll([0, 0x11]);
  yield* run(holds, PAGE_AT, 8 << 2 | 1, "the bitmap of slots");
  yield* run(counts, SLOTS, 2, 1, 1, 0, 0);
  yield* fillsAll([0x22, 2 ** 33 + 3]);
  yield* run(counts, SLOTS, 4, 1, 1, 1, 1);
  yield* fillsAll([2 ** 33, 1, 0x12, 0x13]);
  yield* run(counts, SLOTS, 4, 1, 2, 0, 1);
  // Mappings of slots that are gone, next to one that is there.
  yield* run(counts, ONE_SLOT, 1, 1);
  yield* run(counts, NO_SLOTS, 0);
  yield* fillsAll([0x10, 0x11]);
  yield* run(counts, ONE_SLOT, 1, 1);
}

/** The contracts by name. */
export const slotContracts: Readonly<Record<string, Program>> = {
  "memslots": contract(memslots),
  "logs": contract(logs),
  "shadow maps": contract(shadows),
  "shadow maps of a logged slot": contract(shadowsOfLogged),
  "flushes": contract(flushes),
  "write protection": contract(protects),
  "counts of mappings": contract(counting),
};
