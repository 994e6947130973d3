/**
 * Translation through mapping tables, in any worker.
 *
 * @module
 */

import { instantiateKernel, type Kernel as RcuKernel } from "@guestmem/rcu/internal";
import { MASK, MAX_LEAF_LEVEL, PAGE_BYTES, SPAN } from "../addresses/pages.ts";
import { IommuError } from "../errors/iommu_error.ts";
import type { Access } from "../faults/iommu_fault.ts";
import { BLOCKED, BYPASS, REGION } from "../handles/region_handle.ts";
import type { IotlbFields } from "../iotlb/iotlb_entry.ts";
import { type Kernel, kernelOf } from "../kernel/kernel.ts";
import { TABLE } from "../kernel/layouts.ts";
import { IommuTranslator, NOT_CACHED, type TranslatorContext } from "./iommu_translator.ts";

/** A context for which the IOTLB keeps nothing: domain ids start at 1. */
const NO_CONTEXT = 0;

/**
 * Translates the accesses that reach a {@linkcode TableRegion}, in one worker.
 *
 * It caches what each index is bound to, and reads it again when the log of invalidations has moved:
 * `bind` stores the binding, appends to the log, and waits for a grace period before a table can be
 * freed. So a cached offset is always that of a live table.
 */
export class TableTranslator extends IommuTranslator {
  readonly #words: Uint32Array;
  readonly #rcu: RcuKernel;
  readonly #kernel: Kernel;
  readonly #region: number;
  readonly #tables: Uint32Array; // by index: offset of the table's header, BLOCKED or BYPASS
  readonly #ids: Float64Array; // by index: the table's domain id
  #generation = -1;
  #domain = NO_CONTEXT;

  /**
   * Attaches to a region, whose handle was checked.
   *
   * @param context What this worker's translators share.
   * @param region Offset of the region's block.
   */
  constructor(context: TranslatorContext, region: number) {
    super(context);
    const { memory } = context;
    this.#words = memory.u32;
    this.#rcu = instantiateKernel(memory.memory);
    this.#kernel = kernelOf(memory.memory);
    this.#region = region;
    const indexes = REGION.indexes.get(memory.u32, region);
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
    if (id === undefined) return this.#refuseIndex(index);
    return id;
  }

  /** @internal */
  protected override walk(page: number, access: Access, index: number, entry: IotlbFields): number {
    const table = this.#tables[index]!;
    this.#domain = this.#ids[index]!;
    if (table === BLOCKED) return this.refuse("blocked");
    if (table === BYPASS) return this.#bypass(page, entry);
    const level = this.#kernel.walk(table, page);
    if (level < 0) return this.refuse("notMapped");
    const perm = this.#kernel.permissions();
    if ((access & ~perm) !== 0) {
      return this.refuse((access & ~perm) & 2 ? "writeDenied" : "readDenied");
    }
    entry.target = TABLE.target.get(this.#words, table);
    entry.iova = (page - page % SPAN[level]!) * PAGE_BYTES;
    entry.translated = this.#kernel.targetPage() * PAGE_BYTES;
    entry.addrMask = MASK[level]!;
    entry.perm = perm;
    return level;
  }

  #bypass(page: number, entry: IotlbFields): number {
    entry.target = REGION.target.get(this.#words, this.#region);
    entry.iova = entry.translated = (page - page % SPAN[MAX_LEAF_LEVEL]!) * PAGE_BYTES;
    entry.addrMask = MASK[MAX_LEAF_LEVEL]!;
    entry.perm = 3;
    return NOT_CACHED;
  }

  #refuseIndex(index: number): never {
    throw new IommuError("INVALID_INDEX", { index, count: this.#ids.length });
  }

  #readBindings(generation: number): void {
    for (let index = 0; index < this.#tables.length; index++) {
      const table = this.#rcu.load32(REGION.bindings.at(this.#region, index)) >>> 0;
      this.#tables[index] = table;
      // Plain: the header was written before the binding was stored, and never after.
      const isTable = table !== BLOCKED && table !== BYPASS;
      this.#ids[index] = isTable ? TABLE.id.get(this.#words, table) : NO_CONTEXT;
    }
    this.#generation = generation;
  }
}
