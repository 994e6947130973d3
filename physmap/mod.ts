/**
 * The radix page map of an address space, in shared memory: QEMU's `PhysPageMap`, in versions that
 * share what they have in common. One context makes versions; every worker looks up addresses.
 *
 * A map contains numbers only: ranges of addresses, ids of regions, offsets in regions. A version that
 * is finished never changes. The caller publishes its offset, and frees it after a grace period.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { MapGenerations, PhysMap, PhysMapReader } from "@guestmem/physmap";
 * import { assert } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const map = new PhysMap(arena, MapGenerations.create(arena), { pageBits: 12 });
 *
 * const edit = map.edit();
 * edit.map(0x0000_0000, 0x07ff_ffff, 0, 1); // 128 MiB of RAM
 * edit.map(0xfee0_0000, 0xfee0_0fff, 0, 2); // a page of registers
 * const dispatch = edit.finish();
 *
 * const reader = new PhysMapReader(arena); // in any worker
 * const section = reader.section(dispatch, 0xfee0_0030);
 * assert(reader.region(section) === 2);
 * assert(reader.offset(section, 0xfee0_0030) === 0x30);
 * ```
 *
 * @module
 */

export { QemuDispatch } from "./dump/qemu_dispatch.ts";
export { PhysMapError, type PhysMapErrorDetails } from "./errors/physmap_error.ts";
export { NO_REGION, SECTION } from "./kernel/layouts.ts";
export { LookupBatch } from "./lookup/lookup_batch.ts";
export { PhysMapReader } from "./lookup/phys_map_reader.ts";
export { MapGenerations } from "./versions/map_generations.ts";
export { PhysMap } from "./versions/phys_map.ts";
export type { PhysMapEdit } from "./versions/phys_map_edit.ts";
