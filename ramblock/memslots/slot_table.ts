/**
 * Tables of slots: built privately, published as one immutable block.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import { RamBlockError } from "../errors/ramblock_error.ts";
import { SLOT, SLOT_FLAG, SLOT_TABLE } from "../kernel/layouts.ts";

/** A slot: guest pages and the host memory behind them. */
export interface Memslot {
  /** The slot's number, chosen by the caller. */
  readonly id: number;
  /** Number of the first guest page. */
  readonly baseGfn: number;
  /** How many pages. */
  readonly pages: number;
  /** Host address of the first page, a multiple of the page size. */
  readonly host: number;
  /** Bits of `SLOT_FLAG`. */
  readonly flags: number;
}

/** A slot as a table has it. */
export interface TableSlot extends Memslot {
  /** Its dirty log, 0 if it has none. */
  readonly log: number;
}

/** The largest gfn plus one: 2^64 bytes in pages of 4 KiB. */
const GFNS = 2 ** 52;

/**
 * Checks a slot by itself.
 *
 * @throws {RamBlockError} INVALID_SLOT.
 */
export function checkSlot(slot: Memslot, pageBits: number): void {
  const demand = (what: string, value: number, holds: boolean, requirement: string): void => {
    if (!holds) throw new RamBlockError("INVALID_SLOT", { what, value, requirement });
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
  demand("the host address", host, aligned, `a multiple of the page size, ${page}, below 2^53`);
  const known = SLOT_FLAG.READONLY | SLOT_FLAG.LOG_DIRTY;
  demand("the flags", flags, (flags & ~known) === 0, "made of READONLY and LOG_DIRTY");
}

/**
 * Checks slots against one another.
 *
 * @param slots Slots by rising base.
 * @throws {RamBlockError} TOO_MANY_SLOTS; SLOT_OVERLAP if two have the same gfn.
 */
export function checkTogether(slots: readonly Memslot[], limit: number): void {
  if (slots.length > limit) {
    throw new RamBlockError("TOO_MANY_SLOTS", { count: slots.length, limit });
  }
  for (let i = 1; i < slots.length; i++) {
    const [before, { id, baseGfn }] = [slots[i - 1]!, slots[i]!];
    if (baseGfn < before.baseGfn + before.pages) {
      throw new RamBlockError("SLOT_OVERLAP", { id, other: before.id, gfn: baseGfn });
    }
  }
}

/** The slots by rising base. */
export function sorted<S extends Memslot>(slots: Iterable<S>): S[] {
  return [...slots].sort((a, b) => a.baseGfn - b.baseGfn);
}

/**
 * Builds a table that nobody else sees yet.
 *
 * @param slots Slots by rising base.
 * @param committer The token of the batch's context if there are INVALID slots, else 0.
 * @throws {ArenaExhaustedError} If the arena has no room.
 */
export function buildTable(
  arena: BlockAllocator,
  slots: readonly TableSlot[],
  generation: number,
  committer: number,
): number {
  const { u32 } = arena;
  const table = arena.allocate(SLOT_TABLE.size + slots.length * SLOT.size, SLOT_TABLE.alignment);
  SLOT_TABLE.count.set(u32, table, slots.length);
  SLOT_TABLE.committer.set(u32, table, committer);
  SLOT_TABLE.generation.set(u32, table, generation);
  slots.forEach((slot, index) => {
    const row = SLOT_TABLE.rows.at(table) + index * SLOT.size;
    SLOT.base.set(u32, row, slot.baseGfn);
    SLOT.pages.set(u32, row, slot.pages);
    SLOT.host.set(u32, row, slot.host);
    SLOT.id.set(u32, row, slot.id);
    SLOT.flags.set(u32, row, slot.flags);
    SLOT.log.set(u32, row, slot.log);
  });
  return table;
}

/** The rows of a table. */
export function rowsOf(u32: Uint32Array, table: number): number[] {
  const first = SLOT_TABLE.rows.at(table);
  const length = SLOT_TABLE.count.get(u32, table);
  return Array.from({ length }, (_, index) => first + index * SLOT.size);
}

/** A copy of a row. */
export function readSlot(u32: Uint32Array, row: number): TableSlot {
  return {
    id: SLOT.id.get(u32, row),
    baseGfn: SLOT.base.get(u32, row),
    pages: SLOT.pages.get(u32, row),
    host: SLOT.host.get(u32, row),
    flags: SLOT.flags.get(u32, row),
    log: SLOT.log.get(u32, row),
  };
}
