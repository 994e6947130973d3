/**
 * A region whose accesses go through page tables in guest RAM.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import { difference, type LeafRun, type PageRun } from "../addresses/page_run.ts";
import { MAX_PAGES, PAGE_BYTES } from "../addresses/pages.ts";
import { RunList } from "../addresses/run_list.ts";
import { IommuFault } from "../faults/iommu_fault.ts";
import { type IommuRegionHandle, REGION, REGION_MAGIC } from "../handles/region_handle.ts";
import type { IommuHandle } from "../handles/unit_handle.ts";
import { IotlbEntry } from "../iotlb/iotlb_entry.ts";
import type { IommuNotifier } from "../notify/iommu_notifier.ts";
import type { GuestTableWalker } from "../walker/guest_table_walker.ts";
import { IommuMemoryRegion } from "./iommu_memory_region.ts";

/** The guest's tables, as the unit gives them to its regions. */
export interface GuestTables {
  /** The control context's walker. */
  readonly walker: GuestTableWalker;
  /** Whether the guest also invalidates what it maps, so that mappings can be reported. */
  readonly cachingMode: boolean;
  /** Loads the root register. */
  root(): { low: number; high: number };
}

/**
 * A region in front of guest tables. From {@linkcode GuestIommu.createRegion}. Control context.
 *
 * The guest changes its tables without notice and speaks only when it invalidates. Then the region
 * lists what the tables map in the range, compares that with what its notifiers know, and notifies
 * them of the difference: QEMU's shadow page tables for VT-d.
 */
export class GuestRegion extends IommuMemoryRegion {
  /** What workers attach with. */
  override readonly handle: IommuRegionHandle;
  readonly #tables: GuestTables;
  readonly #source: number;
  readonly #entry = new IotlbEntry();
  readonly #fault = new IommuFault();
  /** What the notifiers know. Kept only while one follows mappings. */
  #notified = new RunList();

  /**
   * @internal From {@linkcode GuestIommu.createRegion}.
   *
   * @param arena Where its block is allocated.
   * @param unit The unit's handle.
   * @param tables The guest's tables.
   * @param options Name and source id.
   * @throws {RangeError} If the source id has more than 16 bits.
   */
  constructor(
    arena: BlockAllocator,
    unit: IommuHandle,
    tables: GuestTables,
    options: { readonly name: string; readonly targetRoot?: unknown; readonly source?: number },
  ) {
    super(
      options,
      tables.cachingMode ? ["map", "unmap", "deviceIotlbUnmap"] : ["unmap", "deviceIotlbUnmap"],
    );
    const source = options.source ?? 0;
    if (!Number.isInteger(source) || source < 0 || source > 0xffff) {
      throw new RangeError(
        `Cannot create region "${this.name}": the source id must have at most 16 bits and is ${source}`,
      );
    }
    const offset = arena.allocate(REGION.size);
    REGION.magic.set(arena.u32, offset, REGION_MAGIC.guest);
    REGION.indexes.set(arena.u32, offset, 1);
    REGION.source.set(arena.u32, offset, source);
    this.handle = { kind: "guestmem-iommu-region", unit, offset };
    this.#tables = tables;
    this.#source = source;
  }

  /** See {@linkcode IommuMemoryRegion.registerNotifier}. */
  override registerNotifier(notifier: IommuNotifier): void {
    const followed = this.notifiers.followsMappings;
    super.registerNotifier(notifier);
    if (followed || !this.notifiers.followsMappings) return;
    this.#notified = new RunList();
    for (const run of this.runsOf(0, 0, MAX_PAGES - 1)) this.#notified.add(run);
  }

  /** @internal */
  protected override notifiedRuns(_index: number, first: number, last: number): PageRun[] {
    return this.#notified.within(first, last);
  }

  /** @internal The guest has invalidated a range: notifies of what changed in it. */
  notifyInvalidated(first: number, last: number): void {
    if (!this.notifiers.followsMappings) {
      this.notifiers.notifyUnmapped("unmap", 0, first, last);
      return;
    }
    const before = this.#notified.within(first, last);
    const now = this.runsOf(0, first, last);
    const gone = difference(before, now);
    for (const run of gone) this.#notified.remove(run.first, run.last);
    this.notifyUnmapped(0, gone);
    for (const run of difference(now, before)) {
      this.#notified.add(run);
      this.notifiers.notifyMapped(0, run);
    }
  }

  /** @internal */
  protected override find(_index: number, page: number): LeafRun | null {
    const { low, high } = this.#tables.root();
    const entry = this.#entry;
    const level = this.#tables.walker.walk(low, high, this.#source, page, 0, entry, this.#fault);
    if (level < 0) return null;
    const first = entry.iova / PAGE_BYTES;
    const last = first + (entry.addrMask + 1) / PAGE_BYTES - 1;
    return { first, last, target: entry.translated / PAGE_BYTES, perm: entry.perm, level };
  }

  /** @internal */
  protected override runsOf(_index: number, first: number, last: number): PageRun[] {
    const { low, high } = this.#tables.root();
    return this.#tables.walker.list(low, high, this.#source, first, last, this.#fault);
  }
}
