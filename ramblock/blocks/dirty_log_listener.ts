/**
 * Dirty logging that follows a flat view.
 *
 * @module
 */

import { ALL_CLIENTS } from "../dirty/dirty_clients.ts";
import type { RamSection } from "./ram_section.ts";

/** What the listener needs of the RAM: a `RamList` has it. */
interface LogSwitch {
  startLog(id: number, clients: number): void;
  stopLog(id: number, clients: number): void;
}

/**
 * Switches the dirty logging of RAM blocks when that of their regions changes: `GuestRam.write`, and
 * whoever marks pages by `GuestRam.logMaskOf`, then marks them for the clients that log. It has the
 * methods of a memory listener. Control context only.
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
 * const backing = { blockId: id, ramAddr: offset };
 * listener.logStart({
 *   region: { kind: "ram", romd: false, dirtyLogMask: mask, ram: backing },
 *   offsetWithinRegion: 0n,
 *   offsetWithinAddressSpace: 0xa0000n,
 *   size: 0x20000n,
 *   readonly: false,
 * }, 0, mask);
 * const guard = domain.register().lock();
 * assertEquals(ram.logMaskOf(ram.find(guard, offset)), mask);
 * guard.unlock();
 * ```
 */
export class DirtyLogListener {
  readonly #blocks: LogSwitch;

  /**
   * Creates a listener, to be registered where it is notified of all sections.
   *
   * @param blocks The RAM: a `RamList`.
   */
  constructor(blocks: LogSwitch) {
    this.#blocks = blocks;
  }

  /**
   * A section was added.
   *
   * @throws {RamBlockError} UNKNOWN_BLOCK if its RAM block was removed.
   */
  regionAdd(section: RamSection): void {
    if (section.region) this.#set(section, section.region.dirtyLogMask);
  }

  /**
   * Clients started to log writes.
   *
   * @throws {RamBlockError} UNKNOWN_BLOCK if the RAM block was removed.
   */
  logStart(section: RamSection, _oldMask: number, newMask: number): void {
    this.#set(section, newMask);
  }

  /**
   * Clients stopped logging writes.
   *
   * @throws {RamBlockError} UNKNOWN_BLOCK if the RAM block was removed.
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
