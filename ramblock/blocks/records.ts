/**
 * The record of a RAM block in the arena.
 *
 * @module
 */

import type { Arena } from "@guestmem/rcu";
import { InvalidNameError } from "../errors.ts";
import { BLOCK, KIND_NAMES, loadNumber, type RamBlockKind, storeNumber } from "./layout.ts";

/** A block as the context that changes it sees it: a copy, true until the next change. */
export interface RamBlock {
  /** Never repeats: what to keep across sections. */
  readonly id: number;
  /** Unique among the blocks of a list. */
  readonly name: string;
  /** Where its memory comes from. */
  readonly kind: RamBlockKind;
  /** Its ram_addr_t. */
  readonly offset: number;
  /** Bytes in use. */
  readonly usedLength: number;
  /** Bytes it can have at most. */
  readonly maxLength: number;
  /** Its host position. */
  readonly host: number;
}

/** What a record is made of. */
export interface RecordContent extends Omit<RamBlock, "kind" | "name"> {
  /** One of `KIND`. */
  readonly kind: number;
  /** The name, encoded. */
  readonly name: Uint8Array;
}

const LONGEST_NAME = 255;

/**
 * Encodes a name.
 *
 * @throws {InvalidNameError} If it is empty or too long.
 */
export function encodeName(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length < 1 || bytes.length > LONGEST_NAME) {
    throw new InvalidNameError(name, bytes.length);
  }
  return bytes;
}

/** Allocates a record and fills it. It is not in the list yet. */
export function createRecord(arena: Arena, content: RecordContent): number {
  const { u32, u8 } = arena;
  const block = arena.allocate(BLOCK.NAME + content.name.length);
  u32[(block + BLOCK.ID) >>> 2] = content.id;
  u32[(block + BLOCK.KIND) >>> 2] = content.kind;
  storeNumber(u32, block + BLOCK.OFFSET, content.offset);
  storeNumber(u32, block + BLOCK.MAX_LENGTH, content.maxLength);
  storeNumber(u32, block + BLOCK.USED_LENGTH, content.usedLength);
  storeNumber(u32, block + BLOCK.HOST, content.host);
  u32[(block + BLOCK.NAME_BYTES) >>> 2] = content.name.length;
  u8.set(content.name, block + BLOCK.NAME);
  return block;
}

/** A copy of a record. */
export function readRecord({ u32, u8 }: Arena, block: number): RamBlock {
  return {
    id: u32[(block + BLOCK.ID) >>> 2]!,
    name: readName(u32, u8, block),
    kind: KIND_NAMES[u32[(block + BLOCK.KIND) >>> 2]!]!,
    offset: loadNumber(u32, block + BLOCK.OFFSET),
    usedLength: loadNumber(u32, block + BLOCK.USED_LENGTH),
    maxLength: loadNumber(u32, block + BLOCK.MAX_LENGTH),
    host: loadNumber(u32, block + BLOCK.HOST),
  };
}

/** The name of a block. */
export function readName(u32: Uint32Array, u8: Uint8Array, block: number): string {
  const length = u32[(block + BLOCK.NAME_BYTES) >>> 2]!;
  // A copy, since browsers refuse to decode shared memory.
  return new TextDecoder().decode(u8.slice(block + BLOCK.NAME, block + BLOCK.NAME + length));
}

/** Whether a block has this name. */
export function hasName({ u32, u8 }: Arena, block: number, name: Uint8Array): boolean {
  if (u32[(block + BLOCK.NAME_BYTES) >>> 2] !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    if (u8[block + BLOCK.NAME + i] !== name[i]) return false;
  }
  return true;
}
