/**
 * Walks of page tables that lie in guest RAM, whatever their format.
 *
 * @module
 */

import { FANOUT, MASK, PAGE_BYTES, SPAN } from "../_pages.ts";
import { appendRun, type PageRun } from "../_runs.ts";
import { MappingLimitError } from "../errors.ts";
import type { Access, IommuAnswer } from "../translate/entry.ts";
import { CONTEXT_LEVEL, type FaultKind, type IommuFault } from "../translate/fault.ts";
import type { GuestMemory } from "./guest_memory.ts";

/** The access is refused: {@linkcode GuestTableWalker.kind} says why. */
export const REFUSED = -1;
/** No tables are in use: addresses pass as they are. */
export const PASS = 0;
/** What an entry is. */
export const LEAF = 1;
/** What an entry is: a pointer to a table of the level below. */
export const POINTER = 2;

/** Pages of a leaf that is larger than a gibibyte are reported a gibibyte at a time. */
const LARGEST_LEVEL = 2;

/** Options of every walker. */
export interface WalkerOptions {
  /** Guest RAM, for the context that the walker belongs to. */
  readonly memory: GuestMemory;
  /** Handle of the address space that translated addresses are in; 0 unless given. */
  readonly target?: number;
  /** How many entries {@linkcode GuestTableWalker.list} may look at: 2^22 unless given. */
  readonly listLimit?: number;
}

/**
 * A walker belongs to one context. It keeps nothing between two walks: each begins at the root, and
 * loads every entry as one. It never writes to the guest's tables.
 */
export abstract class GuestTableWalker {
  /** The domain of the last walk, by which the guest invalidates what was found. */
  domain = 0;
  /** Why the last walk was refused. */
  protected kind: FaultKind = "entryNotPresent";
  /** The page of the next table, or the first page that a leaf leads to. */
  protected next: number = 0.5;
  /** What is allowed so far: 1 read, 2 write. */
  protected perm = 0;
  /** Guest RAM. */
  protected readonly memory: GuestMemory;
  readonly #target: number;
  readonly #listLimit: number;
  #listed = 0;

  /**
   * Made by the constructors of the formats.
   *
   * @param options Memory and target.
   */
  constructor({ memory, target = 0, listLimit = 2 ** 22 }: WalkerOptions) {
    this.memory = memory;
    this.#target = target;
    this.#listLimit = listLimit;
  }

  /**
   * Finds the top table of a source: sets `next`, `perm` and `domain`.
   *
   * @returns How many levels of tables there are, `PASS` or `REFUSED`.
   */
  protected abstract start(low: number, high: number, source: number, fault: IommuFault): number;

  /** Whether an address is one that tables of so many levels can have; sets `kind` if not. */
  protected abstract accepts(page: number, levels: number): boolean;

  /** The first page that an entry of the top table covers. */
  protected abstract topPage(slot: number, level: number): number;

  /**
   * Says what an entry is: `LEAF` or `POINTER`, with `next` and `perm`; or `REFUSED`, with `kind`.
   *
   * @param perm What the levels above allow.
   */
  protected abstract classify(
    low: number,
    high: number,
    level: number,
    perm: number,
    access: Access,
  ): number;

  /**
   * Walks the tables for one page. Allocates nothing.
   *
   * @param low Low half of the root register.
   * @param high Its high half.
   * @param source The source id of the device.
   * @param page The page.
   * @param access What is wanted.
   * @param entry Takes the answer.
   * @param fault Takes the reason of a refusal, and where it was found.
   * @returns The level of the page (0: 4 KiB, 1: 2 MiB, 2: 1 GiB), or `REFUSED`.
   */
  walk(
    low: number,
    high: number,
    source: number,
    page: number,
    access: Access,
    entry: IommuAnswer,
    fault: IommuFault,
  ): number {
    fault.source = source;
    fault.level = CONTEXT_LEVEL;
    fault.entryAddress = NaN;
    const levels = this.start(low, high, source, fault);
    if (levels === REFUSED) return this.#refuse(fault);
    if (levels !== PASS && !this.accepts(page, levels)) return this.#refuse(fault);
    if (levels === PASS) {
      return this.#fill(page, page - page % SPAN[LARGEST_LEVEL]!, LARGEST_LEVEL, entry);
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
   * @internal Lists what the tables map in a range, joined; what a walk would refuse counts as not mapped.
   *
   * @param low Low half of the root register.
   * @param high Its high half.
   * @param source The source id of the device.
   * @param first First page.
   * @param last Last page, inclusive.
   * @param fault Is overwritten.
   * @throws {MappingLimitError} If there are too many entries to look at.
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

  /** Loads an entry into the fault; false if it lies outside of memory. */
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

  /** Notes why; returns `REFUSED`. */
  protected refuse(kind: FaultKind): number {
    this.kind = kind;
    return REFUSED;
  }

  #refuse(fault: IommuFault): number {
    fault.kind = this.kind;
    return REFUSED;
  }

  /** Fills the entry for a leaf whose first page leads to `target`. */
  #fill(page: number, target: number, leafLevel: number, entry: IommuAnswer): number {
    const level = Math.min(leafLevel, LARGEST_LEVEL);
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
    into: { first: number; last: number; runs: PageRun[]; fault: IommuFault },
  ): void {
    const span = SPAN[level]!;
    for (let slot = 0; slot < FANOUT; slot++) {
      const start = pageOf(slot);
      if (start > into.last || start + span - 1 < into.first) continue;
      if (++this.#listed > this.#listLimit) throw new MappingLimitError(this.#listLimit);
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
