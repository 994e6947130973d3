/**
 * Checking and placing a new block.
 *
 * @module
 */

import { RamBlockError } from "../errors/ramblock_error.ts";
import { BLOCK, RAM } from "../kernel/layouts.ts";
import type { BlockOptions } from "./block_options.ts";
import { createRecord, encodeName, KIND } from "./block_record.ts";
import { findRamOffset } from "./find_ram_offset.ts";
import { HOST_WINDOWS } from "./host_addresses.ts";
import { occupied, requireFreeName, retired } from "./list_writer.ts";
import type { RamCore } from "./ram_core.ts";

/**
 * Checks the options of a block, finds an offset and creates its record, which nobody else sees yet.
 *
 * @returns The record.
 * @throws {RamBlockError} INVALID_NAME, INVALID_LENGTH, LENGTH_BEYOND_MAXIMUM, DUPLICATE_NAME or
 * RAM_EXHAUSTED.
 * @throws {ArenaExhaustedError} If the arena has no room.
 */
export function createBlock(
  core: RamCore,
  kind: number,
  { name, length, maxLength = length }: BlockOptions,
): number {
  const { arena, ram, windows } = core;
  const bytes = encodeName(name);
  requireLength(core, "the maximum length", maxLength);
  requireLength(core, "the used length", length);
  requireAtMost(name, length, maxLength);
  requireFreeName(core, name, bytes);
  const isInWindows = kind === KIND.ANONYMOUS || kind === KIND.FILE;
  const limit = isInWindows ? windows.bytes : HOST_WINDOWS;
  const pageBits = RAM.pageBits.get(arena.u32, ram);
  const offset = findRamOffset(occupied(core), maxLength, pageBits, limit);
  if (offset < 0) throw exhausted(core, name, maxLength, limit);
  const id = RAM.nextId.get(arena.u32, ram);
  const host = isInWindows ? HOST_WINDOWS + offset : reserveHost(core, maxLength);
  const content = { id, kind, name: bytes, offset, host, usedLength: length, maxLength };
  return createRecord(arena, content);
}

/**
 * Checks that a length is whole pages, and not zero.
 *
 * @throws {RamBlockError} INVALID_LENGTH.
 */
export function requireLength({ arena, ram }: RamCore, what: string, value: number): void {
  const page = 2 ** RAM.pageBits.get(arena.u32, ram);
  if (Number.isSafeInteger(value) && value > 0 && value % page === 0) return;
  const requirement = `a positive multiple of the page size, ${page}`;
  throw new RamBlockError("INVALID_LENGTH", { what, value, requirement });
}

/**
 * Checks a length against its block's maximum length.
 *
 * @throws {RamBlockError} LENGTH_BEYOND_MAXIMUM.
 */
export function requireAtMost(block: string, length: number, maximum: number): void {
  if (length <= maximum) return;
  throw new RamBlockError("LENGTH_BEYOND_MAXIMUM", { block, length, maximum });
}

/** Host addresses for a caller's buffer. They are never used again, even if adding it fails. */
function reserveHost({ arena: { u32 }, ram }: RamCore, length: number): number {
  const host = RAM.nextHost.get(u32, ram);
  RAM.nextHost.set(u32, ram, host + length);
  return host;
}

function exhausted(core: RamCore, block: string, length: number, reserved: number): RamBlockError {
  const { u32 } = core.arena;
  const held = retired(core).reduce((sum, block) => sum + BLOCK.maxLength.get(u32, block), 0);
  return new RamBlockError("RAM_EXHAUSTED", { block, length, reserved, retired: held });
}
