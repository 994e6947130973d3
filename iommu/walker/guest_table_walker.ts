/**
 * Walks of page tables in guest RAM: what all formats share.
 *
 * @module
 */

import { appendRun, type PageRange, type PageRun } from "../addresses/page_run.ts";
import { FANOUT, MASK, MAX_LEAF_LEVEL, PAGE_BYTES, SPAN } from "../addresses/pages.ts";
import { IommuError } from "../errors/iommu_error.ts";
import {
  type Access,
  CONTEXT_LEVEL,
  type FaultKind,
  type IommuFault,
} from "../faults/iommu_fault.ts";
import type { IotlbFields } from "../iotlb/iotlb_entry.ts";
import type { TableMemory } from "./table_memory.ts";

/** The access is refused: {@linkcode GuestTableWalker.kind} says why. */
export const REFUSED = -1;
/** No tables are in use: addresses pass unchanged. */
export const PASS = 0;
/** The entry maps a page. */
export const LEAF = 1;
/** The entry points to a table of the level below. */
export const POINTER = 2;

/** Options of every walker. */
export interface WalkerOptions {
  /** Guest memory, for the context that the walker belongs to. */
  readonly memory: TableMemory;
  /** Number of the address space that translated addresses are in; 0 unless given. */
  readonly target?: number;
  /** How many entries a listing of all mappings may read: 2^22 unless given. */
  readonly listLimit?: number;
}

/** Where a listing collects what it finds. */
interface Listing extends PageRange {
  readonly runs: PageRun[];
  readonly fault: IommuFault;
}

/**
 * Walks page tables in guest RAM: {@linkcode VtdWalker} or {@linkcode RiscvWalker}. A walker belongs
 * to one context. It caches nothing: each walk begins at the root and loads every entry in one access.
 * It never writes to the guest's tables.
 */
export abstract class GuestTableWalker {
  /** The domain of the last walk: the guest invalidates the result by it. */
  domain = 0;
  /** @internal Why the last walk was refused. */
  protected kind: FaultKind = "entryNotPresent";
  /** @internal The page of the next table, or the first page that a leaf maps to. */
  protected next: number = 0.5;
  /** @internal What the entries read so far allow: 1 read, 2 write. */
  protected perm = 0;
  /** @internal Guest memory. */
  protected readonly memory: TableMemory;
  readonly #target: number;
  readonly #listLimit: number;
  #listed = 0;

  /**
   * @internal Called by the constructors of the formats.
   *
   * @param options Memory and target.
   */
  constructor({ memory, target = 0, listLimit = 2 ** 22 }: WalkerOptions) {
    this.memory = memory;
    this.#target = target;
    this.#listLimit = listLimit;
  }

  /**
   * @internal Finds the top table of a source: sets `next`, `perm` and `domain`.
   *
   * @returns How many levels of tables there are, `PASS` or `REFUSED`.
   */
  protected abstract start(low: number, high: number, source: number, fault: IommuFault): number;

  /** @internal Whether tables of that many levels can map an address; sets `kind` if not. */
  protected abstract accepts(page: number, levels: number): boolean;

  /** @internal The first page that an entry of the top table covers. */
  protected abstract topPage(slot: number, level: number): number;

  /**
   * @internal Classifies an entry.
   *
   * @param perm What the levels above allow.
   * @returns `LEAF` or `POINTER`, and sets `next` and `perm`; or `REFUSED`, and sets `kind`.
   */
  protected abstract classify(
    low: number,
    high: number,
    level: number,
    perm: number,
    access: Access,
  ): number;

  /**
   * @internal Walks the tables for one page. Allocates nothing.
   *
   * @param low Low half of the root register.
   * @param high Its high half.
   * @param source The source id of the device.
   * @param page The page.
   * @param access What the access wants.
   * @param entry Takes the result.
   * @param fault Takes the reason of a refusal, and the entry that refused.
   * @returns The level of the page (0: 4 KiB, 1: 2 MiB, 2: 1 GiB), or `REFUSED`.
   */
  walk(
    low: number,
    high: number,
    source: number,
    page: number,
    access: Access,
    entry: IotlbFields,
    fault: IommuFault,
  ): number {
    fault.source = source;
    fault.level = CONTEXT_LEVEL;
    fault.entryAddress = NaN;
    const levels = this.start(low, high, source, fault);
    if (levels === REFUSED) return this.#refuse(fault);
    if (levels !== PASS && !this.accepts(page, levels)) return this.#refuse(fault);
    if (levels === PASS) {
      return this.#fill(page, page - page % SPAN[MAX_LEAF_LEVEL]!, MAX_LEAF_LEVEL, entry);
    }
    for (let level = levels - 1;; level--) {
      const slot = Math.floor(page / SPAN[level]!) % FANOUT;
      if (!this.load(this.next * PAGE_BYTES + slot * 8, level, fault)) return this.#refuse(fault);
      const step = this.classify(fault.entryLow, fault.entryHigh, level, this.perm, access);
      if (step === REFUSED) return this.#refuse(fault);
      if (step === LEAF) return this.#fill(page, this.next, level, entry);
    }
  }

  /**
   * @internal Lists what the tables map in a range, merged. What a walk would refuse is not mapped.
   *
   * @param low Low half of the root register.
   * @param high Its high half.
   * @param source The source id of the device.
   * @param first First page.
   * @param last Last page, inclusive.
   * @param fault Is overwritten.
   * @throws {IommuError} `MAPPING_LIMIT` if there are too many entries to read.
   */
  list(
    low: number,
    high: number,
    source: number,
    first: number,
    last: number,
    fault: IommuFault,
  ): PageRun[] {
    const levels = this.start(low, high, source, fault);
    if (levels === REFUSED) return [];
    if (levels === PASS) {
      const from = Math.max(first, 0);
      return [{ first: from, last, target: from, perm: 3 }];
    }
    const runs: PageRun[] = [];
    this.#listed = 0;
    const visit = (slot: number) => this.topPage(slot, levels - 1);
    this.#listTable(this.next, levels - 1, this.perm, visit, { first, last, runs, fault });
    return runs;
  }

  /** @internal Loads an entry into the fault; false if it is outside memory. */
  protected load(address: number, level: number, fault: IommuFault): boolean {
    fault.level = level;
    fault.entryAddress = address;
    const low = this.memory.load64(address);
    if (low < 0) {
      this.kind = "tableOutsideMemory";
      return false;
    }
    fault.entryLow = low;
    fault.entryHigh = this.memory.high;
    return true;
  }

  /** @internal Records why; returns `REFUSED`. */
  protected refuse(kind: FaultKind): number {
    this.kind = kind;
    return REFUSED;
  }

  #refuse(fault: IommuFault): number {
    fault.kind = this.kind;
    return REFUSED;
  }

  /**
   * Fills the entry for a leaf whose first page maps to `target`. A leaf larger than 1 GiB is reported
   * one GiB at a time.
   */
  #fill(page: number, target: number, leafLevel: number, entry: IotlbFields): number {
    const level = Math.min(leafLevel, MAX_LEAF_LEVEL);
    const inPage = page % SPAN[level]!;
    const inLeaf = page % SPAN[leafLevel]!;
    entry.target = this.#target;
    entry.iova = (page - inPage) * PAGE_BYTES;
    entry.translated = (target + inLeaf - inPage) * PAGE_BYTES;
    entry.addrMask = MASK[level]!;
    entry.perm = this.perm;
    return level;
  }

  #listTable(
    table: number,
    level: number,
    perm: number,
    pageOf: (slot: number) => number,
    into: Listing,
  ): void {
    const span = SPAN[level]!;
    for (let slot = 0; slot < FANOUT; slot++) {
      const start = pageOf(slot);
      if (start > into.last || start + span - 1 < into.first) continue;
      if (++this.#listed > this.#listLimit) {
        throw new IommuError("MAPPING_LIMIT", { limit: this.#listLimit });
      }
      if (!this.load(table * PAGE_BYTES + slot * 8, level, into.fault)) continue;
      const { entryLow, entryHigh } = into.fault;
      const step = this.classify(entryLow, entryHigh, level, perm, 0);
      if (step === POINTER) {
        const below = (child: number) => start + child * SPAN[level - 1]!;
        this.#listTable(this.next, level - 1, this.perm, below, into);
      } else if (step === LEAF) {
        const first = Math.max(start, into.first);
        const last = Math.min(start + span - 1, into.last);
        appendRun(into.runs, { first, last, target: this.next + first - start, perm: this.perm });
      }
    }
  }
}
