/**
 * Which pages of guest RAM were written.
 *
 * @module
 */

import { type Arena, RcuError, type ReadGuard } from "@guestmem/rcu";
import { RAM } from "../blocks/layout.ts";
import { DirtyRangeError } from "../errors.ts";
import { type Kernel, kernelOf } from "../kernel/kernel.ts";
import type { DirtyClient } from "./layout.ts";
import { DirtySnapshot } from "./snapshot.ts";

/**
 * The dirty bitmaps: for each client one bit a page, over the whole space of ram_addr_t. Any worker
 * sets bits without a lock while others take them and while the bitmaps grow.
 *
 * **Order**: a worker writes the memory first and marks the page second. Marking is always an atomic
 * read-modify-write, also where the bit is set already: whoever takes the bit afterwards then sees
 * the write. To look first and skip the store would lose it: the look could come before the taking,
 * and the write become visible only after it.
 *
 * Every method wants a section of the domain that the RAM belongs to; it protects the table of
 * chunks. The algorithm is that of QEMU's `ram_list.dirty_memory`.
 */
export class DirtyMemory {
  /** log2 of the page size. */
  readonly pageBits: number;
  readonly #arena: Arena;
  readonly #kernel: Kernel;
  readonly #ram: number;
  readonly #pageBytes: number;

  /**
   * The bitmaps as one context sees them; users have them from `GuestRam.dirty`.
   *
   * @param arena The arena.
   * @param ram The block of the RamList.
   */
  constructor(arena: Arena, ram: number) {
    this.#arena = arena;
    this.#kernel = kernelOf(arena.memory);
    this.#ram = ram;
    this.pageBits = arena.u32[(ram + RAM.PAGE_BITS) >>> 2]!;
    this.#pageBytes = 2 ** this.pageBits;
  }

  /** Bytes that the bitmaps cover: at least up to the end of the last block. */
  covered(section: ReadGuard): number {
    this.#check(section);
    return this.#kernel.dirtyPages(this.#ram) * this.#pageBytes;
  }

  /**
   * Marks the page of one ram_addr_t, after the write.
   *
   * @param clients The mask of the clients to mark it for.
   * @throws {DirtyRangeError} If the bitmaps do not cover it.
   */
  mark(section: ReadGuard, address: number, clients: number): void {
    if (this.#arena.debug) this.#check(section);
    const page = Math.floor(address / this.#pageBytes);
    if (!(address >= 0) || this.#kernel.setDirtyPage(this.#ram, page, clients) === 0) {
      this.#refuse(address, 1);
    }
  }

  /**
   * Marks the pages that a range touches, after the write.
   *
   * @param length Bytes from `address` on; 0 marks none.
   * @param clients The mask of the clients to mark them for.
   * @throws {DirtyRangeError} If the bitmaps do not cover the range.
   */
  markRange(section: ReadGuard, address: number, length: number, clients: number): void {
    const count = this.#pages(section, address, length);
    this.#kernel.setDirty(this.#ram, this.#first(address), count, clients);
  }

  /**
   * Whether any page that a range touches is dirty for a client.
   *
   * @throws {DirtyRangeError} If the bitmaps do not cover the range.
   */
  isDirty(section: ReadGuard, client: DirtyClient, address: number, length: number): boolean {
    const count = this.#pages(section, address, length);
    return this.#kernel.testDirty(this.#ram, client, this.#first(address), count) !== 0;
  }

  /**
   * Clears the bits of the pages that a range touches, for one client. A bit that another worker sets
   * meanwhile is either counted here or stays set.
   *
   * @returns Whether any was set. What was written before the bits were set is visible then.
   * @throws {DirtyRangeError} If the bitmaps do not cover the range.
   */
  testAndClear(
    section: ReadGuard,
    client: DirtyClient,
    address: number,
    length: number,
  ): boolean {
    const count = this.#pages(section, address, length);
    return this.#kernel.testAndClearDirty(this.#ram, client, this.#first(address), count) !== 0;
  }

  /**
   * As `testAndClear`, and keeps which bits were set.
   *
   * @returns A copy that needs no section.
   * @throws {DirtyRangeError} If the bitmaps do not cover the range.
   * @throws {ArenaExhaustedError} If there is no room for the copy; nothing is changed.
   */
  snapshotAndClear(
    section: ReadGuard,
    client: DirtyClient,
    address: number,
    length: number,
  ): DirtySnapshot {
    const count = this.#pages(section, address, length);
    const first = this.#first(address);
    const words = takeBits(this.#arena, count, (into) => {
      this.#kernel.takeDirty(this.#ram, client, first, count, into);
    });
    return new DirtySnapshot(first, count, words);
  }

  #first(address: number): number {
    return Math.floor(address / this.#pageBytes);
  }

  /** How many pages a range touches. */
  #pages(section: ReadGuard, address: number, length: number): number {
    this.#check(section);
    if (!Number.isSafeInteger(address) || !Number.isSafeInteger(length)) {
      this.#refuse(address, length);
    }
    const covered = this.#kernel.dirtyPages(this.#ram) * this.#pageBytes;
    if (address < 0 || length < 0 || length > covered || address > covered - length) {
      this.#refuse(address, length);
    }
    if (length === 0) return 0;
    return this.#first(address + length - 1) - this.#first(address) + 1;
  }

  #check(section: ReadGuard): void {
    if (this.#arena.debug && !section.open) {
      throw new RcuError("SECTION_CLOSED", { action: "use dirty bits" });
    }
  }

  #refuse(address: number, length: number): never {
    const covered = this.#kernel.dirtyPages(this.#ram) * this.#pageBytes;
    throw new DirtyRangeError(address, length, covered);
  }
}

/**
 * Has `take` move bits to a zeroed bitmap in the arena, and copies them out of it.
 *
 * @param count How many bits.
 * @param take Gets the bitmap's offset.
 * @returns The bits, in ordinary memory.
 */
export function takeBits(arena: Arena, count: number, take: (into: number) => void): Uint32Array {
  const words = Math.max(2 * Math.ceil(count / 64), 2);
  const into = arena.allocate(words * 4);
  try {
    take(into);
    return arena.u32.slice(into >>> 2, (into >>> 2) + words);
  } finally {
    arena.free(into);
  }
}
