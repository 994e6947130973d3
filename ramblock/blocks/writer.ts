/**
 * Changes of the list of blocks: what a writer does under the caller's lock.
 *
 * @module
 */

import { ALL_CLIENTS } from "../dirty/layout.ts";
import { DuplicateNameError, UnknownBlockError } from "../errors.ts";
import type { RamCore } from "./core.ts";
import { BLOCK, loadNumber, RAM } from "./layout.ts";
import type { Placed } from "./placement.ts";
import { hasName } from "./records.ts";

/**
 * The blocks in the list's order. The writer alone changes the links, so it follows them plainly.
 */
export function listed({ arena, list }: RamCore): number[] {
  const { u32 } = arena;
  const blocks: number[] = [];
  for (let block = u32[list.offset >>> 2]!; block !== list.offset; block = u32[block >>> 2]!) {
    blocks.push(block);
  }
  return blocks;
}

/** The blocks that were removed and are not reclaimed yet. */
export function retired({ arena: { u32 }, ram }: RamCore): number[] {
  const blocks: number[] = [];
  let block = u32[(ram + RAM.RETIRED) >>> 2]!;
  for (; block !== 0; block = u32[(block + BLOCK.RETIRED) >>> 2]!) blocks.push(block);
  return blocks;
}

/** What is in the way of a new block: memory of a removed one is in use until it is reclaimed. */
export function occupied(core: RamCore): Placed[] {
  const { u32 } = core.arena;
  return [...listed(core), ...retired(core)].map((block) => ({
    offset: loadNumber(u32, block + BLOCK.OFFSET),
    maxLength: loadNumber(u32, block + BLOCK.MAX_LENGTH),
  }));
}

/** The block with an id. */
export function findById(core: RamCore, action: string, id: number): number {
  const block = listed(core).find((block) => core.arena.u32[(block + BLOCK.ID) >>> 2] === id);
  if (block === undefined) throw new UnknownBlockError(action, id);
  return block;
}

/** Throws if a block has the name. */
export function requireFreeName(core: RamCore, name: string, bytes: Uint8Array): void {
  if (listed(core).some((block) => hasName(core.arena, block, bytes))) {
    throw new DuplicateNameError(name);
  }
}

/** Puts a block in: readers find it from then on. The list is sorted by falling maximum length. */
export function link(core: RamCore, block: number): void {
  const { u32 } = core.arena;
  const length = (of: number) => loadNumber(u32, of + BLOCK.MAX_LENGTH);
  const before = listed(core).findLast((other) => length(other) >= length(block));
  markAll(core, block);
  core.list.insertAfter(before ?? core.list.offset, block);
  core.kernel.bumpVersion(core.ram);
}

/**
 * Takes a block out and has `reclaim` run once no reader can see it.
 *
 * The order matters: unlink, then bump. A reader that loads the new version walks a list without the
 * block; one that found the block did so under an older version, under which alone its entry in the
 * MRU word is trusted, by readers whose sections began before the bump. `callRcu` comes last, so its
 * grace period covers them all. Bumped first, the new version could be loaded and the block still be
 * found and stored under it.
 *
 * @throws {DeferredBudgetError} If no more can be deferred; nothing is changed.
 */
export function unlink(core: RamCore, block: number, reclaim: () => void): void {
  const { u32 } = core.arena;
  const before = u32[(block >>> 2) + 1]!;
  core.list.remove(block);
  core.kernel.bumpVersion(core.ram);
  try {
    core.domain.callRcu(reclaim);
  } catch (error) {
    // Back to the same neighbours, so a reader that stands on the block walks on as before.
    core.list.insertAfter(before, block);
    core.kernel.bumpVersion(core.ram);
    throw error;
  }
  u32[(block + BLOCK.RETIRED) >>> 2] = u32[(core.ram + RAM.RETIRED) >>> 2]!;
  u32[(core.ram + RAM.RETIRED) >>> 2] = block;
}

/** Ends the use of a removed block's memory, and frees its record. */
export function release({ arena, ram, buffers }: RamCore, block: number): void {
  const { u32 } = arena;
  let link = (ram + RAM.RETIRED) >>> 2;
  while (u32[link] !== block) link = (u32[link]! + BLOCK.RETIRED) >>> 2;
  u32[link] = u32[(block + BLOCK.RETIRED) >>> 2]!;
  buffers.delete(u32[(block + BLOCK.ID) >>> 2]!);
  arena.free(block);
}

/** Marks the used pages of a block dirty for all clients: nobody has seen them yet. */
export function markAll({ arena, kernel, ram }: RamCore, block: number): void {
  const page = 2 ** arena.u32[(ram + RAM.PAGE_BITS) >>> 2]!;
  const first = loadNumber(arena.u32, block + BLOCK.OFFSET) / page;
  kernel.setDirty(ram, first, kernel.usedLength(block) / page, ALL_CLIENTS);
}
