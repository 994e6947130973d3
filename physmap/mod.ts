/**
 * The radix page map of an address space and its dispatch, in shared memory: QEMU's `PhysPageMap`
 * and `AddressSpaceDispatch`. One context builds a map; every worker looks addresses up in it.
 *
 * A map knows numbers only: ranges of addresses, ids of regions, offsets in regions. Once built it
 * is immutable, one block of the arena. To publish its offset and to free the block after a grace
 * period is the caller's part.
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

export { LookupBatch } from "./batch.ts";
export { PhysMapBuilder, type PhysMapBuilderOptions } from "./builder.ts";
export { AddressSpaceDispatch, type SectionInfo } from "./dispatch.ts";
export { dumpDispatch, type DumpLabels } from "./dump.ts";
export {
  BuilderStateError,
  InvalidAddressError,
  InvalidGenerationError,
  InvertedRangeError,
  NotADispatchError,
  OffsetPrecisionError,
  RangeOverflowError,
  TooManyNodesError,
  TooManySectionsError,
} from "./errors.ts";
export { MapGenerations } from "./generation.ts";
export {
  CALLER_FLAGS,
  dispatchBytes,
  HEADER,
  NO_REGION,
  SECTION,
  SECTION_BYTES,
} from "./layout.ts";
export { PhysMapReader } from "./lookup.ts";
