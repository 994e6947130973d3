/**
 * Dirty logging that follows a flat view.
 *
 * @module
 */

import { ALL_CLIENTS, CLIENTS } from "../dirty/dirty_clients.ts";
import { RamBlockError } from "../errors/ramblock_error.ts";
import type { RamSection } from "./ram_section.ts";

/** What the listener needs of the RAM: a `RamList` has it. */
interface LogSwitch {
  startLog(id: number, clients: number): void;
  stopLog(id: number, clients: number): void;
}

/**
 * Switches the dirty logging of RAM blocks when that of their regions changes: `GuestRam.write`, and
 * whoever marks pages by `GuestRam.logMaskOf`, then marks them for the clients that log. A block logs
 * for a client while any section over it does. It has the methods of a memory listener; nobody else
 * may switch the logging of these blocks. Control context only.
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
  /** The clients that log each section, by its address; sections that nobody logs are left out. */
  readonly #masks: Map<bigint, number> = new Map();
  /** How many sections of a block log for each client. */
  readonly #users: Map<number, number[]> = new Map();

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
    this.#set(section, section.region?.dirtyLogMask ?? 0);
  }

  /** A section was deleted. Its block may have been removed before: then there is no log to end. */
  regionDel(section: RamSection): void {
    try {
      this.#set(section, 0);
    } catch (error) {
      if (!(error instanceof RamBlockError && error.code === "UNKNOWN_BLOCK")) throw error;
    }
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

  /** The clients that log a section, as bits, from now on. */
  #set({ region, offsetWithinAddressSpace: address }: RamSection, clients: number): void {
    if (!region?.ram) return;
    const { blockId } = region.ram;
    const was = this.#masks.get(address) ?? 0;
    const is = clients & ALL_CLIENTS;
    if (is === 0) this.#masks.delete(address);
    else this.#masks.set(address, is);
    const [first, last] = [this.#count(blockId, is & ~was, 1), this.#count(blockId, was & ~is, -1)];
    if (first !== 0) this.#blocks.startLog(blockId, first);
    if (last !== 0) this.#blocks.stopLog(blockId, last);
  }

  /**
   * Counts a section of a block for some clients. A block may have several sections: those of two
   * regions over it, or the parts of one.
   *
   * @returns The clients that this gave their first section, or took their last one.
   */
  #count(block: number, clients: number, change: 1 | -1): number {
    const users = this.#users.get(block) ?? Array<number>(CLIENTS).fill(0);
    this.#users.set(block, users);
    let switched = 0;
    for (let client = 0; client < CLIENTS; client++) {
      if ((clients & 1 << client) === 0) continue;
      users[client]! += change;
      if (users[client] === (change === 1 ? 1 : 0)) switched |= 1 << client;
    }
    if (users.every((count) => count === 0)) this.#users.delete(block);
    return switched;
  }
}
