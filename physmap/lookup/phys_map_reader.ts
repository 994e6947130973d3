/**
 * Looking up addresses, from any worker.
 *
 * @module
 */

import type { SharedMemory } from "@guestmem/rcu";
import { EXACT_HIGH, highHalf, isBelow, lowHalf, TWO_32 } from "../address/halves.ts";
import { PhysMapError } from "../errors/physmap_error.ts";
import { type Kernel, kernelOf } from "../kernel/kernel.ts";
import { DISPATCH, NO_REGION, SECTION } from "../kernel/layouts.ts";

/**
 * A worker's view of every version of every map in an arena: given a dispatch's offset and an address,
 * it finds the section. A *section* is a byte offset in the arena, a number that is valid until the
 * read-side section ends. An unassigned address gives a section of all addresses, whose region is
 * {@linkcode NO_REGION}.
 *
 * The reader remembers the most recently found section (MRU), for one dispatch at a time: a worker
 * that alternates between two address spaces does better with a reader for each.
 *
 * **Why the MRU section is safe.** It is used only if the dispatch lies at the same offset *and* has
 * the same generation as when the section was found. No generation is given twice, so this is the same
 * dispatch. It is alive, because the caller loaded its offset inside the present read-side section; so
 * are its sections, which like itself are never written after they are published. A block that was
 * freed and reused at the same offset has another generation. The unassigned section is never
 * remembered: that it has an address proves nothing. The memory belongs to this object, so no other
 * worker can change it half way, and lookups of different workers do not write to a shared cache line.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { MapGenerations, PhysMap, PhysMapReader } from "@guestmem/physmap";
 * import { assert } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const map = new PhysMap(arena, MapGenerations.create(arena), { pageBits: 12 });
 * const edit = map.edit();
 * edit.map(0x3f8, 0x3ff, 0, 7);
 * const ports = edit.finish();
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
  readonly #kernel: Kernel;
  // The MRU section, its dispatch, and its addresses. The bounds are doubles: only those beyond 2^53
  // are rounded, which cannot move them past an address that is a number.
  #mruDispatch = 0;
  #mruGeneration = NaN;
  #mruFirst = NaN;
  #mruLast = NaN;
  #mruSection = 0;

  /**
   * A reader that remembers nothing yet. Instantiates the kernel if this context has none.
   *
   * @param memory The arena in which the dispatches lie.
   */
  constructor(memory: Pick<SharedMemory, "memory" | "u32">) {
    const { buffer } = memory.u32;
    this.#words = memory.u32;
    this.#doubles = new Float64Array(buffer);
    this.#kernel = kernelOf(memory.memory);
  }

  /**
   * Finds the section that has an address: the MRU section if it has it, else by a walk. To be called
   * within the read-side section in which the dispatch was dereferenced. Allocates nothing.
   *
   * @param dispatch The dispatch's offset in the arena.
   * @param address The address; as a number at most 2^53 - 1, as a bigint at most 2^64 - 1.
   * @returns The section, valid until the read-side section ends.
   * @throws {PhysMapError} INVALID_ADDRESS; NOT_A_DISPATCH if no dispatch lies at that offset.
   */
  section(dispatch: number, address: number | bigint): number {
    if (typeof address === "bigint") {
      return this.sectionAt(dispatch, highHalf(address), lowHalf(address));
    }
    const isMru = dispatch === this.#mruDispatch &&
      DISPATCH.generation.get(this.#doubles, dispatch) === this.#mruGeneration &&
      this.#mruFirst <= address && address <= this.#mruLast && Math.floor(address) === address;
    return isMru ? this.#mruSection : this.#find(dispatch, address);
  }

  /**
   * {@linkcode section} for an address in two halves.
   *
   * @param dispatch The dispatch's offset in the arena.
   * @param high Bits 32 to 63 of the address, signed or unsigned.
   * @param low Bits 0 to 31.
   * @returns The section, valid until the read-side section ends.
   * @throws {PhysMapError} NOT_A_DISPATCH if no dispatch lies at that offset.
   */
  sectionAt(dispatch: number, high: number, low: number): number {
    if (high >>> 0 < EXACT_HIGH) {
      return this.section(dispatch, (high >>> 0) * TWO_32 + (low >>> 0));
    }
    const section = this.#kernel.findAt(dispatch, high, low) >>> 0;
    return section === 0 ? refuse(dispatch) : section;
  }

  /**
   * Finds the section that has an address by a walk, without a look at the MRU section: for accesses
   * that rarely stay in one section.
   *
   * @param dispatch The dispatch's offset in the arena.
   * @param address The address; as a number at most 2^53 - 1, as a bigint at most 2^64 - 1.
   * @returns The section, valid until the read-side section ends.
   * @throws {PhysMapError} INVALID_ADDRESS; NOT_A_DISPATCH if no dispatch lies at that offset.
   */
  walk(dispatch: number, address: number | bigint): number {
    const section = typeof address === "bigint"
      ? this.#kernel.findAt(dispatch, highHalf(address), lowHalf(address)) >>> 0
      : this.#kernel.find(dispatch, address) >>> 0;
    return section === 0 ? refuse(dispatch, address) : section;
  }

  /**
   * Finds the section that has all of the page of an address.
   *
   * @param dispatch The dispatch's offset in the arena.
   * @param address The address.
   * @returns The section, valid until the read-side section ends; the unassigned one if several have
   * parts of the page, or none has any.
   * @throws {PhysMapError} INVALID_ADDRESS; NOT_A_DISPATCH if no dispatch lies at that offset.
   */
  pageSection(dispatch: number, address: number | bigint): number {
    const section = this.section(dispatch, address);
    const words = this.#words;
    const mask = (1 << DISPATCH.pageBits.get(words, dispatch)) - 1;
    const low = lowHalf(address) & ~mask;
    const high = highHalf(address);
    const { first, last } = SECTION;
    const hasPage = !isBelow(high, low, first.high(words, section), first.low(words, section)) &&
      !isBelow(last.high(words, section), last.low(words, section), high, low | mask);
    return hasPage ? section : DISPATCH.unassigned.at(dispatch);
  }

  /** The generation of a dispatch: no other dispatch of this arena has or will have it. */
  generation(dispatch: number): number {
    return DISPATCH.generation.get(this.#doubles, dispatch);
  }

  /** The id of a section's region; {@linkcode NO_REGION} if it is unassigned. */
  region(section: number): number {
    return SECTION.region.get(this.#words, section);
  }

  /** The caller's flags of a section. */
  flags(section: number): number {
    return SECTION.flags.get(this.#words, section);
  }

  /** A section's first address. */
  first(section: number): bigint {
    return SECTION.first.getBig(this.#words, section);
  }

  /** A section's last address, inclusive. */
  last(section: number): bigint {
    return SECTION.last.getBig(this.#words, section);
  }

  /**
   * Offset of an address in its region.
   *
   * @param section The section that has the address.
   * @param address The address.
   * @returns The offset in the region, of the address's type; for unassigned, the address itself.
   * @throws {PhysMapError} OFFSET_PRECISION if the address is a number and the offset beyond 2^53 - 1.
   */
  offset(section: number, address: number): number;
  /** As above, exact for all of the address space. */
  offset(section: number, address: bigint): bigint;
  offset(section: number, address: number | bigint): number | bigint {
    if (typeof address === "bigint") {
      return address - this.first(section) + SECTION.offset.getBig(this.#words, section);
    }
    // The section has the address, so its first address is no greater and as exact.
    const offset = address - SECTION.first.get(this.#words, section) +
      SECTION.offset.get(this.#words, section);
    if (offset > Number.MAX_SAFE_INTEGER) {
      const exact = this.offset(section, BigInt(address));
      throw new PhysMapError("OFFSET_PRECISION", { offset: exact });
    }
    return offset;
  }

  /**
   * Bytes from an address to the end of its section.
   *
   * @param section The section that has the address.
   * @param address The address.
   * @returns Bytes from the address to the section's last, both included; at most 2^53 - 1.
   */
  remaining(section: number, address: number): number {
    // By halves: the last address may have no exact number where the distance to it has one.
    const high = SECTION.last.high(this.#words, section) - Math.floor(address / TWO_32);
    const low = SECTION.last.low(this.#words, section) - (address >>> 0);
    return Math.min(high * TWO_32 + low + 1, Number.MAX_SAFE_INTEGER);
  }

  /**
   * Bytes from the start of a section to an address.
   *
   * @param section The section that has the address.
   * @param address The address.
   * @returns Bytes from the section's first to the address, the latter excluded.
   */
  preceding(section: number, address: number): number {
    return address - SECTION.first.get(this.#words, section);
  }

  /** Walks, and remembers the section. */
  #find(dispatch: number, address: number): number {
    const section = this.#kernel.find(dispatch, address) >>> 0;
    if (section === 0) return refuse(dispatch, address);
    if (SECTION.region.get(this.#words, section) !== NO_REGION) {
      this.#mruDispatch = dispatch;
      this.#mruGeneration = DISPATCH.generation.get(this.#doubles, dispatch);
      this.#mruFirst = SECTION.first.get(this.#words, section);
      this.#mruLast = SECTION.last.get(this.#words, section);
      this.#mruSection = section;
    }
    return section;
  }
}

/** Throws for an address that is not valid, or an offset without a dispatch. */
function refuse(offset: number, address: number | bigint = 0): never {
  highHalf(address);
  throw new PhysMapError("NOT_A_DISPATCH", { offset });
}
