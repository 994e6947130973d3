/**
 * IOMMUs: the translation of devices' accesses, which every worker can do while the mappings change.
 *
 * A {@linkcode TableIommu} has domains whose mappings are made by calls and lie in the arena, in a
 * {@linkcode MappingTable} each. A {@linkcode GuestIommu} goes by page tables in guest RAM: Intel
 * VT-d's ({@linkcode VtdWalker}) or RISC-V's ({@linkcode RiscvWalker}). Both have regions, to be put
 * into flatview's address spaces ({@linkcode IommuMemoryRegion}), and both tell notifiers of changes.
 *
 * Each worker has a translator for each region ({@linkcode IommuTranslator}) with an IOTLB in front
 * of it. Translation and the use of its result lie in one read-side section; an unmapping is complete
 * when no section is open that could still use the mapping.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { IommuEntry, IommuReader, TableIommu, TableTranslator } from "@guestmem/iommu";
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
 * const translator = new TableTranslator(new IommuReader(arena, reader, iommu.handle), nic.handle);
 * const entry = new IommuEntry();
 * const section = reader.lock();
 * if (translator.translate(0x12345, 2, 0, entry)) {
 *   assertEquals(entry.addressOf(0x12345), 0x4001_2345); // copy to there, before the section ends
 * }
 * section.unlock();
 * ```
 *
 * @module
 */

export type { Mapping } from "./_runs.ts";
export {
  DomainInUseError,
  ForeignIommuError,
  InvalidPermissionError,
  IommuAddressError,
  IommuChainError,
  IommuIndexError,
  MappingLimitError,
  NotifierError,
  OutsideSectionError,
  OverlapError,
  RangeBeyondError,
  ShadowConflictError,
  UnalignedError,
  UnknownDomainError,
} from "./errors.ts";
export { type IommuEvent, type IommuNotifier, type NotifierKind } from "./notify/notifier.ts";
export { type DmaContainer, ShadowMapping } from "./notify/shadow_mapping.ts";
export { BusMaster, type BusMasterOptions } from "./region/bus_master.ts";
export { GuestRegion, type GuestRegionOptions } from "./region/guest_region.ts";
export { IommuMemoryRegion, type IommuRegionOptions } from "./region/iommu_region.ts";
export {
  type Binding,
  type IommuRegionHandle,
  TableRegion,
  type TableRegionOptions,
} from "./region/table_region.ts";
export { MappingTable, type TableStats } from "./table/mapping_table.ts";
export { CachedTranslator } from "./translate/cached_translator.ts";
export { type Access, type IommuAnswer, IommuEntry } from "./translate/entry.ts";
export { CONTEXT_LEVEL, type FaultKind, IommuFault, ROOT_LEVEL } from "./translate/fault.ts";
export { GuestTranslator } from "./translate/guest_translator.ts";
export { IommuReader, type IommuReaderOptions } from "./translate/reader.ts";
export { TableTranslator } from "./translate/table_translator.ts";
export type { IommuTranslator, TranslationStats } from "./translate/translator.ts";
export { GuestIommu, type GuestIommuOptions } from "./unit/guest_iommu.ts";
export { TableIommu, type TableOptions } from "./unit/table_iommu.ts";
export { type Invalidation, type IommuHandle, type IommuOptions, IommuUnit } from "./unit/unit.ts";
export { type GuestMemory, GuestWindow } from "./walker/guest_memory.ts";
export { type RiscvOptions, RiscvWalker } from "./walker/riscv.ts";
export { VTD_ENABLED, vtdFaultReason, type VtdOptions, VtdWalker } from "./walker/vtd.ts";
export { GuestTableWalker, type WalkerOptions } from "./walker/walker.ts";
