/**
 * A worker's access to an IOMMU: its IOTLB, and a translator for each region.
 *
 * @module
 */

import { type IommuRegionHandle, requireRegion } from "../handles/region_handle.ts";
import {
  type IdentifiedMemory,
  type IommuHandle,
  requireUnit,
  UNIT,
} from "../handles/unit_handle.ts";
import { InvalidationLog } from "../iotlb/invalidation_log.ts";
import { Iotlb } from "../iotlb/iotlb.ts";
import type { GuestTableWalker } from "../walker/guest_table_walker.ts";
import { GuestTranslator } from "./guest_translator.ts";
import type { IommuTranslator, TranslatorContext } from "./iommu_translator.ts";
import { TableTranslator } from "./table_translator.ts";

/**
 * A worker's access to an IOMMU. All translators of the worker for regions of this IOMMU share its
 * IOTLB. It belongs to the worker that made it.
 */
export class IommuReader {
  readonly #context: TranslatorContext;
  readonly #handle: IommuHandle;

  /**
   * Attaches this worker, with an empty IOTLB.
   *
   * @param memory The arena, as this worker attached to it.
   * @param reader This worker's reader in the domain that the IOMMU was created with.
   * @param handle The unit's `handle`.
   * @param options `iotlbEntries`: how many translations the IOTLB holds, rounded up to a power of
   * two; 256 unless given.
   * @throws {IommuError} `FOREIGN_HANDLE` if the handle does not name an IOMMU in this arena.
   */
  constructor(
    memory: IdentifiedMemory,
    reader: { readonly inSection: boolean },
    handle: IommuHandle,
    options: { readonly iotlbEntries?: number } = {},
  ) {
    requireUnit(memory, handle);
    const log = new InvalidationLog(memory, UNIT.log.at(handle.offset));
    const iotlb = new Iotlb(log, options.iotlbEntries);
    this.#context = { memory, reader, iotlb, unit: handle.offset };
    this.#handle = handle;
  }

  /**
   * Makes a translator for the accesses that reach a region.
   *
   * @param region The `handle` of a region of this IOMMU.
   * @param walker For a region of a {@linkcode GuestIommu}: a walker of this worker, of the same format as the
   * control context's.
   * @throws {IommuError} `FOREIGN_HANDLE` if the handle does not name a region of this IOMMU, or if a
   * walker is missing or superfluous.
   */
  translator(region: IommuRegionHandle, walker?: GuestTableWalker): IommuTranslator {
    const context = this.#context;
    requireRegion(context.memory, this.#handle, region, walker ? "guest" : "table");
    return walker
      ? new GuestTranslator(context, region.offset, walker)
      : new TableTranslator(context, region.offset);
  }
}
