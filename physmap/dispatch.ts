/**
 * A dispatch as an object: for tools that look at all of it. Lookups go through
 * {@linkcode PhysMapReader}, which needs no object for each dispatch.
 *
 * @module
 */

import { toBigInt } from "./_halves.ts";
import { NotADispatchError } from "./errors.ts";
import {
  CALLER_FLAGS,
  HEADER,
  HEADER_BYTES,
  MAGIC,
  NODE_BYTES,
  NODE_ENTRIES,
  SECTION,
  SECTION_BYTES,
  SUBPAGE,
} from "./layout.ts";

/** A section, read out of its row. */
export interface SectionInfo {
  /** Its number in the map, 0 for the unassigned one. */
  readonly number: number;
  /** First address. */
  readonly first: bigint;
  /** Last address, inclusive. */
  readonly last: bigint;
  /** Offset in the region of `first`. */
  readonly offset: bigint;
  /** The region's id; {@linkcode NO_REGION} for the unassigned section and for a container. */
  readonly region: number;
  /** The caller's flags. */
  readonly flags: number;
  /** Whether this is the container of a page that several sections share. */
  readonly isContainer: boolean;
}

/** Reads a section out of the row at a byte offset. */
export function readSection(words: Uint32Array, row: number, number: number): SectionInfo {
  const at = (byte: number) => words[(row + byte) >>> 2]!;
  const isContainer = (at(SECTION.flags) & SUBPAGE) !== 0;
  return {
    number,
    first: toBigInt(at(SECTION.firstHi), at(SECTION.firstLo)),
    last: toBigInt(at(SECTION.lastHi), at(SECTION.lastLo)),
    offset: isContainer ? 0n : toBigInt(at(SECTION.offsetHi), at(SECTION.offsetLo)),
    region: at(SECTION.region),
    flags: at(SECTION.flags) & CALLER_FLAGS,
    isContainer,
  };
}

/**
 * The dispatch of an address space, in the arena: root entry, map and generation as one immutable
 * struct at one offset, so that one pointer publishes all of it at once. (QEMU's struct also has the
 * section found last; here each reader has its own, see {@linkcode PhysMapReader}.)
 *
 * Like everything read from the arena, to be used within the read-side section, or as the owner.
 */
export class AddressSpaceDispatch {
  /** Where it lies in the arena. */
  readonly offset: number;
  readonly #words: Uint32Array;

  /**
   * Looks at a dispatch.
   *
   * @param memory The arena.
   * @param offset What {@linkcode PhysMapBuilder.finish} returned.
   * @throws {NotADispatchError} If no dispatch lies there.
   */
  constructor(memory: { readonly u32: Uint32Array }, offset: number) {
    const isAligned = (offset & (HEADER_BYTES - 1)) === 0;
    if (!isAligned || memory.u32[offset >>> 2] !== MAGIC) throw new NotADispatchError(offset);
    this.offset = offset;
    this.#words = memory.u32;
  }

  /** Bytes of the block. */
  get bytes(): number {
    return this.#at(HEADER.bytes);
  }
  /** The number that no other dispatch of this arena has or will have. */
  get generation(): number {
    return new Float64Array(this.#words.buffer, this.offset + HEADER.generation, 1)[0]!;
  }
  /** The root entry: 6 bits of skip, 26 bits of pointer. */
  get root(): number {
    return this.#at(HEADER.root);
  }
  /** log2 of the page size. */
  get pageBits(): number {
    return this.#at(HEADER.pageBits);
  }
  /** Levels of the map. */
  get levels(): number {
    return this.#at(HEADER.levels);
  }
  /** How many nodes there are. */
  get nodes(): number {
    return this.#at(HEADER.nodes);
  }
  /** How many sections there are, the unassigned one included. */
  get sections(): number {
    return this.#at(HEADER.sections);
  }
  /** How many pages are shared by several sections. */
  get subpages(): number {
    return this.#at(HEADER.subpages);
  }

  /**
   * An entry of a node.
   *
   * @param node The node's number.
   * @param slot 0 to 511.
   * @returns The entry: 6 bits of skip, 26 bits of pointer.
   */
  entry(node: number, slot: number): number {
    return this.#at(HEADER_BYTES + node * NODE_BYTES + (slot % NODE_ENTRIES) * 4);
  }

  /**
   * A section by its number.
   *
   * @param number 0 to `sections - 1`.
   * @returns A copy of what its row holds.
   * @throws {RangeError} If there is no such section.
   */
  section(number: number): SectionInfo {
    if (!(number >= 0 && number < this.sections)) {
      throw new RangeError(
        `Cannot read section #${number}: the dispatch has #0 to #${this.sections - 1}`,
      );
    }
    const row = this.offset + this.#at(HEADER.sectionsAt) + number * SECTION_BYTES;
    return readSection(this.#words, row, number);
  }

  #at(byte: number): number {
    return this.#words[(this.offset + byte) >>> 2]!;
  }
}
