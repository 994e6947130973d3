/**
 * A region whose accesses go through page tables in guest RAM.
 *
 * @module
 */

import { MAX_PAGES, PAGE_BYTES } from "../_pages.ts";
import { difference, type PageRun, RunList } from "../_runs.ts";
import type { IommuNotifier } from "../notify/notifier.ts";
import { IommuEntry } from "../translate/entry.ts";
import { IommuFault } from "../translate/fault.ts";
import { REGION, REGION_MAGIC } from "../unit/layout.ts";
import type { GuestTableWalker } from "../walker/walker.ts";
import { type FoundPage, IommuMemoryRegion, type IommuRegionOptions } from "./iommu_region.ts";
import type { IommuRegionHandle, RegionPlace } from "./table_region.ts";

/** Options of a region in front of guest tables. */
export interface GuestRegionOptions extends Omit<IommuRegionOptions, "indexes" | "attrsToIndex"> {
  /** The source id of the device: bus 15:8, device 7:3 and function 2:0, for PCI. 0 unless given. */
  readonly source?: number;
}

/** What a guest region needs of its unit. */
export interface GuestRegionPlace extends RegionPlace {
  /** The control context's walker. */
  readonly walker: GuestTableWalker;
  /** Whether the guest invalidates what it maps, too, so that mappings can be told of. */
  readonly cachingMode: boolean;
  /** Loads the root register. */
  root(): { low: number; high: number };
}

/**
 * See the module. Made by {@linkcode GuestIommu.createRegion}. Control context.
 *
 * The guest changes its tables without a word; it speaks when it invalidates. Then the region lists
 * what the tables map in the range, compares that with what its notifiers were told, and tells them
 * the difference. As QEMU's shadow page tables for VT-d.
 */
export class GuestRegion extends IommuMemoryRegion {
  /** What workers attach with. */
  readonly handle: IommuRegionHandle;
  readonly #place: GuestRegionPlace;
  readonly #source: number;
  readonly #entry = new IommuEntry();
  readonly #fault = new IommuFault();
  #told = new RunList();

  /**
   * @internal Made by {@linkcode GuestIommu.createRegion}.
   *
   * @param place Where it lives.
   * @param options Name and source id.
   * @throws {RangeError} If the source id has more than 16 bits.
   */
  constructor(place: GuestRegionPlace, options: GuestRegionOptions) {
    super(
      options,
      place.cachingMode ? ["map", "unmap", "deviceIotlbUnmap"] : ["unmap", "deviceIotlbUnmap"],
    );
    const source = options.source ?? 0;
    if (!Number.isInteger(source) || source < 0 || source > 0xffff) {
      throw new RangeError(
        `Cannot create region "${this.name}": a source id has 16 bits, ${source} is none`,
      );
    }
    const { arena, unit } = place;
    const offset = arena.allocate(REGION.bindings);
    arena.u32[(offset + REGION.magic) >>> 2] = REGION_MAGIC;
    arena.u32[(offset + REGION.indexes) >>> 2] = 1;
    arena.u32[(offset + REGION.source) >>> 2] = source;
    this.handle = { kind: "guestmem-iommu-region", unit, offset };
    this.#place = place;
    this.#source = source;
  }

  /** See {@linkcode IommuMemoryRegion.registerNotifier}. */
  override registerNotifier(notifier: IommuNotifier): void {
    const before = this.notifiers.wantsMappings;
    super.registerNotifier(notifier);
    if (!before && this.notifiers.wantsMappings) {
      this.#told = new RunList();
      for (const run of this.runsOf(0, 0, MAX_PAGES - 1)) this.#told.add(run);
    }
  }

  /** @internal */
  protected override toldRuns(_index: number, first: number, last: number): PageRun[] {
    return this.#told.within(first, last);
  }

  /** @internal The guest has invalidated a range: tells the notifiers what is different. */
  invalidated(first: number, last: number): void {
    if (!this.notifiers.wantsMappings) {
      this.notifiers.unmapped("unmap", 0, first, last);
      return;
    }
    const before = this.#told.within(first, last);
    const now = this.runsOf(0, first, last);
    const gone = difference(before, now);
    for (const run of gone) this.#told.remove(run.first, run.last);
    this.tellUnmapped(0, gone);
    for (const run of difference(now, before)) {
      this.#told.add(run);
      this.notifiers.mapped(0, run);
    }
  }

  /** @internal */
  protected override find(_index: number, page: number): FoundPage | null {
    const { low, high } = this.#place.root();
    const entry = this.#entry;
    const level = this.#place.walker.walk(low, high, this.#source, page, 0, entry, this.#fault);
    if (level < 0) return null;
    const first = entry.iova / PAGE_BYTES;
    const last = first + (entry.addrMask + 1) / PAGE_BYTES - 1;
    return { first, last, target: entry.translated / PAGE_BYTES, perm: entry.perm, level };
  }

  /** @internal */
  protected override runsOf(_index: number, first: number, last: number): PageRun[] {
    const { low, high } = this.#place.root();
    return this.#place.walker.list(low, high, this.#source, first, last, this.#fault);
  }
}
