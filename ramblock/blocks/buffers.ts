/**
 * Callers' buffers as blocks.
 *
 * @module
 */

import type { ReadGuard } from "@guestmem/rcu";
import { InvalidBufferError, UnknownBlockError } from "../errors.ts";
import { BufferMemory } from "../windows/guest_memory.ts";
import type { RamCore } from "./core.ts";
import { BLOCK, KIND, loadNumber } from "./layout.ts";
import { readName } from "./records.ts";

/**
 * Checks that a buffer has room for a block.
 *
 * @param name Name of the block. @param length Bytes it can have at most.
 * @throws {InvalidBufferError} If it does not serve.
 */
export function checkBuffer(
  name: string,
  buffer: SharedArrayBuffer,
  byteOffset: number,
  length: number,
): void {
  if (!(buffer instanceof SharedArrayBuffer)) {
    throw new InvalidBufferError(name, "it must be a SharedArrayBuffer");
  }
  if (!Number.isSafeInteger(byteOffset) || byteOffset < 0 || byteOffset % 8 !== 0) {
    const reason = `its byte offset must be a multiple of 8, and is ${byteOffset}`;
    throw new InvalidBufferError(name, reason);
  }
  if (buffer.byteLength - byteOffset < length) {
    throw new InvalidBufferError(
      name,
      `it must have ${length} bytes from byte offset ${byteOffset} on, and has ` +
        `${buffer.byteLength} in all`,
    );
  }
}

/** See `GuestRam.attachBuffer`. */
export function attachBuffer(
  { arena, list, buffers }: RamCore,
  section: ReadGuard,
  id: number,
  buffer: SharedArrayBuffer,
  byteOffset: number,
): void {
  const { u32, u8 } = arena;
  let block = list.first(section);
  while (block !== 0 && u32[(block + BLOCK.ID) >>> 2] !== id) block = list.next(section, block);
  if (block === 0) throw new UnknownBlockError("attach a buffer to", id);
  const name = readName(u32, u8, block);
  const kind = u32[(block + BLOCK.KIND) >>> 2];
  if (kind !== KIND.PREALLOCATED && kind !== KIND.EXTERNAL) {
    throw new InvalidBufferError(name, "the block lies in the windows and needs none");
  }
  checkBuffer(name, buffer, byteOffset, loadNumber(u32, block + BLOCK.MAX_LENGTH));
  buffers.set(id, { memory: new BufferMemory(buffer), byteOffset });
}
