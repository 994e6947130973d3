/**
 * A small machine in shared memory: RAM, a device whose BAR moves, and a configuration that is
 * replaced. It runs wherever the packages do; the control context creates it.
 *
 * @module
 */

import { Topology } from "@guestmem/flatview";
import { GuestRam, RamList } from "@guestmem/ramblock";
import { Arena, RcuDomain, RcuPointer } from "@guestmem/rcu";
import { CONFIG, type VcpuData } from "./vcpu.ts";

const RAM_BYTES = 1 << 20;
const BAR_BYTES = 0x1000;
/** The addresses that the BAR moves between; both are above the RAM. */
export const BAR_HOMES = [0xfebf_0000, 0xe000_0000] as const;

/** The machine, in the control context. */
export class Machine {
  readonly arena: Arena;
  readonly domain: RcuDomain;
  readonly ram: GuestRam;
  readonly #config: RcuPointer;
  readonly #topology: Topology;
  readonly #bar;
  readonly #space;
  /** Words that all contexts share: stop, then one for each vCPU that has seen enough. */
  readonly control: Int32Array<SharedArrayBuffer>;
  #version = 1;

  /** @param vcpus How many vCPUs there will be. */
  constructor(vcpus: number) {
    this.arena = Arena.create({ bytes: 4 << 20, label: "control" });
    this.domain = RcuDomain.create(this.arena);
    this.ram = GuestRam.create(this.domain, { bytes: RAM_BYTES, windowBytes: RAM_BYTES });
    const block = new RamList(this.ram).addAnonymous({ name: "pc.ram", length: RAM_BYTES });

    this.#topology = new Topology({ arena: this.arena, domain: this.domain });
    const system = this.#topology.initContainer("system", 2n ** 64n);
    const backing = { blockId: block.id, ramAddr: block.offset };
    system.addSubregion(0, this.#topology.initRam("pc.ram", RAM_BYTES, backing));
    this.#bar = this.#topology.initIo("nic", BAR_BYTES, {});
    system.addSubregion(BAR_HOMES[0], this.#bar);
    this.#space = this.#topology.createAddressSpace("memory", system);

    this.#config = RcuPointer.create(this.arena, this.#newConfig());
    this.control = new Int32Array(new SharedArrayBuffer(4 * (1 + vcpus)));
  }

  /** What a vCPU's worker is started with. */
  dataOf(index: number): VcpuData {
    return {
      index,
      arena: this.arena.handle,
      domain: this.domain.handle,
      ram: this.ram.handle,
      space: this.#space.handle,
      config: this.#config.offset,
      bar: { region: this.#bar.id, homes: BAR_HOMES },
      control: this.control,
    };
  }

  /** Allocates a configuration whose words all hold the version's number. */
  #newConfig(): number {
    const config = this.arena.allocate(CONFIG.size);
    const version = this.#version++;
    for (let i = 0; i < CONFIG.words.length; i++) {
      CONFIG.words.set(this.arena.u32, config, i, version);
    }
    return config;
  }

  /** Publishes a new configuration and moves the BAR; the old memory is freed and reused. */
  change(): void {
    this.domain.deferFree(this.#config.exchange(this.#newConfig()));
    this.#bar.setAddress(BAR_HOMES[this.#version % 2]!);
  }

  /** Configurations published. */
  get versions(): number {
    return this.#version - 1;
  }

  /** Flat views built by the moves of the BAR, and those of them that are freed. */
  get views(): { built: number; freed: number } {
    const { built, freed } = this.#topology.stats;
    return { built, freed };
  }
}
