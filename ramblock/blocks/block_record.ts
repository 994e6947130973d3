/**
 * The record of a RAM block in the arena.
 *
 * @module
 */

import type { BlockAllocator, SharedMemory } from "@guestmem/rcu";
import { RamBlockError } from "../errors/ramblock_error.ts";
import { BLOCK } from "../kernel/layouts.ts";

/** Kinds of blocks: where their memory comes from. */
export const KIND = {
  /** Part of the windows, zeroed. */
  ANONYMOUS: 0,
  /** A caller's buffer. */
  PREALLOCATED: 1,
  /** Part of the windows, loaded from a file and written back to it. */
  FILE: 2,
  /** A caller's buffer, which the caller invalidates when the block is reclaimed. */
  EXTERNAL: 3,
} as const;

const KIND_NAMES = ["anonymous", "preallocated", "file", "external"] as const;

/** A block as the context that changes it sees it: a copy, true until the next change. */
export interface RamBlock {
  /** Never repeats: what to keep across sections. */
  readonly id: number;
  /** Unique among the blocks of a list. */
  readonly name: string;
  /** Where its memory comes from; see the methods of `RamList`. */
  readonly kind: "anonymous" | "preallocated" | "file" | "external";
  /** Its ram_addr_t. */
  readonly offset: number;
  /** Bytes in use. */
  readonly usedLength: number;
  /** Bytes that it can be resized to. */
  readonly maxLength: number;
  /** Its host address. */
  readonly host: number;
}

/** The contents of a record. */
export interface RecordContent extends Omit<RamBlock, "kind" | "name"> {
  /** One of {@linkcode KIND}. */
  readonly kind: number;
  /** The name, encoded. */
  readonly name: Uint8Array;
}

const LONGEST_NAME = 255;

/**
 * Encodes a name.
 *
 * @throws {RamBlockError} INVALID_NAME if it is empty or too long.
 */
export function encodeName(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length < 1 || bytes.length > LONGEST_NAME) {
    throw new RamBlockError("INVALID_NAME", { block: name, bytes: bytes.length });
  }
  return bytes;
}

/** Allocates a record and fills it. It is not in the list yet. */
export function createRecord(arena: BlockAllocator, content: RecordContent): number {
  const { u32, u8 } = arena;
  const block = arena.allocate(BLOCK.name.offset + content.name.length);
  BLOCK.id.set(u32, block, content.id);
  BLOCK.kind.set(u32, block, content.kind);
  BLOCK.offset.set(u32, block, content.offset);
  BLOCK.maxLength.set(u32, block, content.maxLength);
  BLOCK.usedLength.set(u32, block, content.usedLength);
  BLOCK.host.set(u32, block, content.host);
  BLOCK.nameBytes.set(u32, block, content.name.length);
  u8.set(content.name, BLOCK.name.at(block));
  return block;
}

/** A copy of a record. */
export function readRecord(memory: SharedMemory, block: number): RamBlock {
  const { u32 } = memory;
  return {
    id: BLOCK.id.get(u32, block),
    name: readName(memory, block),
    kind: KIND_NAMES[BLOCK.kind.get(u32, block)]!,
    offset: BLOCK.offset.get(u32, block),
    usedLength: BLOCK.usedLength.get(u32, block),
    maxLength: BLOCK.maxLength.get(u32, block),
    host: BLOCK.host.get(u32, block),
  };
}

/** The name of a block. */
export function readName({ u32, u8 }: SharedMemory, block: number): string {
  const name = BLOCK.name.at(block);
  // A copy, since browsers refuse to decode shared memory.
  return new TextDecoder().decode(u8.slice(name, name + BLOCK.nameBytes.get(u32, block)));
}

/** Whether a block has this name. */
export function hasName({ u32, u8 }: SharedMemory, block: number, name: Uint8Array): boolean {
  if (BLOCK.nameBytes.get(u32, block) !== name.length) return false;
  const at = BLOCK.name.at(block);
  return name.every((byte, i) => u8[at + i] === byte);
}

/** Whether a block lies in a caller's buffer; otherwise it lies in the windows. */
export function isInBuffer(u32: Uint32Array, block: number): boolean {
  const kind = BLOCK.kind.get(u32, block);
  return kind === KIND.PREALLOCATED || kind === KIND.EXTERNAL;
}
