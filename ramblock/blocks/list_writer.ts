/**
 * Changes of the list of blocks, by the one writer.
 *
 * @module
 */

import { ALL_CLIENTS, CLIENTS } from "../dirty/dirty_clients.ts";
import { RamBlockError } from "../errors/ramblock_error.ts";
import { BLOCK, RAM } from "../kernel/layouts.ts";
import { hasName } from "./block_record.ts";
import type { Extent } from "./find_ram_offset.ts";
import type { RamCore } from "./ram_core.ts";

/** The blocks in the list's order. Only the writer changes the links, so plain loads are enough. */
export function listed({ arena: { u32 }, list: { offset: head } }: RamCore): number[] {
  const blocks: number[] = [];
  let block = BLOCK.next.get(u32, head);
  for (; block !== head; block = BLOCK.next.get(u32, block)) blocks.push(block);
  return blocks;
}

/** The blocks that were removed and are not reclaimed yet. */
export function retired({ arena: { u32 }, ram }: RamCore): number[] {
  const blocks: number[] = [];
  let block = RAM.retired.get(u32, ram);
  for (; block !== 0; block = BLOCK.nextRetired.get(u32, block)) blocks.push(block);
  return blocks;
}

/** The addresses in use: those of a removed block are until it is reclaimed. */
export function occupied(core: RamCore): Extent[] {
  const { u32 } = core.arena;
  // A set, since a writer that died as it removed a block has left it in both.
  return [...new Set([...listed(core), ...retired(core)])].map((block) => ({
    offset: BLOCK.offset.get(u32, block),
    maxLength: BLOCK.maxLength.get(u32, block),
  }));
}

/**
 * The block with an id.
 *
 * @throws {RamBlockError} UNKNOWN_BLOCK.
 */
export function findById(core: RamCore, action: string, id: number): number {
  const block = listed(core).find((block) => BLOCK.id.get(core.arena.u32, block) === id);
  if (block === undefined) throw new RamBlockError("UNKNOWN_BLOCK", { action, id });
  return block;
}

/**
 * Checks that no block has a name.
 *
 * @throws {RamBlockError} DUPLICATE_NAME.
 */
export function requireFreeName(core: RamCore, name: string, bytes: Uint8Array): void {
  if (listed(core).some((block) => hasName(core.arena, block, bytes))) {
    throw new RamBlockError("DUPLICATE_NAME", { block: name });
  }
}

/** Links a block: readers find it from then on. The list is sorted by falling maximum length. */
export function link(core: RamCore, block: number): void {
  const { u32 } = core.arena;
  const length = (of: number) => BLOCK.maxLength.get(u32, of);
  const before = listed(core).findLast((other) => length(other) >= length(block));
  markAll(core, block);
  core.list.insertAfter(before ?? core.list.offset, block);
  core.kernel.bumpVersion(core.ram);
}

/**
 * Retires a block: unlinks it, and calls `reclaim` once no reader can see it.
 *
 * The order matters: unlink, then bump. A reader that loads the new version walks a list without the
 * block. A reader that found the block did so under an older version, and its entry in the MRU word is
 * trusted under that version alone, by readers whose sections began before the bump. `callRcu` comes
 * last, so its grace period covers them all. If the bump came first, a reader could load the new
 * version, still find the block, and store it under that version.
 *
 * @throws {DeferredBudgetError} If no more can be deferred; nothing has changed.
 */
export function retire(core: RamCore, block: number, reclaim: () => void): void {
  const { arena: { u32, token }, ram } = core;
  const before = BLOCK.previous.get(u32, block);
  const next = RAM.retired.get(u32, ram);
  // First, so that the next writer finds the block if this one dies before it has reclaimed it.
  BLOCK.retiredBy.set(u32, block, token);
  BLOCK.nextRetired.set(u32, block, next);
  RAM.retired.set(u32, ram, block);
  unlink(core, block);
  try {
    core.reclaimer.callRcu(reclaim);
  } catch (error) {
    // Back between the same neighbours, so a reader that stands on the block walks on as before.
    core.list.insertAfter(before, block);
    core.kernel.bumpVersion(ram);
    RAM.retired.set(u32, ram, next);
    throw error;
  }
}

function unlink({ list, kernel, ram }: RamCore, block: number): void {
  list.remove(block);
  kernel.bumpVersion(ram);
}

/**
 * Takes over the blocks that were retired by contexts which died before they had reclaimed them. What a
 * death has cut short is done, and `reclaim` is called for each once no reader can see it.
 */
export function adoptRetired(core: RamCore, reclaim: (block: number) => void): void {
  const { arena, kernel, ram } = core;
  const { u32 } = arena;
  const orphans = retired(core).filter((block) => isGone(core, BLOCK.retiredBy.get(u32, block)));
  for (const block of orphans) {
    if (listed(core).includes(block)) core.list.remove(block);
    kernel.bumpVersion(ram);
    core.reclaimer.callRcu(() => reclaim(block));
    BLOCK.retiredBy.set(u32, block, arena.token);
  }
}

/** Whether a context executes nothing more. */
function isGone({ arena }: RamCore, owner: number): boolean {
  return !arena.contexts().some(({ token, state }) => {
    return token === owner && (state === "alive" || state === "expelled");
  });
}

/** Frees a retired block: its addresses may be used again, and its record is gone. */
export function free({ arena, ram, buffers }: RamCore, block: number): void {
  const { u32 } = arena;
  let link = RAM.retired.index(ram);
  while (u32[link] !== block) link = BLOCK.nextRetired.index(u32[link]!);
  u32[link] = BLOCK.nextRetired.get(u32, block);
  buffers.delete(BLOCK.id.get(u32, block));
  arena.free(block);
}

/**
 * Changes the used length of a block. Its used pages are dirty then, and those that are cut off clean:
 * QEMU clears the old ones before it marks the new ones.
 */
export function setUsedLength(core: RamCore, block: number, length: number): void {
  const { arena: { u32 }, kernel, ram } = core;
  const page = 2 ** RAM.pageBits.get(u32, ram);
  const first = BLOCK.offset.get(u32, block) / page;
  const cut = kernel.usedLength(block) - length;
  kernel.setUsedLength(block, length);
  for (let client = 0; cut > 0 && client < CLIENTS; client++) {
    kernel.testAndClearDirty(ram, client, first + length / page, cut / page);
  }
  markAll(core, block);
}

/** Marks the used pages of a block dirty for all clients: nobody has seen them yet. */
export function markAll({ arena: { u32 }, kernel, ram }: RamCore, block: number): void {
  const page = 2 ** RAM.pageBits.get(u32, ram);
  const first = BLOCK.offset.get(u32, block) / page;
  kernel.setDirty(ram, first, kernel.usedLength(block) / page, ALL_CLIENTS);
}
