/**
 * The block of an IOMMU region in the arena, and the handle that names it.
 *
 * @module
 */

import type { SharedMemory } from "@guestmem/rcu";
import { array, defineLayout } from "@guestmem/rcu/layout";
import { IommuError } from "../errors/iommu_error.ts";
import type { IommuHandle } from "./unit_handle.ts";

/** The block of a region. */
export const REGION = defineLayout({
  /** {@linkcode REGION_MAGIC} of the region's kind. */
  magic: "u32",
  /** How many IOMMU indexes the region has. */
  indexes: "u32",
  /** Number of the address space that accesses go on in under {@linkcode BYPASS}. */
  target: "u32",
  /** Source id of the device in front of guest tables. */
  source: "u32",
  /** A word for each index: the offset of a table's header, or one of the two values below. */
  bindings: array("u32", 0),
});

/** Marks the block of a region, by what translates its accesses. */
export const REGION_MAGIC = {
  /** Mapping tables. */
  table: 0x696f6d72,
  /** Page tables of the guest. */
  guest: 0x696f6d67,
} as const;

/** A binding under which every access is refused. */
export const BLOCKED = 0;
/** A binding under which addresses pass unchanged. */
export const BYPASS = 1;

/** What a worker attaches to a region with. Structured-cloneable. */
export interface IommuRegionHandle {
  /** Distinguishes it from other handles. */
  readonly kind: "guestmem-iommu-region";
  /** The unit. */
  readonly unit: IommuHandle;
  /** Offset of the region's block. */
  readonly offset: number;
}

/** Throws unless a handle names a region of a unit, with accesses translated as `by` says. */
export function requireRegion(
  memory: SharedMemory,
  unit: IommuHandle,
  handle: IommuRegionHandle,
  by: keyof typeof REGION_MAGIC,
): void {
  const fail = (reason: string) =>
    new IommuError("FOREIGN_HANDLE", { action: "attach to an IOMMU region", reason });
  if (handle?.kind !== "guestmem-iommu-region") throw fail("this is not the handle of one");
  if (handle.unit.offset !== unit.offset || handle.unit.arena !== unit.arena) {
    throw fail("it belongs to another IOMMU");
  }
  const magic = REGION.magic.get(memory.u32, handle.offset);
  if (magic === REGION_MAGIC[by]) return;
  if (magic === REGION_MAGIC.guest) {
    throw fail("its accesses go through page tables of the guest, which needs a walker");
  }
  if (magic === REGION_MAGIC.table) {
    throw fail("its accesses go through mapping tables, not through a walker");
  }
  throw fail(`there is none at 0x${handle.offset.toString(16)}`);
}
