/**
 * Growing the dirty bitmaps under readers that set bits.
 *
 * @module
 */

import { type BlockAllocator, RcuError, type Reclaimer } from "@guestmem/rcu";
import { kernelOf } from "../kernel/kernel.ts";
import { DIRTY_TABLE, RAM } from "../kernel/layouts.ts";
import { CLIENTS } from "./dirty_clients.ts";

/**
 * Makes the bitmaps cover at least `pages`. It publishes a larger table with the chunks of the old one
 * and new ones. No bit is ever copied, so a worker that still has the old table sets its bit in the
 * same chunk. The old table is freed after a grace period.
 *
 * @param arena The arena.
 * @param reclaimer Its grace periods protect the table.
 * @param ram The `RAM` struct.
 * @param pages How many pages.
 * @throws {ArenaExhaustedError} If the arena has no room; nothing has changed.
 * @throws {RcuError} If the table of an earlier growth still cannot be deferred; nothing has changed.
 */
export function growDirty(
  arena: BlockAllocator,
  reclaimer: Reclaimer,
  ram: number,
  pages: number,
): void {
  const { u32, memory } = arena;
  const chunkPages = 2 ** RAM.chunkBits.get(u32, ram);
  const old = RAM.dirty.get(u32, ram);
  const before = old === 0 ? 0 : DIRTY_TABLE.chunks.get(u32, old);
  const after = Math.ceil(pages / chunkPages);
  if (old !== 0 && after <= before) return;
  if (old !== 0) deferReplaced(u32, reclaimer, old);
  const [table, ...chunks] = allocateAll(arena, [
    DIRTY_TABLE.size + CLIENTS * after * DIRTY_TABLE.entries.stride,
    ...Array<number>((after - before) * CLIENTS).fill(chunkPages / 8),
  ]) as [number, ...number[]];
  DIRTY_TABLE.chunks.set(u32, table, after);
  for (let client = 0; client < CLIENTS; client++) {
    for (let chunk = 0; chunk < after; chunk++) {
      const block = chunk < before
        ? DIRTY_TABLE.entries.get(u32, old, client * before + chunk)
        : chunks.pop()!;
      DIRTY_TABLE.entries.set(u32, table, client * after + chunk, block);
    }
  }
  DIRTY_TABLE.replaced.set(u32, table, old);
  kernelOf(memory).store32(RAM.dirty.at(ram), table);
  try {
    deferReplaced(u32, reclaimer, table);
  } catch (error) {
    // The budget of the domain may be used up. The growth stands, and cannot be taken back without a
    // grace period; the old table waits for the next growth.
    if (!(error instanceof RcuError)) throw error;
  }
}

/** Has the table that `table` has replaced freed after a grace period, if that is still to be done. */
function deferReplaced(u32: Uint32Array, reclaimer: Reclaimer, table: number): void {
  const replaced = DIRTY_TABLE.replaced.get(u32, table);
  if (replaced === 0) return;
  reclaimer.deferFree(replaced);
  DIRTY_TABLE.replaced.set(u32, table, 0);
}

/** Allocates blocks of these sizes, all or none. */
function allocateAll(arena: BlockAllocator, sizes: readonly number[]): number[] {
  const blocks: number[] = [];
  try {
    for (const bytes of sizes) blocks.push(arena.allocate(bytes, Math.min(bytes & -bytes, 64)));
  } catch (error) {
    for (const block of blocks) arena.free(block);
    throw error;
  }
  return blocks;
}
