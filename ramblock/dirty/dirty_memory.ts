/**
 * Which pages of guest RAM were written.
 *
 * @module
 */

import { type BlockAllocator, RcuError, type ReadGuard } from "@guestmem/rcu";
import { exactNumber } from "../address/exact_number.ts";
import { RamBlockError } from "../errors/ramblock_error.ts";
import { type Kernel, kernelOf } from "../kernel/kernel.ts";
import { RAM } from "../kernel/layouts.ts";
import { DirtySnapshot, takeBits } from "./dirty_snapshot.ts";

/** What a collection waits with: an `RcuDomain`. */
export interface LogPeriods {
  /** Waits for a grace period. */
  synchronize(): void;
  /** Waits for a grace period without blocking the thread. */
  synchronizeAsync(options: { readonly signal?: AbortSignal }): Promise<void>;
}

/** What the dirty bitmaps need of the arena in which they lie. */
export interface DirtyArena extends BlockAllocator {
  /** Whether guards are checked. */
  readonly debug: boolean;
}

/**
 * The dirty bitmaps: for each client (one of `DIRTY_CLIENT`) one bit a page, over the whole space of
 * ram_addr_t. Any worker sets bits without a lock while others take them and while the bitmaps grow.
 *
 * **Order**: a worker writes the memory first and marks the page second. Marking is always an atomic
 * read-modify-write, even if the bit is set already: whoever takes the bit afterwards then sees the
 * write. Loading first and skipping the store would lose it: the load could come before the taking,
 * and the write become visible only after it.
 *
 * **The log epoch**: a vCPU that stores to a logged page writes and marks it, and may then go on storing
 * to it without a mark until the epoch changes. It looks for another {@linkcode epoch} at the start of
 * each section. {@linkcode collect} takes the marks, begins another epoch, waits for a grace period, and
 * only then returns the marks: by then every store that had no mark of its own is in memory, and the next
 * one marks again. Whoever takes marks without that wait, by `testAndClear` or `snapshotAndClear`, misses
 * such stores: these two are for memory that no vCPU stores to meanwhile.
 *
 * Other methods need an open section of the domain that protects the RAM; it protects the table of
 * chunks. Addresses and lengths are numbers or bigints alike, up to 2^53 - 1. The algorithm is that of
 * QEMU's `ram_list.dirty_memory`.
 */
export class DirtyMemory {
  /** log2 of the page size. */
  readonly pageBits: number;
  readonly #arena: DirtyArena;
  readonly #kernel: Kernel;
  readonly #ram: number;
  readonly #pageBytes: number;
  readonly #periods: LogPeriods;

  /**
   * The bitmaps as one context sees them; users have them from `GuestRam.dirty`.
   *
   * @param arena The arena.
   * @param ram The `RAM` struct.
   * @param periods Its grace periods protect the RAM.
   */
  constructor(arena: DirtyArena, ram: number, periods: LogPeriods) {
    this.#arena = arena;
    this.#periods = periods;
    this.#kernel = kernelOf(arena.memory);
    this.#ram = ram;
    this.pageBits = RAM.pageBits.get(arena.u32, ram);
    this.#pageBytes = 2 ** this.pageBits;
  }

  /** Bytes that the bitmaps cover: at least up to the end of the last block. */
  covered(guard: ReadGuard): number {
    this.#check(guard);
    return this.#covered();
  }

  /**
   * The log epoch. Its marks stand for all stores to their pages as long as it does not change; to be
   * loaded inside the section in which they are made. It never repeats.
   */
  get epoch(): number {
    return this.#kernel.logEpoch(this.#ram);
  }

  /**
   * Marks the page of one ram_addr_t, after the write.
   *
   * @param clients The mask of the clients to mark it for.
   * @throws {RamBlockError} DIRTY_RANGE if the bitmaps do not cover it.
   */
  mark(guard: ReadGuard, address: number | bigint, clients: number): void {
    if (this.#arena.debug) this.#check(guard);
    if (typeof address === "bigint") return this.mark(guard, exactNumber(address), clients);
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
   * @throws {RamBlockError} DIRTY_RANGE if the bitmaps do not cover the range.
   */
  markRange(
    guard: ReadGuard,
    address: number | bigint,
    length: number | bigint,
    clients: number,
  ): void {
    const at = exactNumber(address);
    const count = this.#pages(guard, at, exactNumber(length));
    this.#kernel.setDirty(this.#ram, this.#page(at), count, clients);
  }

  /**
   * Whether any page that a range touches is dirty for a client.
   *
   * @throws {RamBlockError} DIRTY_RANGE if the bitmaps do not cover the range.
   */
  isDirty(
    guard: ReadGuard,
    client: 0 | 1 | 2,
    address: number | bigint,
    length: number | bigint,
  ): boolean {
    const at = exactNumber(address);
    const count = this.#pages(guard, at, exactNumber(length));
    return this.#kernel.testDirty(this.#ram, client, this.#page(at), count) !== 0;
  }

  /**
   * Clears the bits of the pages that a range touches, for one client. A bit that another worker sets
   * concurrently is either reported by this call or stays set.
   *
   * @returns Whether any was set. Writes made before the bits were set are then visible.
   * @throws {RamBlockError} DIRTY_RANGE if the bitmaps do not cover the range.
   */
  testAndClear(
    guard: ReadGuard,
    client: 0 | 1 | 2,
    address: number | bigint,
    length: number | bigint,
  ): boolean {
    const at = exactNumber(address);
    const count = this.#pages(guard, at, exactNumber(length));
    return this.#kernel.testAndClearDirty(this.#ram, client, this.#page(at), count) !== 0;
  }

  /**
   * As `testAndClear`, and returns which bits were set.
   *
   * @returns A copy, which outlives the section.
   * @throws {RamBlockError} DIRTY_RANGE if the bitmaps do not cover the range.
   * @throws {ArenaExhaustedError} If there is no room for the copy; nothing has changed.
   */
  snapshotAndClear(
    guard: ReadGuard,
    client: 0 | 1 | 2,
    address: number | bigint,
    length: number | bigint,
  ): DirtySnapshot {
    const at = exactNumber(address);
    const count = this.#pages(guard, at, exactNumber(length));
    const first = this.#page(at);
    const words = takeBits(this.#arena, count, (into) => {
      this.#kernel.takeDirty(this.#ram, client, first, count, into);
    });
    return new DirtySnapshot(first, count, words);
  }

  /**
   * Takes the marks of one client, and waits until they stand for all that was stored to their pages: the
   * pages may be copied then, and a store that comes later marks its page for the next collection. For the
   * display, for a snapshot, for migration. It must be called outside every section.
   *
   * If the wait fails, the marks are put back: the next collection has them.
   *
   * @param reader This context's reader in the domain that protects the RAM.
   * @param range The ram_addr_t of the first byte, and how many bytes; all RAM by default.
   * @returns The pages that were stored to since they were last taken.
   * @throws {RamBlockError} DIRTY_RANGE if the bitmaps do not cover the range.
   * @throws {WaitInSectionError} Inside a section.
   * @throws {ArenaExhaustedError} If there is no room for the copy; nothing has changed.
   */
  collect(
    reader: { lock(): ReadGuard },
    client: 0 | 1 | 2,
    range: { readonly address?: number | bigint; readonly length?: number | bigint } = {},
  ): DirtySnapshot {
    const taken = this.#takeAndBump(reader, client, range);
    try {
      this.#periods.synchronize();
    } catch (error) {
      this.#putBack(reader, client, taken);
      throw error;
    }
    return taken;
  }

  /**
   * As `collect`, without blocking the thread.
   *
   * @param options The range, and a signal that ends the wait; the promise rejects with its reason.
   */
  async collectAsync(
    reader: { lock(): ReadGuard },
    client: 0 | 1 | 2,
    options: {
      readonly address?: number | bigint;
      readonly length?: number | bigint;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<DirtySnapshot> {
    const { signal } = options;
    const taken = this.#takeAndBump(reader, client, options);
    try {
      await this.#periods.synchronizeAsync(signal === undefined ? {} : { signal });
    } catch (error) {
      this.#putBack(reader, client, taken);
      throw error;
    }
    return taken;
  }

  /**
   * Takes marks, and begins another epoch, in this order: a mark that is made between the two is left for
   * the next collection, and holds for the old epoch only. In the other order, it would be taken while a
   * vCPU trusts it.
   */
  #takeAndBump(
    reader: { lock(): ReadGuard },
    client: 0 | 1 | 2,
    { address = 0, length }: { address?: number | bigint; length?: number | bigint },
  ): DirtySnapshot {
    const guard = reader.lock();
    try {
      const all = length ?? this.#covered() - exactNumber(address);
      return this.snapshotAndClear(guard, client, address, all);
    } finally {
      guard.unlock();
      this.#kernel.bumpLogEpoch(this.#ram);
    }
  }

  /** Marks the pages of marks that were taken in vain. */
  #putBack(reader: { lock(): ReadGuard }, client: 0 | 1 | 2, taken: DirtySnapshot): void {
    const guard = reader.lock();
    try {
      for (const page of taken) this.mark(guard, page * this.#pageBytes, 1 << client);
    } finally {
      guard.unlock();
    }
  }

  /** Number of the page of an address. */
  #page(address: number): number {
    return Math.floor(address / this.#pageBytes);
  }

  /** How many pages a range touches, which must be covered. */
  #pages(guard: ReadGuard, address: number, length: number): number {
    this.#check(guard);
    if (!Number.isSafeInteger(address) || !Number.isSafeInteger(length)) {
      this.#refuse(address, length);
    }
    const covered = this.#covered();
    if (address < 0 || length < 0 || length > covered || address > covered - length) {
      this.#refuse(address, length);
    }
    return length === 0 ? 0 : this.#page(address + length - 1) - this.#page(address) + 1;
  }

  #covered(): number {
    return this.#kernel.dirtyPages(this.#ram) * this.#pageBytes;
  }

  #check(guard: ReadGuard): void {
    if (this.#arena.debug && !guard.open) {
      throw new RcuError("SECTION_CLOSED", { action: "use dirty bits" });
    }
  }

  #refuse(address: number, length: number): never {
    throw new RamBlockError("DIRTY_RANGE", { address, length, covered: this.#covered() });
  }
}
