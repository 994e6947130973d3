/**
 * Looking addresses up, from any worker.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import { EXACT_HIGH, highHalf, lowHalf, toBigInt, TWO_32 } from "./_halves.ts";
import { NotADispatchError, OffsetPrecisionError } from "./errors.ts";
import { type Kernel, kernelOf } from "./kernel/kernel.ts";
import { CALLER_FLAGS, HEADER, OVERLAID, SECTION, SECTION_BYTES, SUBPAGE } from "./layout.ts";

/** Throws for what the kernel has refused. */
function refuse(dispatch: number, address: number): never {
  highHalf(address);
  throw new NotADispatchError(dispatch);
}

/**
 * A worker's view of every dispatch in an arena: give it an offset and an address, and it finds the
 * section. A *section* is the byte offset of its row in the arena, a number that is only good until
 * the read-side section ends. The address of an unassigned page gives the row of section #0, whose
 * region is {@linkcode NO_REGION}.
 *
 * The reader remembers the section that it found last (MRU), for one dispatch at a time: a worker
 * that alternates between two address spaces does better with a reader for each.
 *
 * **Why the MRU section cannot lead astray.** It is used only if the dispatch that is asked lies at
 * the offset *and* has the generation with which the section was found. A dispatch is never written
 * after it is published, and no generation is given twice, so this is the same dispatch, which is
 * alive (the caller is in the read-side section in which it loaded the offset), and the row lies in
 * its block. A block that was freed and reused at the same offset has another generation. It never
 * remembers section #0, nor one that is overlaid: for these the range of the row proves nothing.
 * The memory belongs to this object, so no other worker can change it half way, and lookups of
 * different workers do not write to a shared cache line.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { PhysMapBuilder, PhysMapReader } from "@guestmem/physmap";
 * import { assert } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const builder = new PhysMapBuilder({ pageBits: 12 });
 * builder.add(0x3f8, 0x3ff, 0, 7);
 * const ports = builder.finish(arena, 1);
 *
 * const reader = new PhysMapReader(arena);
 * const section = reader.section(ports, 0x3fd);
 * assert(reader.region(section) === 7 && reader.offset(section, 0x3fd) === 5);
 * assert(reader.region(reader.section(ports, 0x2f8)) === 0);
 * ```
 */
export class PhysMapReader {
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  readonly #numbers: Uint16Array;
  readonly #kernel: Kernel;
  // The section found last, where, and which addresses it has. The bounds are doubles: rounding
  // happens only beyond 2^53 and cannot move a bound past a number address.
  #mruDispatch = 0;
  #mruGeneration = NaN;
  #mruFirst = NaN;
  #mruLast = NaN;
  #mruSection = 0;
  #mruIsContainer = false;

  /**
   * A reader that has found nothing yet. Instantiates the kernel if this context has none.
   *
   * @param memory The arena in which the dispatches lie.
   */
  constructor(memory: Pick<BlockAllocator, "memory" | "u32">) {
    const { buffer } = memory.u32;
    this.#words = memory.u32;
    this.#doubles = new Float64Array(buffer);
    this.#numbers = new Uint16Array(buffer);
    this.#kernel = kernelOf(memory.memory);
  }

  /**
   * Finds the section that has an address: the one found last if it has it, else by a walk. Called
   * within the read-side section in which the dispatch was dereferenced. Allocates nothing.
   *
   * @param dispatch The dispatch's offset in the arena.
   * @param address The address; as a number at most 2^53 - 1, as a bigint at most 2^64 - 1.
   * @param resolveSubpage If false, a page that several sections share gives their container.
   * @returns The section, good until the read-side section ends.
   * @throws {InvalidAddressError} If the address is not an integer in range.
   * @throws {NotADispatchError} If no dispatch lies at that offset.
   */
  section(dispatch: number, address: number | bigint, resolveSubpage = true): number {
    if (typeof address === "bigint") {
      return this.sectionAt(dispatch, highHalf(address), lowHalf(address), resolveSubpage);
    }
    const isMru = dispatch === this.#mruDispatch &&
      this.#doubles[(dispatch + HEADER.generation) >>> 3] === this.#mruGeneration &&
      this.#mruFirst <= address && address <= this.#mruLast && Math.floor(address) === address;
    if (!isMru) return this.#find(dispatch, address, resolveSubpage);
    return this.#mruIsContainer && resolveSubpage
      ? this.#resolve(dispatch, this.#mruSection, address >>> 0)
      : this.#mruSection;
  }

  /**
   * {@linkcode section} for an address in two halves.
   *
   * @param dispatch The dispatch's offset in the arena.
   * @param high Bits 32 to 63 of the address, signed or unsigned.
   * @param low Bits 0 to 31.
   * @param resolveSubpage If false, a page that several sections share gives their container.
   * @returns The section, good until the read-side section ends.
   * @throws {NotADispatchError} If no dispatch lies at that offset.
   */
  sectionAt(dispatch: number, high: number, low: number, resolveSubpage = true): number {
    if (high >>> 0 < EXACT_HIGH) {
      return this.section(dispatch, (high >>> 0) * TWO_32 + (low >>> 0), resolveSubpage);
    }
    const section = this.#kernel.findAt(dispatch, high, low, resolveSubpage) >>> 0;
    if (section === 0) throw new NotADispatchError(dispatch);
    return section;
  }

  /**
   * Finds the section that has an address by a walk, without a look at the section found last: for
   * addresses that hardly ever lie in the section of the one before.
   *
   * @param dispatch The dispatch's offset in the arena.
   * @param address The address; as a number at most 2^53 - 1, as a bigint at most 2^64 - 1.
   * @returns The section, subpages resolved, good until the read-side section ends.
   * @throws {InvalidAddressError} If the address is not an integer in range.
   * @throws {NotADispatchError} If no dispatch lies at that offset.
   */
  walk(dispatch: number, address: number | bigint): number {
    if (typeof address === "bigint") {
      const section = this.#kernel.findAt(dispatch, highHalf(address), lowHalf(address), true) >>>
        0;
      if (section === 0) throw new NotADispatchError(dispatch);
      return section;
    }
    const section = this.#kernel.find(dispatch, address, true) >>> 0;
    return section === 0 ? refuse(dispatch, address) : section;
  }

  /** The id of a section's region; {@linkcode NO_REGION} if it is unassigned or a container. */
  region(section: number): number {
    return this.#words[(section + SECTION.region) >>> 2]!;
  }

  /** The caller's flags of a section. */
  flags(section: number): number {
    return this.#words[(section + SECTION.flags) >>> 2]! & CALLER_FLAGS;
  }

  /** A section's first address. */
  first(section: number): bigint {
    return this.#long(section + SECTION.firstLo);
  }

  /** A section's last address, inclusive. */
  last(section: number): bigint {
    return this.#long(section + SECTION.lastLo);
  }

  /**
   * Where in its region an address lies.
   *
   * @param section The section that has the address.
   * @param address The address.
   * @returns The offset in the region, of the address's type; for unassigned, the address itself.
   * @throws {OffsetPrecisionError} If the address is a number and the offset beyond 2^53 - 1.
   */
  offset(section: number, address: number): number;
  /** As above, exact for all of the address space. */
  offset(section: number, address: bigint): bigint;
  offset(section: number, address: number | bigint): number | bigint {
    if (typeof address === "bigint") {
      return address - this.first(section) + this.#long(section + SECTION.offsetLo);
    }
    // The section has the address, so its first address is no greater and as exact.
    const offset = address - this.#double(section + SECTION.firstLo) +
      this.#double(section + SECTION.offsetLo);
    if (offset > Number.MAX_SAFE_INTEGER) {
      throw new OffsetPrecisionError(this.offset(section, BigInt(address)));
    }
    return offset;
  }

  /**
   * How far a section reaches from one of its addresses on.
   *
   * @param section The section that has the address.
   * @param address The address.
   * @returns Bytes from the address to the section's last, both included; at most 2^53 - 1.
   */
  remaining(section: number, address: number): number {
    // By halves, since the last address itself may have no exact number where the distance has.
    const row = (section + SECTION.lastLo) >>> 2;
    const high = this.#words[row + 1]! - Math.floor(address / TWO_32);
    const remaining = high * TWO_32 + (this.#words[row]! - (address >>> 0)) + 1;
    return Math.min(remaining, Number.MAX_SAFE_INTEGER);
  }

  /** Walks, remembers what the walk found, and resolves a subpage. */
  #find(dispatch: number, address: number, resolveSubpage: boolean): number {
    const section = this.#kernel.find(dispatch, address, false) >>> 0;
    if (section === 0) return refuse(dispatch, address);
    const flags = this.#words[(section + SECTION.flags) >>> 2]!;
    const isContainer = (flags & SUBPAGE) !== 0;
    const unassigned = dispatch + this.#words[(dispatch + HEADER.sectionsAt) >>> 2]!;
    if (section !== unassigned && (flags & OVERLAID) === 0) {
      this.#mruDispatch = dispatch;
      this.#mruGeneration = this.#doubles[(dispatch + HEADER.generation) >>> 3]!;
      this.#mruFirst = this.#double(section + SECTION.firstLo);
      this.#mruLast = this.#double(section + SECTION.lastLo);
      this.#mruSection = section;
      this.#mruIsContainer = isContainer;
    }
    return isContainer && resolveSubpage
      ? this.#resolve(dispatch, section, address >>> 0)
      : section;
  }

  /** The section that has a byte of a page that several share. */
  #resolve(dispatch: number, container: number, low: number): number {
    const byte = low & ((1 << this.#words[(dispatch + HEADER.pageBits) >>> 2]!) - 1);
    const table = dispatch + this.#words[(container + SECTION.table) >>> 2]!;
    const number = this.#numbers[(table >>> 1) + byte]!;
    return dispatch + this.#words[(dispatch + HEADER.sectionsAt) >>> 2]! + number * SECTION_BYTES;
  }

  /** Two words as a number; beyond 2^53 the nearest double. */
  #double(byte: number): number {
    return this.#words[byte >>> 2]! + this.#words[(byte >>> 2) + 1]! * TWO_32;
  }

  /** Two words as a bigint. */
  #long(byte: number): bigint {
    return toBigInt(this.#words[(byte >>> 2) + 1]!, this.#words[byte >>> 2]!);
  }
}
