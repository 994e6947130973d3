/**
 * Translation through mapping tables, in any worker.
 *
 * @module
 */

import type { Arena } from "@guestmem/rcu";
import { MASK, PAGE_BYTES, SPAN } from "../_pages.ts";
import { IommuIndexError } from "../errors.ts";
import { type Kernel, kernelOf } from "../kernel/kernel.ts";
import type { IommuRegionHandle } from "../region/table_region.ts";
import { HEADER } from "../table/layout.ts";
import { BLOCKED, BYPASS, REGION } from "../unit/layout.ts";
import { CachedTranslator, NOT_CACHED } from "./cached_translator.ts";
import type { Access, IommuAnswer } from "./entry.ts";
import { checkRegion, type IommuReader } from "./reader.ts";

/** A context under which the IOTLB holds nothing: ids of domains start at 1. */
const NO_CONTEXT = 0;
const BYPASS_LEVEL = 2;

/**
 * Translates the accesses that reach a {@linkcode TableRegion}, in one worker.
 *
 * It remembers what each index is bound to, and reads it again when the log of invalidations has
 * moved: whoever binds a region stores the binding, appends to the log, and waits for a grace period
 * before a table is freed. So an offset that it remembers is that of a live table.
 */
export class TableTranslator extends CachedTranslator {
  readonly #arena: Arena;
  readonly #kernel: Kernel;
  readonly #region: number;
  readonly #tables: Uint32Array; // by index: offset of the table's header, BLOCKED or BYPASS
  readonly #ids: Float64Array; // by index: the table's domain id
  #generation = -1;
  #domain = NO_CONTEXT;

  /**
   * Attaches to a region.
   *
   * @param reader What this worker has of the IOMMU.
   * @param handle The region's `handle`.
   * @throws {ForeignIommuError} If the handle names no region of that IOMMU.
   */
  constructor(reader: IommuReader, handle: IommuRegionHandle) {
    super(reader);
    const { arena } = reader;
    checkRegion(reader, handle);
    this.#arena = arena;
    this.#kernel = kernelOf(arena.memory);
    this.#region = handle.offset;
    const indexes = arena.u32[(handle.offset + REGION.indexes) >>> 2]!;
    this.#tables = new Uint32Array(indexes);
    this.#ids = new Float64Array(indexes);
  }

  /** @internal */
  protected override get domain(): number {
    return this.#domain;
  }

  /** @internal */
  protected override contextOf(index: number, generation: number): number {
    if (generation !== this.#generation) this.#readBindings(generation);
    const id = this.#ids[index];
    if (id === undefined) throw new IommuIndexError(index, this.#ids.length);
    return id;
  }

  /** @internal */
  protected override walk(page: number, access: Access, index: number, entry: IommuAnswer): number {
    const table = this.#tables[index]!;
    this.#domain = this.#ids[index]!;
    if (table === BLOCKED) return this.refuse("blocked");
    if (table === BYPASS) return this.#pass(page, entry);
    const level = this.#kernel.walk(table, page);
    if (level < 0) return this.refuse("notMapped");
    const perm = this.#kernel.permissions();
    if ((access & ~perm) !== 0) {
      return this.refuse((access & ~perm) & 2 ? "writeDenied" : "readDenied");
    }
    entry.target = this.#arena.u32[(table + HEADER.target) >>> 2]!;
    entry.iova = (page - page % SPAN[level]!) * PAGE_BYTES;
    entry.translated = this.#kernel.targetPage() * PAGE_BYTES;
    entry.addrMask = MASK[level]!;
    entry.perm = perm;
    return level;
  }

  #pass(page: number, entry: IommuAnswer): number {
    entry.target = this.#arena.u32[(this.#region + REGION.target) >>> 2]!;
    entry.iova = entry.translated = (page - page % SPAN[BYPASS_LEVEL]!) * PAGE_BYTES;
    entry.addrMask = MASK[BYPASS_LEVEL]!;
    entry.perm = 3;
    return NOT_CACHED;
  }

  #readBindings(generation: number): void {
    const { kernel, u32 } = this.#arena;
    for (let index = 0; index < this.#tables.length; index++) {
      const table = kernel.load32(this.#region + REGION.bindings + index * 4) >>> 0;
      this.#tables[index] = table;
      // Plain: the header was written before the binding was stored, and never after.
      const id = (table + HEADER.id) >>> 2;
      const isTable = table !== BLOCKED && table !== BYPASS;
      this.#ids[index] = isTable ? u32[id]! + u32[id + 1]! * 2 ** 32 : NO_CONTEXT;
    }
    this.#generation = generation;
  }
}
