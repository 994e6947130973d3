/**
 * What one worker has of an IOMMU: its IOTLB, and the sections that make translations good.
 *
 * @module
 */

import type { Arena, RcuReader } from "@guestmem/rcu";
import { ForeignIommuError } from "../errors.ts";
import { InvalidationLog } from "../iotlb/invalidations.ts";
import { Iotlb } from "../iotlb/iotlb.ts";
import { MAGIC, REGION, REGION_MAGIC, UNIT } from "../unit/layout.ts";
import type { IommuRegionHandle } from "../region/table_region.ts";
import type { IommuHandle } from "../unit/unit.ts";

/** Options of {@linkcode IommuReader}. */
export interface IommuReaderOptions {
  /** How many translations the IOTLB holds, rounded up to a power of two; 256 unless given. */
  readonly iotlbEntries?: number;
}

/**
 * A worker's access to an IOMMU. All translators of the worker for regions of this IOMMU share its
 * IOTLB. It belongs to the worker that made it.
 */
export class IommuReader {
  /** The arena, as this worker attached to it. */
  readonly arena: Arena;
  /** This worker's reader in the domain that the unit was created with. */
  readonly reader: RcuReader;
  /** Offset of the unit's block. */
  readonly offset: number;
  /** @internal This worker's IOTLB. */
  readonly iotlb: Iotlb;

  /**
   * Makes this worker's IOTLB, with nothing in it.
   *
   * @param arena The arena, as this worker attached to it.
   * @param reader This worker's reader in the domain that the unit was created with.
   * @param handle The unit's `handle`.
   * @param options Size of the IOTLB.
   * @throws {ForeignIommuError} If the handle names no IOMMU of this arena.
   */
  constructor(
    arena: Arena,
    reader: RcuReader,
    handle: IommuHandle,
    options: IommuReaderOptions = {},
  ) {
    checkUnit(arena, handle);
    this.arena = arena;
    this.reader = reader;
    this.offset = handle.offset;
    const log = new InvalidationLog(arena, handle.offset + UNIT.log);
    this.iotlb = new Iotlb(log, options.iotlbEntries);
  }
}

/** Throws unless a handle names a unit of an arena. */
function checkUnit(arena: Arena, handle: IommuHandle): void {
  if (handle?.kind !== "guestmem-iommu") {
    throw new ForeignIommuError("an IOMMU", "it is no handle of one");
  }
  if (handle.arena !== arena.handle.id) {
    throw new ForeignIommuError("an IOMMU", "it lies in another arena");
  }
  if (arena.u32[(handle.offset + UNIT.magic) >>> 2] !== MAGIC) {
    throw new ForeignIommuError("an IOMMU", `none lies at 0x${handle.offset.toString(16)}`);
  }
}

/** Throws unless a handle names a region of a unit. */
export function checkRegion({ arena, offset }: IommuReader, handle: IommuRegionHandle): void {
  const fail = (reason: string) => new ForeignIommuError("an IOMMU region", reason);
  if (handle?.kind !== "guestmem-iommu-region") throw fail("it is no handle of one");
  if (handle.unit.offset !== offset || handle.unit.arena !== arena.handle.id) {
    throw fail("it belongs to another IOMMU");
  }
  if (arena.u32[(handle.offset + REGION.magic) >>> 2] !== REGION_MAGIC) {
    throw fail(`none lies at 0x${handle.offset.toString(16)}`);
  }
}
