/**
 * What those who access memory through an IOMMU ask, in any worker.
 *
 * @module
 */

import type { Access, IommuAnswer } from "./entry.ts";
import type { IommuFault } from "./fault.ts";

/** Figures of a translator's IOTLB and of its faults, of this context alone. */
export interface TranslationStats {
  /** Translations that the IOTLB answered. */
  readonly hits: number;
  /** Translations that needed a walk. */
  readonly misses: number;
  /** Entries that made room for others. */
  readonly evictions: number;
  /** Invalidations of a range that this context took note of. */
  readonly rangeInvalidations: number;
  /** Invalidations of a whole domain. */
  readonly domainInvalidations: number;
  /** Invalidations of everything, with those where too many had been missed to go through. */
  readonly fullInvalidations: number;
}

/**
 * Translates the accesses that reach an IOMMU region, in one worker. A worker makes one for each
 * region that it accesses memory through, and registers it by the region's id.
 *
 * Whoever calls it is inside a read-side section of the domain that the IOMMU's unit was created
 * with, and stays inside until it has used the result: an unmapping is complete once every section
 * that was open when it was made has ended.
 */
export interface IommuTranslator {
  /**
   * Translates an address. Allocates nothing (but for what a `bigint` costs).
   *
   * @param address The offset in the IOMMU region; as a number at most 2^53 - 1.
   * @param access What the access wants: 1 read, 2 write, 3 both, 0 to ask without wanting anything.
   * @param iommuIndex The IOMMU index of the access.
   * @param entry Takes the answer.
   * @returns Whether the access is allowed. If not, the entry's `perm` is 0 and `fault` says why.
   * @throws {OutsideSectionError} Outside a read-side section.
   * @throws {IommuAddressError} If the address is not an integer in range.
   * @throws {IommuIndexError} If the region has no such index.
   */
  translate(
    address: number | bigint,
    access: Access,
    iommuIndex: number,
    entry: IommuAnswer,
  ): boolean;
  /** What it counted. */
  readonly stats: TranslationStats;
  /** Called at each fault, inside the section, with an object that is used again. */
  onFault: ((fault: IommuFault) => void) | null;
}
