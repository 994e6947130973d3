/**
 * Translation through page tables in guest RAM, in any worker.
 *
 * @module
 */

import type { SharedMemory } from "@guestmem/rcu";
import { instantiateKernel, type Kernel } from "@guestmem/rcu/internal";
import { IommuError } from "../errors/iommu_error.ts";
import type { Access } from "../faults/iommu_fault.ts";
import { REGION } from "../handles/region_handle.ts";
import { UNIT } from "../handles/unit_handle.ts";
import type { Iotlb } from "../iotlb/iotlb.ts";
import type { IotlbFields } from "../iotlb/iotlb_entry.ts";
import type { GuestTableWalker } from "../walker/guest_table_walker.ts";
import { IommuTranslator, type SectionState } from "./iommu_translator.ts";

/** Translates the accesses that reach a {@linkcode GuestRegion}, in one worker. */
export class GuestTranslator extends IommuTranslator {
  readonly #kernel: Kernel;
  readonly #root: number;
  readonly #source: number;
  readonly #walker: GuestTableWalker;

  /**
   * Attaches to a region, whose handle was checked.
   *
   * @param memory The arena.
   * @param reader Whether this worker is in a section.
   * @param iotlb This worker's IOTLB.
   * @param unit Offset of the unit's block.
   * @param region Offset of the region's block.
   * @param walker This worker's walker, of the same format as the control context's.
   */
  constructor(
    memory: SharedMemory,
    reader: SectionState,
    iotlb: Iotlb,
    unit: number,
    region: number,
    walker: GuestTableWalker,
  ) {
    super(reader, iotlb);
    this.#kernel = instantiateKernel(memory.memory);
    this.#root = UNIT.root.at(unit);
    this.#source = REGION.source.get(memory.u32, region);
    this.#walker = walker;
  }

  /** @internal */
  protected override get domain(): number {
    return this.#walker.domain;
  }

  /** @internal */
  protected override contextOf(index: number): number {
    if (index !== 0) throw new IommuError("INVALID_INDEX", { index, count: 1 });
    return this.#source;
  }

  /** @internal */
  protected override walk(
    page: number,
    access: Access,
    _index: number,
    entry: IotlbFields,
  ): number {
    const low = this.#kernel.pairLoad(this.#root) >>> 0;
    const high = this.#kernel.pairSecond() >>> 0;
    return this.#walker.walk(low, high, this.#source, page, access, entry, this.fault);
  }
}
