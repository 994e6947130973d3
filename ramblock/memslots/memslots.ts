/**
 * Guest pages to host memory: the table that every vCPU looks up.
 *
 * @module
 */

import { type Arena, RcuError, type ReadGuard, type Srcu } from "@guestmem/rcu";
import { loadNumber } from "../blocks/layout.ts";
import { takeBits } from "../dirty/dirty_memory.ts";
import { DirtySnapshot } from "../dirty/snapshot.ts";
import { InvalidAddressError } from "../errors.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { SlotBatch } from "./batch.ts";
import type { LogSink } from "./commit.ts";
import {
  attachCore,
  createCore,
  forEachShadow,
  type MemslotsHandle,
  type MemslotsOptions,
  type SlotsCore,
} from "./core.ts";
import { NoDirtyLogError, UnknownSlotError } from "./errors.ts";
import { CONTROL, ROW, TABLE } from "./layout.ts";
import { type Memslot, readSlot, rowsOf, type TableSlot } from "./table.ts";

/** Gives the package's own modules what users do not see. */
export let slotsCoreOf: (slots: Memslots) => SlotsCore;

/** Shadow pages for each thousand guest pages, and at least: the sizing of KVM's shadow MMU. */
const SHADOW_PAGES_PERMILLE = 20;
const MIN_SHADOW_PAGES = 64;

/**
 * Memslots under SRCU: guest pages (gfns) to host positions, as KVM keeps them.
 *
 * A reader loads **one snapshot** in its section and passes it to every lookup: nothing reads the
 * root again, so two lookups of one section cannot see two tables. A snapshot and the rows found in
 * it are numbers, valid until the section ends. A section may span an await.
 *
 * A lookup that meets a slot which a batch is taking away says RETRY, never that there is no slot:
 * leave the section, let the batch finish, and try again.
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
 * const section = srcu.register().lock(); // in any worker
 * const table = slots.snapshot(section);
 * assertEquals(slots.gfnToHost(table, 0x101), 2 ** 46 + 0x101000);
 * assertEquals(slots.gfnToHost(table, 0xa0), OUTCOME.NO_SLOT);
 * section.unlock();
 * ```
 */
export class Memslots {
  /** What another context attaches with. Structured-cloneable. */
  readonly handle: MemslotsHandle;
  /** The arena of the tables, as this context attached to it. */
  readonly arena: Arena;
  /** The domain whose sections protect them. */
  readonly srcu: Srcu;
  /** log2 of the page size. */
  readonly pageBits: number;
  /**
   * Gets the last dirty pages of a slot whose dirty log ends with a batch that this context commits:
   * the slot was deleted, moved, or logs no more. Unless set, they are dropped.
   */
  onLogEnd: ((slot: Memslot, dirty: DirtySnapshot) => void) | undefined;
  readonly #core: SlotsCore;
  readonly #kernel: Kernel;
  readonly #u32: Uint32Array;

  static {
    slotsCoreOf = (slots) => slots.#core;
  }

  private constructor(core: SlotsCore) {
    this.handle = core.handle;
    this.arena = core.arena;
    this.srcu = core.srcu;
    this.pageBits = core.pageBits;
    this.#core = core;
    this.#kernel = core.kernel;
    this.#u32 = core.arena.u32;
  }

  /**
   * Creates memslots without a slot.
   *
   * @param srcu The domain whose sections protect the tables, which lie in its arena.
   * @param options Limits.
   * @throws {InvalidSlotError} If a limit is out of its range.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(srcu: Srcu, options: MemslotsOptions = {}): Memslots {
    return new Memslots(createCore(srcu, options));
  }

  /**
   * Attaches this context to memslots that another one created.
   *
   * @param arena The arena, as this context attached to it.
   * @param handle The memslots' `handle`.
   * @throws {ForeignRamError} If the handle does not fit.
   */
  static attach(arena: Arena, handle: MemslotsHandle): Memslots {
    return new Memslots(attachCore(arena, handle));
  }

  /**
   * The current table. Load it once in a section.
   *
   * @param section An open section of the domain.
   * @returns The snapshot, valid until the section ends.
   */
  snapshot(section: ReadGuard): number {
    if (this.arena.debug && !section.open) {
      throw new RcuError("SECTION_CLOSED", { action: "load memslots" });
    }
    return this.#kernel.load32(this.#core.control + CONTROL.ROOT) >>> 0;
  }

  /**
   * The row of the slot that has a gfn, whatever its flags. O(log slots).
   *
   * @param table A snapshot.
   * @param gfn Number of a guest page.
   * @returns The row, valid as long as the snapshot; 0 if no slot has the gfn.
   * @throws {InvalidAddressError} If it is no integer from 0 to 2^53 - 1.
   */
  find(table: number, gfn: number): number {
    this.#checkGfn(gfn);
    return this.#kernel.findSlot(table, gfn) >>> 0;
  }

  /**
   * The host position of a guest page. O(log slots).
   *
   * @param table A snapshot.
   * @param gfn Number of a guest page.
   * @returns The position; if negative, {@linkcode OUTCOME}.NO_SLOT or RETRY.
   * @throws {InvalidAddressError} If it is no integer from 0 to 2^53 - 1.
   */
  gfnToHost(table: number, gfn: number): number {
    if (!(gfn >= 0 && gfn <= Number.MAX_SAFE_INTEGER)) this.#checkGfn(gfn);
    return this.#kernel.gfnToHost(table, gfn, this.pageBits);
  }

  /** The slot of a row: a copy. */
  slot(row: number): Memslot {
    return withoutLog(readSlot(this.#u32, row));
  }

  /** The flags of a row. */
  flagsOf(row: number): number {
    return this.#u32[(row + ROW.FLAGS) >>> 2]!;
  }

  /** The slots of a snapshot by rising gfn: copies. */
  slots(table: number): Memslot[] {
    return rowsOf(this.#u32, table).map((row) => this.slot(row));
  }

  /** Which table a snapshot is: rises with every batch, and never repeats. */
  generation(table: number): number {
    return loadNumber(this.#u32, table + TABLE.GENERATION);
  }

  /**
   * Visits what a range of host memory shows as, in every slot: KVM's `kvm_handle_hva`. INVALID
   * slots are visited too, since teardown is allowed in them. O(slots).
   *
   * @param table A snapshot.
   * @param first First host position. @param last Last host position, inclusive.
   * @param visit Called for each slot with its row, the first gfn and the last, inclusive.
   */
  forEachInHostRange(
    table: number,
    first: number,
    last: number,
    visit: (row: number, firstGfn: number, lastGfn: number) => void,
  ): void {
    const page = 2 ** this.pageBits;
    for (const row of rowsOf(this.#u32, table)) {
      const { baseGfn, pages, host } = readSlot(this.#u32, row);
      const from = Math.max(first, host);
      const to = Math.min(last, host + pages * page - 1);
      if (from > to) continue;
      const gfnOf = (position: number) => baseGfn + Math.floor((position - host) / page);
      visit(row, gfnOf(from), gfnOf(to));
    }
  }

  /**
   * Ends the shadow mappings of a range of host memory, in all shadow maps: what a change of the
   * host's mapping calls for.
   *
   * @param table A snapshot.
   * @param first First host position. @param last Last host position, inclusive.
   * @returns How many mappings there were.
   */
  flushHostRange(table: number, first: number, last: number): number {
    let count = 0;
    this.forEachInHostRange(table, first, last, (_, firstGfn, lastGfn) => {
      forEachShadow(this.#core, (shadow) => {
        count += this.#kernel.shadowFlush(shadow, firstGfn, lastGfn - firstGfn + 1);
      });
    });
    return count;
  }

  /** Guest pages of all slots of a snapshot. */
  pageCount(table: number): number {
    const rows = rowsOf(this.#u32, table);
    return rows.reduce((sum, row) => sum + loadNumber(this.#u32, row + ROW.PAGES), 0);
  }

  /** How many pages a shadow MMU is given for the slots of a snapshot: 2 %, and at least 64. */
  shadowPageCount(table: number): number {
    const wanted = Math.floor((this.pageCount(table) * SHADOW_PAGES_PERMILLE) / 1000);
    return Math.max(wanted, MIN_SHADOW_PAGES);
  }

  /**
   * Counts the shadow mappings of all vCPUs that lie in slots of one snapshot: KVM's `count_rmaps`.
   *
   * @param table A snapshot.
   * @param row Count those of this slot alone.
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
   */
  markDirty(table: number, gfn: number): boolean {
    const row = this.find(table, gfn);
    if (row === 0 || this.#u32[(row + ROW.LOG) >>> 2] === 0) return false;
    this.#kernel.logDirty(row, gfn);
    return true;
  }

  /**
   * Begins a batch of changes, with the slots as they are. Control context only.
   *
   * @throws {BatchConflictError} If a batch that takes slots away is being committed.
   */
  batch(): SlotBatch {
    const sink: LogSink | undefined = this.onLogEnd &&
      ((slot, dirty) => this.onLogEnd?.(withoutLog(slot), dirty));
    return new SlotBatch(this.#core, sink);
  }

  /**
   * Takes the dirty log of a slot, makes its mappings read-only so that the next write is logged
   * again, and blocks until no vCPU writes through one that was writable. What was written to the
   * pages returned is visible then. Control context only.
   *
   * @param id The slot's number.
   * @returns The pages by gfn.
   * @throws {UnknownSlotError} If there is none of this number.
   * @throws {NoDirtyLogError} If it keeps no log.
   * @throws {WaitInSectionError} If this context has a section open; the log keeps its pages.
   */
  collectDirtyLog(id: number): DirtySnapshot {
    const dirty = this.#takeLog(id);
    try {
      this.srcu.synchronizeSrcu();
    } catch (error) {
      this.#putBack(id, dirty);
      throw error;
    }
    return dirty;
  }

  /** As `collectDirtyLog`, without blocking the thread. */
  async collectDirtyLogAsync(id: number): Promise<DirtySnapshot> {
    const dirty = this.#takeLog(id);
    await this.srcu.synchronizeSrcuAsync();
    return dirty;
  }

  #takeLog(id: number): DirtySnapshot {
    const row = this.#loggedRow(id);
    const { baseGfn, pages } = readSlot(this.#u32, row);
    const words = takeBits(this.arena, pages, (into) => this.#kernel.takeLog(row, into));
    // Only now: a mapping that becomes writable after this was marked after the log was taken.
    forEachShadow(this.#core, (shadow) => this.#kernel.shadowProtect(shadow, baseGfn, pages));
    return new DirtySnapshot(baseGfn, pages, words);
  }

  #putBack(id: number, dirty: DirtySnapshot): void {
    const row = this.#loggedRow(id);
    for (const gfn of dirty) this.#kernel.logDirty(row, gfn);
  }

  /** The row of a slot that keeps a log. Only the control context changes tables: no section. */
  #loggedRow(id: number): number {
    const table = this.#kernel.load32(this.#core.control + CONTROL.ROOT) >>> 0;
    const row = rowsOf(this.#u32, table).find((row) => this.#u32[(row + ROW.ID) >>> 2] === id);
    if (row === undefined) throw new UnknownSlotError("collect the dirty log of", id);
    if (this.#u32[(row + ROW.LOG) >>> 2] === 0) throw new NoDirtyLogError(id);
    return row;
  }

  #checkGfn(gfn: number): void {
    if (!(gfn >= 0 && gfn <= Number.MAX_SAFE_INTEGER)) throw new InvalidAddressError(gfn);
  }
}

function withoutLog({ log: _, ...slot }: TableSlot): Memslot {
  return slot;
}
