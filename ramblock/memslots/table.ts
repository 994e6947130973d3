/**
 * Tables of slots: built privately, published as one immutable block.
 *
 * @module
 */

import type { Arena } from "@guestmem/rcu";
import { loadNumber, storeNumber } from "../blocks/layout.ts";
import { InvalidSlotError, SlotLimitError, SlotOverlapError } from "./errors.ts";
import { ROW, ROW_BYTES, SLOT_FLAG, TABLE } from "./layout.ts";

/** A slot: guest pages and the host memory behind them. */
export interface Memslot {
  /** The slot's number, chosen by the caller. */
  readonly id: number;
  /** Number of the first guest page. */
  readonly baseGfn: number;
  /** How many pages. */
  readonly pages: number;
  /** Host position of the first page, a multiple of the page size. */
  readonly host: number;
  /** Bits of `SLOT_FLAG`. */
  readonly flags: number;
}

/** A slot as a table has it. */
export interface TableSlot extends Memslot {
  /** Its dirty log, 0 if it has none. */
  readonly log: number;
}

/** The largest gfn and one more: page numbers of 2^64 bytes of 4 KiB pages. */
const GFNS = 2 ** 52;

/**
 * Checks what can be checked of a slot alone.
 *
 * @throws {InvalidSlotError} If a property does not serve.
 */
export function checkSlot(slot: Memslot, pageBits: number): void {
  const demand = (what: string, value: number, holds: boolean, requirement: string): void => {
    if (!holds) throw new InvalidSlotError(what, value, requirement);
  };
  const { id, baseGfn, pages, host, flags } = slot;
  const page = 2 ** pageBits;
  demand("the number", id, Number.isInteger(id) && id >= 0 && id < 2 ** 32, "from 0 to 2^32 - 1");
  const gfn = Number.isSafeInteger(baseGfn) && baseGfn >= 0 && baseGfn < GFNS;
  demand("the first gfn", baseGfn, gfn, "an integer from 0 to 2^52 - 1");
  const fits = Number.isSafeInteger(pages) && pages > 0 && pages <= GFNS - baseGfn;
  demand("the page count", pages, fits, "a positive integer that keeps the gfns below 2^52");
  const aligned = Number.isSafeInteger(host) && host >= 0 && host % page === 0 &&
    host <= Number.MAX_SAFE_INTEGER - pages * page;
  demand("the host position", host, aligned, `a multiple of the page size, ${page}, below 2^53`);
  const known = SLOT_FLAG.READONLY | SLOT_FLAG.LOG_DIRTY;
  demand("the flags", flags, (flags & ~known) === 0, "made of READONLY and LOG_DIRTY");
}

/**
 * Checks slots against one another.
 *
 * @param slots Slots by rising base.
 * @throws {SlotLimitError} If there are too many.
 * @throws {SlotOverlapError} If two have the same gfn.
 */
export function checkTogether(slots: readonly Memslot[], limit: number): void {
  if (slots.length > limit) throw new SlotLimitError(slots.length, limit);
  for (let i = 1; i < slots.length; i++) {
    const [before, slot] = [slots[i - 1]!, slots[i]!];
    if (slot.baseGfn < before.baseGfn + before.pages) {
      throw new SlotOverlapError(slot.id, before.id, slot.baseGfn);
    }
  }
}

/** The slots by rising base. */
export function sorted<S extends Memslot>(slots: Iterable<S>): S[] {
  return [...slots].sort((a, b) => a.baseGfn - b.baseGfn);
}

/**
 * Builds a table that nobody sees yet.
 *
 * @param slots Slots by rising base.
 * @param committer The token of the batch's context if there are INVALID slots, else 0.
 * @throws {ArenaExhaustedError} If the arena has no room.
 */
export function buildTable(
  arena: Arena,
  slots: readonly TableSlot[],
  generation: number,
  committer: number,
): number {
  const { u32 } = arena;
  const table = arena.allocate(TABLE.ROWS + slots.length * ROW_BYTES, 64);
  u32[(table + TABLE.COUNT) >>> 2] = slots.length;
  u32[(table + TABLE.COMMITTER) >>> 2] = committer;
  storeNumber(u32, table + TABLE.GENERATION, generation);
  slots.forEach((slot, index) => {
    const row = table + TABLE.ROWS + index * ROW_BYTES;
    storeNumber(u32, row + ROW.BASE, slot.baseGfn);
    storeNumber(u32, row + ROW.PAGES, slot.pages);
    storeNumber(u32, row + ROW.HOST, slot.host);
    u32[(row + ROW.ID) >>> 2] = slot.id;
    u32[(row + ROW.FLAGS) >>> 2] = slot.flags;
    u32[(row + ROW.LOG) >>> 2] = slot.log;
  });
  return table;
}

/** The rows of a table. */
export function rowsOf(u32: Uint32Array, table: number): number[] {
  const count = u32[(table + TABLE.COUNT) >>> 2]!;
  return Array.from({ length: count }, (_, index) => table + TABLE.ROWS + index * ROW_BYTES);
}

/** A copy of a row. */
export function readSlot(u32: Uint32Array, row: number): TableSlot {
  return {
    id: u32[(row + ROW.ID) >>> 2]!,
    baseGfn: loadNumber(u32, row + ROW.BASE),
    pages: loadNumber(u32, row + ROW.PAGES),
    host: loadNumber(u32, row + ROW.HOST),
    flags: u32[(row + ROW.FLAGS) >>> 2]!,
    log: u32[(row + ROW.LOG) >>> 2]!,
  };
}
