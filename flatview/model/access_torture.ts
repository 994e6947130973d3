/**
 * A machine whose map never rests, and what may be seen of it: the control side of the torture of
 * accesses. Each slot of the map shows a version: a page of RAM full of the version's number, or,
 * every fifth time, nothing. A page is poisoned once the grace period of the commit that took it away
 * is over, and looked at before it is used again.
 */
import type { RcuDomain } from "@guestmem/rcu";
import type { FlatMemory } from "./flat_memory.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { Topology } from "../topology/topology.ts";

/** Where the slots lie: below and above 4 GiB. */
export const SLOTS: readonly number[] = [0x10_0000, 0x10_1000, 2 ** 32 + 0x10_0000, 2 ** 33];
/**
 * Where the devices may lie: of this worker, and of the control context. The latter's four bytes may end
 * where the first slot begins: an access at {@linkcode SPLIT} has half of it from each.
 */
export const PLACES = { inPlace: [0x20_0000, 0x20_1000], remote: [0xf_fffc, 0x30_2000] } as const;
/** Two bytes before the first slot. */
export const SPLIT = 0xf_fffe;
/** What the control context's device answers. */
export const REMOTE = 0xfa2;
/** Bugs to plant: entries that outlive their map; a split access that resolves all its pieces first. */
export type Plant = "none" | "stale TLB" | "early piece";
/** Where the flash lies, what its memory holds, and what its callbacks answer. */
export const FLASH = { at: 0x40_5000, direct: 0xf1a5, ops: 0x0d0d } as const;
/** Words at the start of a page that hold the version; behind them each worker has its own. */
export const VERSION_WORDS = 64;
/** What a page holds while nobody may access it. */
export const POISON = 0x6b6b6b6b;

/** Words that control and workers share. */
export const Shared = {
  /** Not 0: the workers are to stop. */
  STOP: 0,
  /** AccessGuards that workers have been through. */
  SECTIONS: 1,
  /** Not 0: the in-place device is unplugged, and its grace period is over. */
  IN_PLACE_DEAD: 2,
  /** For each slot the oldest version that may still be seen. */
  FLOOR: 4,
  /** For each slot the newest that may be seen already. */
  CEILING: 8,
  /** How often the flash has changed between memory and callbacks, grace period included. */
  FLASH_FLOOR: 12,
  /** The same with the change that may be seen already. It began as memory. */
  FLASH_CEILING: 13,
  /** Loads from the flash that were wrong. */
  FLASH_WRONG: 14,
  /** Workers that have seen the flash as it was at first. */
  READY: 15,
  /** Split accesses that were wrong. */
  SPLIT_WRONG: 16,
  /** How many there are. */
  WORDS: 17,
} as const;

/** Whether a version shows nothing. */
export const isHole = (version: number): boolean => version % 5 === 0;

const PAGE_WORDS = 1024;
/** Pages that slots show in turn; the flash has the one behind them. */
const PAGES = 12;

/** The control side. */
export class AccessTorture {
  /** What went wrong here. */
  readonly faults: string[] = [];
  /** The device whose callbacks every worker has. */
  readonly inPlace: MemoryRegion;
  /** The device whose callbacks this context has. */
  readonly remote: MemoryRegion;
  /** A ROM device whose callbacks every worker has. */
  readonly flash: MemoryRegion;
  readonly system: MemoryRegion;
  readonly #topology: Topology;
  readonly #domain: RcuDomain;
  readonly #shared: Int32Array;
  readonly #words: Int32Array;
  readonly #flashWords: Int32Array;
  readonly #free: number[];
  readonly #shown: (MemoryRegion | null)[] = SLOTS.map(() => null);
  readonly #version = SLOTS.map(() => 0);

  constructor(
    topology: Topology,
    domain: RcuDomain,
    memory: FlatMemory,
    shared: Int32Array,
  ) {
    this.#topology = topology;
    this.#domain = domain;
    this.#shared = shared;
    this.#words = memory.locate(16, 0).i32;
    this.#free = Array.from({ length: PAGES }, (_, page) => page);
    this.#words.fill(POISON);
    this.#flashWords = this.#words.subarray(PAGES * PAGE_WORDS, (PAGES + 1) * PAGE_WORDS);
    this.#flashWords.fill(FLASH.direct);
    this.system = topology.initContainer("system", 2n ** 64n);
    this.inPlace = topology.initIo("in place", 4, {});
    this.remote = topology.initIo("remote", 4, {});
    const backing = { blockId: 1, ramAddr: PAGES * 0x1000 };
    this.flash = topology.initRomDevice("flash", 0x1000, backing, {});
    this.system.addSubregion(FLASH.at, this.flash);
    this.system.addSubregion(PLACES.inPlace[0], this.inPlace);
    this.system.addSubregion(PLACES.remote[0], this.remote);
  }

  /** Whether the remote device is in the map. */
  get isPlugged(): boolean {
    return this.remote.container !== null;
  }

  /** One change and its grace period. */
  change(step: number): void {
    if (step % 7 === 4) this.#toggleFlash();
    else if (step % 7 === 5) this.#plug(this.inPlace, PLACES.inPlace, Shared.IN_PLACE_DEAD, step);
    else if (step % 7 === 6) this.#plug(this.remote, PLACES.remote, null, step);
    else this.#replace(step % SLOTS.length, step);
  }

  /** Moves a device, or unplugs it and plugs it in again at the next call. */
  #plug(
    device: MemoryRegion,
    [here, there]: readonly [number, number],
    dead: number | null,
    step: number,
  ): void {
    if (device.container === null) {
      if (dead !== null) Atomics.store(this.#shared, dead, 0);
      this.system.addSubregion(here, device);
    } else if (step % 3 === 0) {
      this.system.delSubregion(device);
      this.#domain.synchronize();
      if (dead !== null) Atomics.store(this.#shared, dead, 1);
    } else device.setAddress(device.addr === BigInt(here) ? there : here);
  }

  /** Turns the flash from memory into a device that answers reads, or back. */
  #toggleFlash(): void {
    Atomics.add(this.#shared, Shared.FLASH_CEILING, 1);
    this.flash.setRomd(!this.flash.romd);
    this.#domain.synchronize();
    Atomics.add(this.#shared, Shared.FLASH_FLOOR, 1);
    if (this.#flashWords.some((word) => word !== FLASH.direct)) {
      this.faults.push("a store to the flash reached its memory");
    }
  }

  #replace(slot: number, step: number): void {
    const version = ++this.#version[slot]!;
    const page = isHole(version) ? null : this.#fill(version);
    const old = this.#shown[slot]!;
    const next = page === null ? null : this.#topology.initRam(`v${version}`, 0x1000, {
      blockId: 1,
      ramAddr: page * 0x1000,
    });
    Atomics.store(this.#shared, Shared.CEILING + slot, version);
    this.#topology.transaction(() => {
      if (old !== null) this.system.delSubregion(old);
      if (next !== null) this.system.addSubregion(SLOTS[slot]!, next);
      if (step % 3 === 0) next?.setReadonly(true);
    });
    this.#shown[slot] = next;
    this.#domain.synchronize();
    Atomics.store(this.#shared, Shared.FLOOR + slot, version);
    if (old === null) return;
    const oldPage = Number(old.ram!.ramAddr) / 0x1000;
    this.#words.fill(POISON, oldPage * PAGE_WORDS, (oldPage + 1) * PAGE_WORDS);
    this.#free.push(oldPage);
    old.destroy();
  }

  /** Takes a page, which must be as it was left, for a version. */
  #fill(version: number): number {
    const page = this.#free.shift()!;
    const words = this.#words.subarray(page * PAGE_WORDS, (page + 1) * PAGE_WORDS);
    if (words.some((word) => word !== POISON)) {
      this.faults.push("a store reached a page after its grace period");
    }
    words.fill(0).fill(version, 0, VERSION_WORDS);
    return page;
  }
}
