/**
 * Translation through page tables in guest RAM, in any worker.
 *
 * @module
 */

import { instantiateKernel, type Kernel } from "@guestmem/rcu/internal";
import { IommuError } from "../errors/iommu_error.ts";
import type { Access } from "../faults/iommu_fault.ts";
import { REGION } from "../handles/region_handle.ts";
import { UNIT } from "../handles/unit_handle.ts";
import type { IotlbFields } from "../iotlb/iotlb_entry.ts";
import type { GuestTableWalker } from "../walker/guest_table_walker.ts";
import { IommuTranslator, type TranslatorContext } from "./iommu_translator.ts";

/** Translates the accesses that reach a {@linkcode GuestRegion}, in one worker. */
export class GuestTranslator extends IommuTranslator {
  readonly #kernel: Kernel;
  readonly #root: number;
  readonly #source: number;
  readonly #walker: GuestTableWalker;

  /**
   * Attaches to a region, whose handle was checked.
   *
   * @param context What this worker's translators share.
   * @param region Offset of the region's block.
   * @param walker This worker's walker, of the same format as the control context's.
   */
  constructor(context: TranslatorContext, region: number, walker: GuestTableWalker) {
    super(context);
    const { memory, unit } = context;
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
