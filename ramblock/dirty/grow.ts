/**
 * Growing the dirty bitmaps under readers that set bits.
 *
 * @module
 */

import type { Arena, Reclaimer } from "@guestmem/rcu";
import { RAM } from "../blocks/layout.ts";
import { kernelOf } from "../kernel/kernel.ts";
import { CLIENTS, TABLE } from "./layout.ts";

/**
 * Makes the bitmaps cover at least `pages`. A larger table is published that names the chunks of the
 * old one and new ones; no bit is ever copied, so a worker that still holds the old table sets its
 * bit in the same chunk. The old table is freed after a grace period.
 *
 * @param arena The arena. @param reclaimer Whose grace periods protect the table.
 * @param ram The block of the RamList.
 * @throws {ArenaExhaustedError} If the arena has no room; nothing is changed.
 */
export function growDirty(arena: Arena, reclaimer: Reclaimer, ram: number, pages: number): void {
  const { u32 } = arena;
  const chunkPages = 2 ** u32[(ram + RAM.CHUNK_BITS) >>> 2]!;
  const old = u32[(ram + RAM.DIRTY) >>> 2]!;
  const before = old === 0 ? 0 : u32[(old + TABLE.CHUNKS) >>> 2]!;
  const after = Math.ceil(pages / chunkPages);
  if (old !== 0 && after <= before) return;
  const blocks = allocateAll(arena, [
    TABLE.ENTRIES + CLIENTS * after * 4,
    ...Array<number>((after - before) * CLIENTS).fill(chunkPages / 8),
  ]);
  const table = blocks.shift()!;
  u32[(table + TABLE.CHUNKS) >>> 2] = after;
  for (let client = 0; client < CLIENTS; client++) {
    const from = ((old + TABLE.ENTRIES) >>> 2) + client * before;
    const to = ((table + TABLE.ENTRIES) >>> 2) + client * after;
    u32.copyWithin(to, from, from + before);
    for (let chunk = before; chunk < after; chunk++) u32[to + chunk] = blocks.pop()!;
  }
  kernelOf(arena.memory).store32(ram + RAM.DIRTY, table);
  if (old !== 0) reclaimer.deferFree(old);
}

/** Allocates blocks of these sizes, all or none. */
function allocateAll(arena: Arena, sizes: readonly number[]): number[] {
  const blocks: number[] = [];
  try {
    for (const bytes of sizes) blocks.push(arena.allocate(bytes, Math.min(bytes & -bytes, 64)));
  } catch (error) {
    for (const block of blocks) arena.free(block);
    throw error;
  }
  return blocks;
}
