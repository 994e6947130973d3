/**
 * Guest RAM in shared memory: QEMU's RAM blocks under RCU, and its dirty bitmaps.
 *
 * {@linkcode GuestRam} is what every worker attaches to: windows of memory, and blocks in them that
 * are found by address, by name or by host position, inside a read-side section. {@linkcode RamList}
 * is the control context's: it adds, resizes and removes blocks while the readers go on; what is
 * removed is reclaimed, zeroed and used again once no reader can see it. {@linkcode DirtyMemory} says
 * which pages were written.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { DIRTY_CLIENT, GuestRam, RamList } from "@guestmem/ramblock";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const ram = GuestRam.create(domain, { bytes: 2 ** 32 });
 * const blocks = new RamList(ram);
 * const { id, offset } = blocks.addAnonymous({ name: "pc.ram", length: 2 ** 30 });
 * blocks.startLog(id, 1 << DIRTY_CLIENT.MIGRATION);
 *
 * // In any worker that was posted `arena.handle` and `ram.handle`:
 * const reader = domain.register();
 * const section = reader.lock();
 * ram.dirty.snapshotAndClear(section, DIRTY_CLIENT.MIGRATION, offset, 2 ** 30);
 * ram.write(section, offset + 0x3000, new TextEncoder().encode("boot"));
 * const dirty = ram.dirty.snapshotAndClear(section, DIRTY_CLIENT.MIGRATION, offset, 2 ** 30);
 * assertEquals([...dirty], [3]);
 * section.unlock();
 * ```
 *
 * @module
 */

export type { BackingFile } from "./blocks/backing_file.ts";
export type { GuestRamHandle, GuestRamOptions } from "./blocks/core.ts";
export { GuestRam, type ViewType } from "./blocks/guest_ram.ts";
export type { RamBlockKind } from "./blocks/layout.ts";
export type {
  BlockOptions,
  BufferOptions,
  ExternalOptions,
  FileOptions,
} from "./blocks/block_options.ts";
export { RamList } from "./blocks/ram_list.ts";
export type { RamBlock } from "./blocks/records.ts";
export type { RamRegion, RamSection } from "./blocks/section.ts";
export { DirtyMemory } from "./dirty/dirty_memory.ts";
export { ALL_CLIENTS, DIRTY_CLIENT, type DirtyClient } from "./dirty/layout.ts";
export { DirtyLogListener } from "./dirty/listener.ts";
export { DirtySnapshot } from "./dirty/snapshot.ts";
export {
  BackingFileError,
  BufferNotAttachedError,
  DirtyRangeError,
  DuplicateNameError,
  ForeignBlockError,
  ForeignRamError,
  InvalidAddressError,
  InvalidBufferError,
  InvalidLengthError,
  InvalidNameError,
  OutOfRamBlockError,
  RamExhaustedError,
  ReclaimError,
  ResizeError,
  ShortFileError,
  UnknownBlockError,
  WindowBoundaryError,
  WindowReservationError,
} from "./errors.ts";
export type { GuestMemory } from "./windows/guest_memory.ts";
