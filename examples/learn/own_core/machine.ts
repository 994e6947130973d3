/**
 * The control side: RAM, a device, a BAR that moves and two DIMMs that take turns in one socket.
 *
 * @module
 */

import { type MemoryRegion, MmioChannel, Topology } from "@guestmem/flatview";
import { GuestRam, RamList } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { CORE_BYTES } from "./core.ts";
import { BAR, DEVICE, DIMM, OUT, POISON, PROGRAM, RAM_BYTES } from "./program.ts";

const DIMM_BYTES = 0x1_0000;
const BAR_BYTES = 0x1000;
const BLOCKS = 4 << 20;

/** A DIMM: its memory, and the region that shows it when it is plugged in. */
interface Dimm {
  readonly words: BigUint64Array;
  readonly region: MemoryRegion;
}

/** The machine. One context owns it. */
export class Machine {
  readonly arena: Arena = Arena.create({ bytes: 4 << 20 });
  readonly domain: RcuDomain = RcuDomain.create(this.arena);
  /** One window, which holds all memory of the guest, and the core's area. */
  readonly ram: GuestRam = GuestRam.create(this.domain, { bytes: BLOCKS, windowBytes: BLOCKS });
  readonly channel: MmioChannel = MmioChannel.create(this.arena);
  readonly topology: Topology = new Topology({ arena: this.arena, domain: this.domain });
  readonly system: MemoryRegion = this.topology.initContainer("system", 2n ** 64n);
  readonly memory = this.topology.createAddressSpace("memory", this.system);
  readonly device: MemoryRegion = this.topology.initIo("device", 0x1000, {});
  /** The RAM that holds the program and what it puts out. */
  readonly low: MemoryRegion;
  /** Address of the core's area in the window: a block that no region shows. */
  readonly area: number;
  /** Stores that reached a DIMM after it was unplugged and its grace period was over. */
  strays = 0;
  /** DIMMs plugged in. */
  plugged = 0;
  readonly #blocks = new RamList(this.ram);
  readonly #out: BigUint64Array;
  readonly #bar: MemoryRegion;
  readonly #dimms: readonly Dimm[];

  /** Puts the program in RAM and plugs the first DIMM in. */
  constructor() {
    const { topology, system } = this;
    const ram = this.#add("ram", RAM_BYTES);
    this.low = ram.region;
    new Uint32Array(ram.bytes.buffer, ram.bytes.byteOffset).set(PROGRAM);
    this.#out = new BigUint64Array(ram.bytes.buffer, ram.bytes.byteOffset + OUT, 2);
    this.area = this.#blocks.addAnonymous({ name: "core", length: CORE_PAGES }).offset;
    const vram = this.#add("vram", BAR_BYTES);
    vram.bytes[0] = 1;
    this.#bar = vram.region;
    this.#dimms = [0, 1].map((number) => {
      const { bytes, region } = this.#add(`dimm${number}`, DIMM_BYTES);
      const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
      words.fill(POISON);
      return { words, region };
    });
    topology.transaction(() => {
      system.addSubregion(0, ram.region);
      system.addSubregion(DEVICE, this.device);
      system.addSubregion(BAR, this.#bar);
    });
    this.plug();
  }

  /** Rounds that the guest has gone. */
  get rounds(): number {
    return Number(Atomics.load(this.#out, 0));
  }

  /** Loads from a DIMM that gave what was in its memory after it had been unplugged. */
  get stale(): number {
    return Number(Atomics.load(this.#out, 1));
  }

  /** Plugs the other DIMM in. Nobody may have stored to its memory since that was spoiled. */
  plug(): void {
    const { words, region } = this.#dimms[++this.plugged % 2]!;
    this.strays += words.filter((word) => word !== POISON).length;
    words.fill(BigInt(this.plugged));
    this.system.addSubregion(DIMM, region);
  }

  /** Unplugs the DIMM. */
  unplug(): void {
    this.system.delSubregion(this.#dimms[this.plugged % 2]!.region);
  }

  /** Uses the memory of the DIMM that was unplugged for something else; a grace period later. */
  spoil(): void {
    this.#dimms[this.plugged % 2]!.words.fill(POISON);
  }

  /** Moves the BAR. */
  moveBar(): void {
    this.#bar.setAddress(this.#bar.addr === BigInt(BAR) ? BAR + BAR_BYTES : BAR);
  }

  /** Adds a block, and the region that shows it. */
  #add(name: string, length: number) {
    const { id, offset } = this.#blocks.addAnonymous({ name, length });
    const buffer = this.ram.handle.windows[0]!.buffer;
    const region = this.topology.initRam(name, length, { blockId: id, ramAddr: offset });
    return { bytes: new Uint8Array(buffer, offset, length), region };
  }
}

/** The core's area in whole pages. */
const CORE_PAGES = Math.ceil(CORE_BYTES / 4096) * 4096;
