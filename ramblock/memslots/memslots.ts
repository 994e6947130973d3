/**
 * Guest pages to host memory: the table in which every vCPU looks up.
 *
 * @module
 */

import { type Arena, RcuError, type ReadGuard, type Srcu } from "@guestmem/rcu";
import { exactNumber, invalidAddress, isAddress, lookupAddress } from "../address/exact_number.ts";
import type { DirtySnapshot } from "../dirty/dirty_snapshot.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { MEMSLOTS, OUTCOME, SLOT, SLOT_FLAG, SLOT_TABLE } from "../kernel/layouts.ts";
import type { LogSink } from "./batch_commit.ts";
import { putBackLog, takeLog } from "./dirty_log.ts";
import { flushHostRange, forEachInHostRange } from "./host_range.ts";
import { SlotBatch } from "./slot_batch.ts";
import { type Memslot, readSlot, rowsOf, type TableSlot } from "./slot_table.ts";
import {
  type AttachedSlots,
  attachSlots,
  createSlots,
  forEachShadow,
  type MemslotsHandle,
  type SlotsCore,
} from "./slots_core.ts";

/** Gives the package's other modules the core of memslots. */
export let slotsCoreOf: (slots: Memslots) => SlotsCore;

/** Shadow pages for each thousand guest pages, as KVM sizes its shadow MMU. */
const SHADOW_PAGES_PERMILLE = 20;
/** The fewest shadow pages, as in KVM. */
const MIN_SHADOW_PAGES = 64;

/**
 * Memslots under SRCU: guest pages (gfns) to host addresses, as KVM keeps them.
 *
 * A reader loads **one snapshot** in its section (`kvm_memslots()`) and passes it to every lookup:
 * nothing reads the root again, so two lookups of one section cannot see two tables. A snapshot and
 * the rows found in it are numbers, valid until the section ends. A section may span an await.
 *
 * A lookup that meets a slot that a batch is deleting or moving returns RETRY, never NO_SLOT: leave the
 * section, let the batch finish, and try again.
 *
 * Gfns and host addresses are numbers or bigints alike, up to 2^53 - 1.
 *
 * @example
 * ```ts
 * import { Arena, Srcu } from "@guestmem/rcu";
 * import { Memslots, OUTCOME } from "@guestmem/ramblock/memslots";
 * import { assertEquals } from "@std/assert";
 *
 * const srcu = Srcu.create(Arena.create({ bytes: 1 << 20 }));
 * const slots = Memslots.create(srcu);
 * const batch = slots.batch();
 * batch.create({ id: 0, baseGfn: 0, pages: 0xa0, host: 2 ** 46, flags: 0 });
 * batch.create({ id: 1, baseGfn: 0x100, pages: 0x7f00, host: 2 ** 46 + 0x100000, flags: 0 });
 * batch.commit();
 *
 * const guard = srcu.register().lock(); // in any worker
 * const table = slots.snapshot(guard);
 * assertEquals(slots.gfnToHost(table, 0x101), 2 ** 46 + 0x101000);
 * assertEquals(slots.gfnToHost(table, 0xa0), OUTCOME.NO_SLOT);
 * guard.unlock();
 * ```
 */
export class Memslots {
  /** Another context attaches with it. Structured-cloneable. */
  readonly handle: MemslotsHandle;
  /** The domain whose sections protect the tables. */
  readonly srcu: Srcu;
  /** log2 of the page size. */
  readonly pageBits: number;
  /**
   * Gets the last dirty pages of a slot whose dirty log ends with a batch that this context commits:
   * the slot was deleted, or its logging was switched off. Unless set, they are dropped.
   */
  onLogEnd: ((slot: Memslot, dirty: DirtySnapshot) => void) | undefined;
  readonly #core: SlotsCore;
  readonly #kernel: Kernel;
  readonly #u32: Uint32Array;

  static {
    slotsCoreOf = (slots) => slots.#core;
  }

  private constructor({ core, srcu, handle }: AttachedSlots) {
    this.handle = handle;
    this.srcu = srcu;
    this.pageBits = core.pageBits;
    this.#core = core;
    this.#kernel = core.kernel;
    this.#u32 = core.arena.u32;
  }

  /**
   * Creates memslots. There are no slots yet.
   *
   * @param srcu The domain whose sections protect the tables, which lie in its arena.
   * @param options Limits.
   * @throws {RamBlockError} INVALID_SLOT if a limit is out of range.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(
    srcu: Srcu,
    options: {
      /** The most slots at once. Default: 32,764, as KVM's. */
      readonly limit?: number;
      /** log2 of the page size, from 12 to 16. Default: 12. */
      readonly pageBits?: number;
    } = {},
  ): Memslots {
    return new Memslots(createSlots(srcu, options));
  }

  /**
   * Attaches this context to memslots that another one created.
   *
   * @param arena The arena, as this context attached to it.
   * @param handle The memslots' `handle`.
   * @throws {RamBlockError} FOREIGN_HANDLE.
   */
  static attach(arena: Arena, handle: MemslotsHandle): Memslots {
    return new Memslots(attachSlots(arena, handle));
  }

  /**
   * The current table. Load it once in a section.
   *
   * @param guard An open section of the domain.
   * @returns The snapshot, valid until the section ends.
   */
  snapshot(guard: ReadGuard): number {
    if (this.#core.arena.debug && !guard.open) {
      throw new RcuError("SECTION_CLOSED", { action: "load memslots" });
    }
    return this.#kernel.load32(MEMSLOTS.root.at(this.#core.memslots)) >>> 0;
  }

  /**
   * The row of the slot that has a gfn, whatever its flags: KVM's `gfn_to_memslot`. O(log slots).
   *
   * @param table A snapshot.
   * @param gfn Number of a guest page.
   * @returns The row, valid as long as the snapshot; 0 if no slot has the gfn.
   * @throws {RamBlockError} INVALID_ADDRESS.
   */
  find(table: number, gfn: number | bigint): number {
    return this.#kernel.findSlot(table, lookupAddress(gfn)) >>> 0;
  }

  /**
   * The host address of a guest page: KVM's `gfn_to_hva`. O(log slots).
   *
   * @param table A snapshot.
   * @param gfn Number of a guest page.
   * @returns The address; if negative, {@linkcode OUTCOME}.NO_SLOT or RETRY.
   * @throws {RamBlockError} INVALID_ADDRESS.
   */
  gfnToHost(table: number, gfn: number | bigint): number {
    if (typeof gfn === "bigint") return this.gfnToHost(table, exactNumber(gfn));
    if (!isAddress(gfn)) throw invalidAddress(gfn);
    return this.#kernel.gfnToHost(table, gfn, this.pageBits);
  }

  /** A copy of the slot in a row. */
  slot(row: number): Memslot {
    return withoutLog(readSlot(this.#u32, row));
  }

  /** The flags of a row. */
  flagsOf(row: number): number {
    return SLOT.flags.get(this.#u32, row);
  }

  /** Copies of the slots of a snapshot, by rising gfn. */
  slots(table: number): Memslot[] {
    return rowsOf(this.#u32, table).map((row) => this.slot(row));
  }

  /** The generation of a snapshot's table: it rises with every batch, and never repeats. */
  generation(table: number): number {
    return SLOT_TABLE.generation.get(this.#u32, table);
  }

  /**
   * Visits the guest pages of a range of host memory, in every slot: KVM's `kvm_handle_hva_range`.
   * INVALID slots are visited too, since their mappings may be ended. O(slots).
   *
   * @param table A snapshot.
   * @param first First host address.
   * @param last Last host address, inclusive.
   * @param visit Called for each slot with its row, the first gfn and the last, inclusive.
   * @throws {RamBlockError} INVALID_ADDRESS if a bigint is beyond 2^53 - 1.
   */
  forEachInHostRange(
    table: number,
    first: number | bigint,
    last: number | bigint,
    visit: (row: number, firstGfn: number, lastGfn: number) => void,
  ): void {
    forEachInHostRange(this.#core, table, first, last, visit);
  }

  /**
   * Ends the shadow mappings of a range of host memory, in all shadow maps: KVM's
   * `kvm_unmap_gfn_range`, needed when the host changes its mapping.
   *
   * @param table A snapshot.
   * @param first First host address.
   * @param last Last host address, inclusive.
   * @returns How many mappings there were.
   * @throws {RamBlockError} INVALID_ADDRESS if a bigint is beyond 2^53 - 1.
   */
  flushHostRange(table: number, first: number | bigint, last: number | bigint): number {
    return flushHostRange(this.#core, table, first, last);
  }

  /**
   * The number of the slot that has a gfn: KVM's `memslot_id`. O(log slots).
   *
   * @param table A snapshot.
   * @param gfn Number of a guest page.
   * @returns The number; {@linkcode OUTCOME}.NO_SLOT if no slot has the gfn.
   * @throws {RamBlockError} INVALID_ADDRESS.
   */
  memslotId(table: number, gfn: number | bigint): number {
    const row = this.find(table, gfn);
    return row === 0 ? OUTCOME.NO_SLOT : SLOT.id.get(this.#u32, row);
  }

  /**
   * Where the TSS of real mode lies unless it was placed: on the third page from the end of slot 0.
   * KVM's `rmode_tss_base`. O(slots).
   *
   * @param table A snapshot: the slot's base and size come from one table.
   * @returns The guest physical address; if negative, {@linkcode OUTCOME}.NO_SLOT if slot 0 does not have
   * three pages, or RETRY.
   */
  rmodeTssBase(table: number): number {
    const row = rowsOf(this.#u32, table).find((row) => SLOT.id.get(this.#u32, row) === 0);
    if (row === undefined) return OUTCOME.NO_SLOT;
    const { baseGfn, pages, flags } = readSlot(this.#u32, row);
    if (flags & SLOT_FLAG.INVALID) return OUTCOME.RETRY;
    return pages < 3 ? OUTCOME.NO_SLOT : (baseGfn + pages - 3) * 2 ** this.pageBits;
  }

  /** Number of guest pages in all slots of a snapshot. */
  pageCount(table: number): number {
    const rows = rowsOf(this.#u32, table);
    return rows.reduce((sum, row) => sum + SLOT.pages.get(this.#u32, row), 0);
  }

  /** How many pages KVM would give the shadow MMU for these slots: 2 %, and at least 64. */
  shadowPageCount(table: number): number {
    const wanted = Math.floor((this.pageCount(table) * SHADOW_PAGES_PERMILLE) / 1000);
    return Math.max(wanted, MIN_SHADOW_PAGES);
  }

  /**
   * Counts the shadow mappings of all vCPUs that lie in slots of one snapshot: KVM's `count_rmaps`.
   *
   * @param table A snapshot.
   * @param row Count only those of this slot; 0 for all.
   */
  countMappings(table: number, row = 0): number {
    let count = 0;
    forEachShadow(this.#core, (shadow) => {
      count += this.#kernel.shadowCount(shadow, table, row);
    });
    return count;
  }

  /**
   * Marks a page in its slot's dirty log, after a write that did not go through a shadow mapping.
   *
   * @param table A snapshot.
   * @param gfn Number of a guest page.
   * @returns Whether its slot keeps a log.
   * @throws {RamBlockError} INVALID_ADDRESS.
   */
  markDirty(table: number, gfn: number | bigint): boolean {
    const row = this.find(table, gfn);
    if (row === 0 || SLOT.log.get(this.#u32, row) === 0) return false;
    this.#kernel.logDirty(row, Number(gfn));
    return true;
  }

  /**
   * Begins a batch of changes to the present slots. Control context only.
   *
   * @throws {RamBlockError} BATCH_CONFLICT if a batch that deletes or moves slots is being committed.
   */
  batch(): SlotBatch {
    const sink: LogSink | undefined = this.onLogEnd &&
      ((slot, dirty) => this.onLogEnd?.(withoutLog(slot), dirty));
    return new SlotBatch(this.#core, sink);
  }

  /**
   * Takes the dirty log of a slot, makes its mappings read-only so that the next write is logged
   * again, and blocks until no vCPU writes through one that was writable. All writes to the returned
   * pages are then visible. Control context only.
   *
   * @param id The slot's number.
   * @returns The pages by gfn.
   * @throws {RamBlockError} UNKNOWN_SLOT; NO_DIRTY_LOG.
   * @throws {WaitInSectionError} If this context has a section open; the log keeps its pages.
   */
  collectDirtyLog(id: number): DirtySnapshot {
    const taken = takeLog(this.#core, id);
    try {
      this.srcu.synchronizeSrcu();
    } catch (error) {
      putBackLog(this.#core, taken);
      throw error;
    }
    return taken.dirty;
  }

  /**
   * As `collectDirtyLog`, without blocking the thread. If the wait fails, the log keeps its pages, unless
   * a batch has ended it in the meantime.
   */
  async collectDirtyLogAsync(id: number): Promise<DirtySnapshot> {
    const taken = takeLog(this.#core, id);
    try {
      await this.srcu.synchronizeSrcuAsync();
    } catch (error) {
      putBackLog(this.#core, taken);
      throw error;
    }
    return taken.dirty;
  }
}

function withoutLog({ log: _, ...slot }: TableSlot): Memslot {
  return slot;
}
