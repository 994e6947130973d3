/**
 * IOMMUs: every worker translates its device's accesses while the mappings change.
 *
 * A {@linkcode TableIommu} has domains; the mappings of each are made by calls, and are in a
 * {@linkcode MappingTable} in the arena. A {@linkcode GuestIommu} uses page tables in guest RAM: Intel
 * VT-d's ({@linkcode VtdWalker}) or RISC-V's ({@linkcode RiscvWalker}). Both have regions to put into
 * flatview's address spaces ({@linkcode IommuMemoryRegion}), and both notify followers of changes.
 *
 * Each worker attaches to an IOMMU with an {@linkcode IommuReader}, which has an IOTLB, and makes an
 * {@linkcode IommuTranslator} for each region. A translation and the use of its result are in one
 * read-side section; an unmapping is complete when no section is open that could still use the
 * mapping.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { IommuReader, IotlbEntry, TableIommu } from "@guestmem/iommu";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const iommu = new TableIommu({ arena, domain });
 * const table = iommu.createTable();
 * const nic = iommu.createRegion({ name: "nic" });
 * nic.bind(0, table.id);
 * table.map(0, 2 << 20, 0x4000_0000, 3); // one entry of 2 MiB
 *
 * // In the device's worker:
 * const reader = domain.register();
 * const translator = new IommuReader(arena, reader, iommu.handle).translator(nic.handle);
 * const entry = new IotlbEntry();
 * const guard = reader.lock();
 * if (translator.translate(0x12345, 2, 0, entry)) {
 *   assertEquals(entry.addressOf(0x12345), 0x4001_2345); // copy there before the section ends
 * }
 * guard.unlock();
 * ```
 *
 * @module
 */

export type { Mapping } from "./addresses/page_run.ts";
export { IommuError, type IommuErrorDetails } from "./errors/iommu_error.ts";
export { IommuFault } from "./faults/iommu_fault.ts";
export type { IommuRegionHandle } from "./handles/region_handle.ts";
export type { IommuHandle } from "./handles/unit_handle.ts";
export { IotlbEntry } from "./iotlb/iotlb_entry.ts";
export type { IommuEvent, IommuNotifier } from "./notify/iommu_notifier.ts";
export { ShadowMapping } from "./notify/shadow_mapping.ts";
export { BusMaster } from "./region/bus_master.ts";
export { IommuMemoryRegion } from "./region/iommu_memory_region.ts";
export { TableRegion } from "./region/table_region.ts";
export { MappingTable } from "./table/mapping_table.ts";
export { IommuReader } from "./translate/iommu_reader.ts";
export { IommuTranslator } from "./translate/iommu_translator.ts";
export { GuestIommu } from "./unit/guest_iommu.ts";
export { IommuUnit } from "./unit/iommu_unit.ts";
export { TableIommu } from "./unit/table_iommu.ts";
export { GuestTableWalker } from "./walker/guest_table_walker.ts";
export { RiscvWalker } from "./walker/riscv_walker.ts";
export { type TableMemory, TableWindow } from "./walker/table_memory.ts";
export { VtdWalker } from "./walker/vtd_walker.ts";
