/**
 * The topology of guest memory, as QEMU's `memory.c` has it: regions that contain and show one
 * another, the flat views that follow from them, and their publication to readers in any worker.
 *
 * One control context owns a {@linkcode Topology} and changes it in transactions. What an address
 * space shows is published as a {@linkcode FlatView} in shared memory; readers find the region of an
 * address through an {@linkcode AddressSpaceReader} and never wait. {@linkcode MemoryAccess} is what a
 * vCPU or a device uses: loads and stores, TLBs, mappings, and callbacks in whatever worker they live.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { AddressSpaceReader, Topology } from "@guestmem/flatview";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 22 });
 * const domain = RcuDomain.create(arena);
 * const topology = new Topology({ arena, domain });
 *
 * const system = topology.initContainer("system", 2n ** 64n);
 * const ram = topology.initRam("ram", 0x800_0000, { blockId: 1, ramAddr: 0n });
 * const bar = topology.initIo("bar", 0x1000, {});
 * system.addSubregion(0, ram);
 * system.addSubregionOverlap(0xfebf_0000, bar, 1);
 * const memory = topology.createAddressSpace("memory", system);
 *
 * const reader = domain.register();
 * const space = AddressSpaceReader.attach(arena, memory.handle);
 * const guard = reader.lock();
 * assertEquals(space.region(space.lookup(guard, 0xfebf_0010)), bar.id);
 * guard.unlock();
 *
 * bar.setAddress(0xfebe_0000); // one step for every reader
 * ```
 *
 * @module
 */

export {
  FlatViewError,
  type FlatViewErrorDetails,
  ListenerError,
} from "./errors/flat_view_error.ts";
export type { Address } from "./region/address.ts";
export type { MemoryRegion, RegionOptions } from "./region/memory_region.ts";
export { dirtyLogMask, RangeFlag } from "./region/range_flags.ts";
export type { RamBlocks } from "./region/region_block.ts";
export type { IommuOps, MemoryRegionOps, MemTxAttrs, RamBacking } from "./region/region_ops.ts";
export type { FlatRange } from "./render/flat_range.ts";
export { AddressSpace, type AddressSpaceHandle } from "./view/address_space.ts";
export { AddressSpaceReader, UNASSIGNED } from "./view/address_space_reader.ts";
export { EventNotifier } from "./view/event_notifier.ts";
export { FlatView } from "./view/flat_view.ts";
export type { MemoryListener, MemoryRegionSection } from "./view/memory_listener.ts";
export { Topology } from "./topology/topology.ts";
export { MemTxResult } from "./access/device/mem_tx_result.ts";
export type { GuestMapping } from "./access/guest_mapping.ts";
export type { GuestMemory, RamWindow } from "./access/guest_memory.ts";
export { GuestSpace } from "./access/guest_space.ts";
export { MemoryAccess } from "./access/memory_access.ts";
export { MemoryRegionCache } from "./access/memory_region_cache.ts";
export { MmioChannel, type MmioChannelHandle } from "./access/mmio/mmio_channel.ts";
export type { RegionTranslator } from "./access/region_translator.ts";
export { Translation } from "./access/translation.ts";
