/**
 * The radix page map of an address space and its dispatch, in shared memory: QEMU's `PhysPageMap`
 * and `AddressSpaceDispatch`. One context builds a map; every worker looks up addresses in it.
 *
 * A map contains numbers only: ranges of addresses, ids of regions, offsets in regions. Once built it
 * is immutable, one block of the arena. The caller publishes its offset, and frees the block after a
 * grace period.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { MapGenerations, PhysMapBuilder, PhysMapReader } from "@guestmem/physmap";
 * import { assert } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const generations = MapGenerations.create(arena);
 *
 * const builder = new PhysMapBuilder({ pageBits: 12 });
 * builder.add(0x0000_0000, 0x07ff_ffff, 0, 1); // 128 MiB of RAM
 * builder.add(0xfee0_0000, 0xfee0_0fff, 0, 2); // a page of registers
 * const dispatch = builder.finish(arena, generations.next());
 *
 * const reader = new PhysMapReader(arena); // in any worker
 * const section = reader.section(dispatch, 0xfee0_0030);
 * assert(reader.region(section) === 2);
 * assert(reader.offset(section, 0xfee0_0030) === 0x30);
 * ```
 *
 * @module
 */

export { MapGenerations } from "./build/map_generations.ts";
export { PhysMapBuilder } from "./build/phys_map_builder.ts";
export { AddressSpaceDispatch } from "./dump/address_space_dispatch.ts";
export { dumpDispatch } from "./dump/dump_dispatch.ts";
export { PhysMapError, type PhysMapErrorDetails } from "./errors/physmap_error.ts";
export { NO_REGION } from "./kernel/layouts.ts";
export { LookupBatch } from "./lookup/lookup_batch.ts";
export { PhysMapReader } from "./lookup/phys_map_reader.ts";
