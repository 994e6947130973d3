/**
 * A dispatch as an object, for tools that inspect all of it. Lookups go through `PhysMapReader`,
 * which needs no object for each dispatch.
 *
 * @module
 */

import type { SharedMemory } from "@guestmem/rcu";
import { PhysMapError } from "../errors/physmap_error.ts";
import {
  CALLER_FLAGS,
  DISPATCH,
  MAGIC,
  NODE_BYTES,
  NODE_ENTRIES,
  SECTION,
  SECTION_FLAG,
} from "../kernel/layouts.ts";

/** A copy of a section's row. */
export type SectionInfo = ReturnType<AddressSpaceDispatch["section"]>;

function readSection(words: Uint32Array, row: number, number: number): SectionInfo {
  const flags = SECTION.flags.get(words, row);
  const isContainer = (flags & SECTION_FLAG.CONTAINER) !== 0;
  return {
    number,
    first: SECTION.first.getBig(words, row),
    last: SECTION.last.getBig(words, row),
    offset: isContainer ? 0n : SECTION.offset.getBig(words, row),
    region: SECTION.region.get(words, row),
    flags: flags & CALLER_FLAGS,
    isContainer,
  };
}

/**
 * The dispatch of an address space, in the arena: root entry, map and generation as one immutable
 * struct at one offset, so that one pointer publishes all of it at once. (QEMU's struct also has the
 * most recently found section; here each reader has its own, see {@linkcode PhysMapReader}.)
 *
 * To be used within the read-side section in which the dispatch was dereferenced, or by its owner.
 */
export class AddressSpaceDispatch {
  /** Where it lies in the arena. */
  readonly offset: number;
  readonly #words: Uint32Array;

  /**
   * Opens a dispatch.
   *
   * @param memory The arena.
   * @param offset What `PhysMapBuilder.finish` returned.
   * @throws {PhysMapError} NOT_A_DISPATCH if no dispatch lies there.
   */
  constructor(memory: Pick<SharedMemory, "u32">, offset: number) {
    const isAligned = (offset & (DISPATCH.alignment - 1)) === 0;
    if (!isAligned || DISPATCH.magic.get(memory.u32, offset) !== MAGIC) {
      throw new PhysMapError("NOT_A_DISPATCH", { offset });
    }
    this.offset = offset;
    this.#words = memory.u32;
  }

  /** Bytes of the block. */
  get bytes(): number {
    return DISPATCH.bytes.get(this.#words, this.offset);
  }
  /** The number that no other dispatch of this arena has or will have. */
  get generation(): number {
    return DISPATCH.generation.get(new Float64Array(this.#words.buffer), this.offset);
  }
  /** The root entry: 6 bits of skip, 26 bits of pointer. */
  get root(): number {
    return DISPATCH.root.get(this.#words, this.offset);
  }
  /** log2 of the page size. */
  get pageBits(): number {
    return DISPATCH.pageBits.get(this.#words, this.offset);
  }
  /** Levels of the map. */
  get levels(): number {
    return DISPATCH.levels.get(this.#words, this.offset);
  }
  /** How many nodes there are. */
  get nodes(): number {
    return DISPATCH.nodes.get(this.#words, this.offset);
  }
  /** How many sections there are, the unassigned one included. */
  get sections(): number {
    return DISPATCH.sections.get(this.#words, this.offset);
  }
  /** How many pages are shared by several sections. */
  get subpages(): number {
    return DISPATCH.subpages.get(this.#words, this.offset);
  }

  /**
   * An entry of a node.
   *
   * @param node The node's number.
   * @param slot 0 to 511.
   * @returns The entry: 6 bits of skip, 26 bits of pointer.
   */
  entry(node: number, slot: number): number {
    const nodes = this.offset + DISPATCH.size;
    return this.#words[(nodes + node * NODE_BYTES) / 4 + slot % NODE_ENTRIES]!;
  }

  /**
   * A section by its number.
   *
   * @param number 0 to `sections - 1`.
   * @returns A copy of its row.
   * @throws {RangeError} If there is no such section.
   */
  section(number: number): {
    /** Its number in the map, 0 for the unassigned one. */
    readonly number: number;
    /** First address. */
    readonly first: bigint;
    /** Last address, inclusive. */
    readonly last: bigint;
    /** Offset in the region of `first`. */
    readonly offset: bigint;
    /** The region's id; 0 for the unassigned section and for a container. */
    readonly region: number;
    /** The caller's flags. */
    readonly flags: number;
    /** Whether this is the container of a page that several sections share. */
    readonly isContainer: boolean;
  } {
    if (!(number >= 0 && number < this.sections)) {
      throw new RangeError(
        `Cannot read section #${number}: the dispatch has #0 to #${this.sections - 1}`,
      );
    }
    const rows = this.offset + DISPATCH.sectionsAt.get(this.#words, this.offset);
    return readSection(this.#words, rows + number * SECTION.size, number);
  }
}
