/**
 * Taking the dirty log of a slot. The control context alone changes tables, so it needs no section.
 *
 * @module
 */

import { DirtySnapshot, takeBits } from "../dirty/dirty_snapshot.ts";
import { RamBlockError } from "../errors/ramblock_error.ts";
import { MEMSLOTS, SLOT } from "../kernel/layouts.ts";
import { readSlot, rowsOf } from "./slot_table.ts";
import { forEachShadow, type SlotsCore } from "./slots_core.ts";

/** A dirty log that was taken. */
export interface TakenLog {
  /** Its pages. */
  readonly dirty: DirtySnapshot;
  /** The slot's first gfn when it was taken. */
  readonly baseGfn: number;
  /** Where the slot's log lies. */
  readonly log: number;
}

/**
 * Takes the dirty log of a slot, and makes its mappings read-only so that the next write is logged
 * again. A grace period must pass before the pages may be copied.
 *
 * @throws {RamBlockError} UNKNOWN_SLOT; NO_DIRTY_LOG.
 */
export function takeLog(core: SlotsCore, id: number): TakenLog {
  const { arena, kernel } = core;
  const row = loggedRow(core, id);
  const { baseGfn, pages } = readSlot(arena.u32, row);
  const words = takeBits(arena, pages, (into) => kernel.takeLog(row, into));
  // Not earlier: a mapping that becomes writable after this is marked after the log was taken.
  forEachShadow(core, (shadow) => kernel.shadowProtect(shadow, row));
  const dirty = new DirtySnapshot(baseGfn, pages, words);
  return { dirty, baseGfn, log: SLOT.log.get(arena.u32, row) };
}

/**
 * Marks the pages of a taken log again, because they were not copied; unless a batch has ended the log
 * since. A batch may also have moved the slot, and its log with it.
 */
export function putBackLog(core: SlotsCore, { dirty, baseGfn, log }: TakenLog): void {
  const { arena: { u32 }, kernel } = core;
  const row = currentRows(core).find((row) => SLOT.log.get(u32, row) === log);
  if (row === undefined) return;
  const moved = SLOT.base.get(u32, row) - baseGfn;
  for (const gfn of dirty) kernel.logDirty(row, gfn + moved);
}

function currentRows({ arena: { u32 }, kernel, memslots }: SlotsCore): number[] {
  return rowsOf(u32, kernel.load32(MEMSLOTS.root.at(memslots)) >>> 0);
}

/** The row of a slot that keeps a log. */
function loggedRow(core: SlotsCore, id: number): number {
  const { u32 } = core.arena;
  const row = currentRows(core).find((row) => SLOT.id.get(u32, row) === id);
  if (row === undefined) {
    throw new RamBlockError("UNKNOWN_SLOT", { action: "collect the dirty log of", id });
  }
  if (SLOT.log.get(u32, row) === 0) throw new RamBlockError("NO_DIRTY_LOG", { id });
  return row;
}
