/**
 * The IOTLB of one worker.
 *
 * @module
 */

import { FANOUT, MASK, MAX_PAGES, PAGE_BYTES, SPAN } from "../addresses/pages.ts";
import type { Access } from "../faults/iommu_fault.ts";
import { EVERY_DOMAIN, type InvalidationLog } from "./invalidation_log.ts";
import type { IotlbFields } from "./iotlb_entry.ts";

// A slot is eight doubles, a cache line, in this worker's own memory. TAG is the page number at the
// entry's level.
const STRIDE = 8;
const TAG = 0;
const KEY = 1; // the context and the level
const PERM = 2;
const IOVA = 3;
const TRANSLATED = 4;
const TARGET = 5;
const DOMAIN = 6;
const LEVEL = 7;
const EMPTY = -1;
/** A key is a context times this, plus the level; a power of two. */
const LEVELS = 4;

const HITS = 0;
const MISSES = 1;
const EVICTIONS = 2;
const RANGES = 3;
const DOMAINS = 4;
const FULLS = 5;

/**
 * Caches translations, so that most need no walk. It belongs to one worker; the unit's log carries
 * invalidations to those of all workers. Direct-mapped; an entry of any page size takes one slot.
 *
 * An entry is used only if no invalidation that concerns it was made since it was read: see
 * {@linkcode InvalidationLog}. Keys are context and page numbers, never arena offsets.
 */
export class Iotlb {
  readonly #log: InvalidationLog;
  readonly #slots: Float64Array;
  readonly #mask: number;
  readonly #shift: number;
  readonly #counts = new Float64Array(8);
  readonly #onInvalidation = (domain: number, first: number, last: number) =>
    this.#drop(domain, first, last);
  // The levels of the entries in it. Bits are set by insert and cleared when everything is dropped.
  #levels = 0;
  #seen: number;

  /**
   * Creates an empty one.
   *
   * @param log The unit's log.
   * @param entries How many translations it holds, rounded up to a power of two; 256 unless given.
   */
  constructor(log: InvalidationLog, entries = 256) {
    this.#log = log;
    const bits = Math.ceil(Math.log2(Math.max(entries, 1)));
    const slots = 2 ** bits;
    this.#mask = slots - 1;
    this.#shift = (32 - bits) & 31;
    this.#slots = new Float64Array(slots * STRIDE).fill(EMPTY);
    this.#seen = log.tail;
  }

  /**
   * Processes the invalidations since the last call. Call it inside the read-side section before
   * `find`, and so before the walk whose result is inserted.
   *
   * @returns How many were ever made: another value than last time means that something changed.
   */
  catchUp(): number {
    if (this.#log.tail !== this.#seen) this.#readLog();
    return this.#seen;
  }

  /**
   * Looks up a page.
   *
   * @param context Whose translation: a domain, or a source of guest tables.
   * @param page The page.
   * @param access What is wanted. An entry that allows less is a miss: a walk may find more by now.
   * @param entry Takes the result.
   * @returns Whether it was found.
   */
  find(context: number, page: number, access: Access, entry: IotlbFields): boolean {
    const slots = this.#slots;
    let tag = page;
    let key = context * LEVELS;
    for (let levels = this.#levels; levels !== 0; levels >>= 1, key++) {
      if (levels & 1) {
        const at = this.#slotOf(key, tag);
        if (
          slots[at] === tag && slots[at + KEY] === key && (~slots[at + PERM]! & access) === 0
        ) {
          this.#counts[HITS]!++;
          entry.target = slots[at + TARGET]!;
          entry.iova = slots[at + IOVA]!;
          entry.translated = slots[at + TRANSLATED]!;
          entry.addrMask = MASK[key % LEVELS]!;
          entry.perm = slots[at + PERM]! | 0;
          entry.fault = null;
          return true;
        }
      }
      tag = Math.floor(tag / FANOUT);
    }
    this.#counts[MISSES]!++;
    return false;
  }

  /**
   * Adds the result of a walk.
   *
   * @param context Whose translation.
   * @param domain The domain that invalidates it.
   * @param level 0, 1 or 2 for pages of 4 KiB, 2 MiB or 1 GiB.
   * @param entry What the walk found.
   */
  insert(context: number, domain: number, level: number, entry: IotlbFields): void {
    const slots = this.#slots;
    const tag = entry.iova / (SPAN[level]! * PAGE_BYTES);
    const key = context * LEVELS + level;
    const at = this.#slotOf(key, tag);
    if (slots[at] !== EMPTY && slots[at] !== tag) this.#counts[EVICTIONS]!++;
    slots[at + TAG] = tag;
    slots[at + KEY] = key;
    slots[at + PERM] = entry.perm;
    slots[at + IOVA] = entry.iova;
    slots[at + TRANSLATED] = entry.translated;
    slots[at + TARGET] = entry.target;
    slots[at + DOMAIN] = domain;
    slots[at + LEVEL] = level;
    this.#levels |= 1 << level;
  }

  /** Figures since it was created. */
  get stats(): Record<
    | "hits"
    | "misses"
    | "evictions"
    | "rangeInvalidations"
    | "domainInvalidations"
    | "fullInvalidations",
    number
  > {
    const counts = this.#counts;
    return {
      hits: counts[HITS]!,
      misses: counts[MISSES]!,
      evictions: counts[EVICTIONS]!,
      rangeInvalidations: counts[RANGES]!,
      domainInvalidations: counts[DOMAINS]!,
      fullInvalidations: counts[FULLS]!,
    };
  }

  /**
   * Index of an entry's slot: multiplicative hashing (Knuth, TAOCP 6.4), since buffers are often at
   * strides that are powers of two. It uses the low 32 bits of the page number.
   */
  #slotOf(key: number, tag: number): number {
    return ((Math.imul(tag ^ (key << 24), 0x9e37_79b1) >>> this.#shift) & this.#mask) * STRIDE;
  }

  #readLog(): void {
    const seen = this.#log.readFrom(this.#seen, this.#onInvalidation);
    if (seen >= 0) this.#seen = seen;
    else {
      // Before dropping: what is inserted afterwards was read after this load.
      this.#seen = this.#log.tail;
      this.#dropAll();
    }
  }

  #drop(domain: number, first: number, last: number): void {
    const isWhole = first === 0 && last === MAX_PAGES - 1;
    if (isWhole && domain === EVERY_DOMAIN) return this.#dropAll();
    this.#counts[isWhole ? DOMAINS : RANGES]!++;
    const slots = this.#slots;
    for (let at = 0; at < slots.length; at += STRIDE) {
      if (slots[at] === EMPTY) continue;
      if (domain !== EVERY_DOMAIN && slots[at + DOMAIN] !== domain) continue;
      const span = SPAN[slots[at + LEVEL]!]!;
      const start = slots[at]! * span;
      if (start <= last && first <= start + span - 1) slots[at] = EMPTY;
    }
  }

  #dropAll(): void {
    this.#counts[FULLS]!++;
    this.#levels = 0;
    for (let at = 0; at < this.#slots.length; at += STRIDE) this.#slots[at] = EMPTY;
  }
}
