/**
 * Dirty logging that follows a flat view.
 *
 * @module
 */

import type { RamList } from "../blocks/ram_list.ts";
import type { RamSection } from "../blocks/section.ts";
import { ALL_CLIENTS } from "./layout.ts";

/**
 * Switches the dirty logging of RAM blocks as the regions in front of them log: whoever writes with
 * `GuestRam.write`, or marks with `GuestRam.logMaskOf`, then marks for the clients that log. It has
 * the methods of a memory listener. Control context only.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { DIRTY_CLIENT, DirtyLogListener, GuestRam, RamList } from "@guestmem/ramblock";
 * import { assertEquals } from "@std/assert";
 *
 * const domain = RcuDomain.create(Arena.create({ bytes: 1 << 20 }));
 * const ram = GuestRam.create(domain, { bytes: 1 << 24 });
 * const blocks = new RamList(ram);
 * const { id, offset } = blocks.addAnonymous({ name: "vga.vram", length: 1 << 20 });
 * const listener = new DirtyLogListener(blocks);
 *
 * const mask = 1 << DIRTY_CLIENT.VGA;
 * const backing = { blockId: id, ramAddr: BigInt(offset) };
 * listener.logStart({
 *   region: { kind: "ram", romd: false, dirtyLogMask: mask, ram: backing },
 *   offsetWithinRegion: 0n,
 *   offsetWithinAddressSpace: 0xa0000n,
 *   size: 0x20000n,
 *   readonly: false,
 * }, 0, mask);
 * const section = domain.register().lock();
 * assertEquals(ram.logMaskOf(ram.find(section, offset)), mask);
 * section.unlock();
 * ```
 */
export class DirtyLogListener {
  readonly #blocks: RamList;

  /**
   * Follows from now on: register it where it is told of all sections.
   *
   * @param blocks The RAM.
   */
  constructor(blocks: RamList) {
    this.#blocks = blocks;
  }

  /**
   * A section is new.
   *
   * @throws {UnknownBlockError} If its RAM block was removed.
   */
  regionAdd(section: RamSection): void {
    if (section.region) this.#set(section, section.region.dirtyLogMask);
  }

  /**
   * Clients began to log writes.
   *
   * @throws {UnknownBlockError} If the RAM block was removed.
   */
  logStart(section: RamSection, _oldMask: number, newMask: number): void {
    this.#set(section, newMask);
  }

  /**
   * Clients ceased to log writes.
   *
   * @throws {UnknownBlockError} If the RAM block was removed.
   */
  logStop(section: RamSection, _oldMask: number, newMask: number): void {
    this.#set(section, newMask);
  }

  #set({ region }: RamSection, mask: number): void {
    if (!region?.ram) return;
    this.#blocks.startLog(region.ram.blockId, mask);
    this.#blocks.stopLog(region.ram.blockId, ALL_CLIENTS & ~mask);
  }
}
