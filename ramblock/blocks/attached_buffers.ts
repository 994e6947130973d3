/**
 * Callers' buffers as the memory of blocks.
 *
 * @module
 */

import type { ReadGuard } from "@guestmem/rcu";
import { RamBlockError } from "../errors/ramblock_error.ts";
import { BLOCK } from "../kernel/layouts.ts";
import { BufferWindow } from "../windows/ram_window.ts";
import { isInBuffer, readName } from "./block_record.ts";
import type { RamCore } from "./ram_core.ts";

/**
 * Checks that a buffer has room for a block.
 *
 * @param name Name of the block.
 * @param length The block's maximum length.
 * @throws {RamBlockError} INVALID_BUFFER.
 */
export function checkBuffer(
  name: string,
  buffer: SharedArrayBuffer,
  byteOffset: number,
  length: number,
): void {
  const refuse = (reason: string): never => {
    throw new RamBlockError("INVALID_BUFFER", { block: name, reason });
  };
  if (!(buffer instanceof SharedArrayBuffer)) refuse("it must be a SharedArrayBuffer");
  if (!Number.isSafeInteger(byteOffset) || byteOffset < 0 || byteOffset % 8 !== 0) {
    refuse(`its byte offset must be a multiple of 8, and is ${byteOffset}`);
  }
  if (buffer.byteLength - byteOffset < length) {
    refuse(
      `it must have ${length} bytes from byte offset ${byteOffset} on, and has ` +
        `${buffer.byteLength} in all`,
    );
  }
}

/** Implements `GuestRam.attachBuffer`. */
export function attachBuffer(
  { arena, list, buffers }: RamCore,
  guard: ReadGuard,
  id: number,
  buffer: SharedArrayBuffer,
  byteOffset: number,
): void {
  const { u32 } = arena;
  let block = list.first(guard);
  while (block !== 0 && BLOCK.id.get(u32, block) !== id) block = list.next(guard, block);
  if (block === 0) {
    throw new RamBlockError("UNKNOWN_BLOCK", { action: "attach a buffer to", id });
  }
  const name = readName(arena, block);
  if (!isInBuffer(u32, block)) {
    const reason = "the block lies in the windows and needs none";
    throw new RamBlockError("INVALID_BUFFER", { block: name, reason });
  }
  checkBuffer(name, buffer, byteOffset, BLOCK.maxLength.get(u32, block));
  buffers.set(id, { window: new BufferWindow(buffer), byteOffset });
}
