/**
 * Guest RAM in shared memory: QEMU's RAM blocks under RCU, and its dirty bitmaps.
 *
 * Every worker attaches to {@linkcode GuestRam}: windows of memory, and blocks in them that are found
 * by address, by name or by host address, inside a read-side section. The control context uses
 * {@linkcode RamList} to add, resize and remove blocks while readers go on; a removed block is
 * reclaimed, zeroed and used again once no reader can see it. {@linkcode DirtyMemory} records which
 * pages were written.
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
 * ram.dirty.collect(reader, DIRTY_CLIENT.MIGRATION); // a new block is all dirty
 * const guard = reader.lock();
 * ram.write(guard, offset + 0x3000, new TextEncoder().encode("boot"));
 * guard.unlock();
 * assertEquals([...ram.dirty.collect(reader, DIRTY_CLIENT.MIGRATION)], [3]); // may be copied now
 * ```
 *
 * @module
 */

export type { BackingFile } from "./blocks/backing_file.ts";
export type { BlockOptions } from "./blocks/block_options.ts";
export type { RamBlock } from "./blocks/block_record.ts";
export { DirtyLogListener } from "./blocks/dirty_log_listener.ts";
export { GuestRam } from "./blocks/guest_ram.ts";
export type { GuestRamHandle } from "./blocks/ram_core.ts";
export { RamList } from "./blocks/ram_list.ts";
export type { RamSection } from "./blocks/ram_section.ts";
export { DIRTY_CLIENT } from "./dirty/dirty_clients.ts";
export type { DirtyMemory } from "./dirty/dirty_memory.ts";
export type { DirtySnapshot } from "./dirty/dirty_snapshot.ts";
export { RamBlockError, type RamBlockErrorDetails } from "./errors/ramblock_error.ts";
export type { RamWindow } from "./windows/ram_window.ts";
