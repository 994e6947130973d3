/**
 * The board: QEMU's `virt` as a topology of regions, and the RAM behind it. One context owns it, the
 * one that runs the devices.
 *
 * @module
 */

import type { AddressSpace, MemoryRegion, MemoryRegionOps, Topology } from "@guestmem/flatview";
import type { VirtualMachine } from "@guestmem/flatview/vm";
import type { GuestRamHandle, RamList } from "@guestmem/ramblock";
import { EMPTY_VIRTIO_SLOT } from "../devices/virtio_mmio_slot.ts";
import { UNASSIGNED_IO } from "../devices/unassigned_io.ts";
import { MEMORY_MAP, VIRTIO_SLOTS } from "../fdt/memory_map.ts";
import { hartAreaSize } from "../hart/hart.ts";

/** Pages of decoded instructions that a hart keeps: 20 KiB each, committed when touched. */
export const DECODED_PAGES = 512;

/** A window of guest RAM, and all that WebAssembly's 32-bit addresses reach. */
export const WINDOW_BYTES = 2 ** 32;

/** The devices' callbacks. */
export interface BoardOps {
  readonly testFinisher: MemoryRegionOps;
  readonly rtc: MemoryRegionOps;
  readonly software: MemoryRegionOps;
  readonly timer: MemoryRegionOps;
  readonly plic: MemoryRegionOps;
  readonly uart: MemoryRegionOps;
  readonly fwCfgData: MemoryRegionOps;
  readonly fwCfgControl: MemoryRegionOps;
  readonly fwCfgDma: MemoryRegionOps;
  readonly flash: readonly [MemoryRegionOps, MemoryRegionOps];
  readonly pciConfiguration: MemoryRegionOps;
}

/** A region with callbacks. */
export interface BoundRegion {
  readonly region: MemoryRegion;
  readonly ops: MemoryRegionOps;
}

/** What a machine is made of. */
export interface VirtMachineOptions {
  /** An empty machine. */
  readonly vm: VirtualMachine<GuestRamHandle>;
  /** Where its RAM is added. */
  readonly blocks: RamList;
  readonly harts: number;
  /** Bytes of RAM. */
  readonly memory: number;
  readonly ops: BoardOps;
}

/** The board. */
export class VirtMachine {
  readonly topology: Topology;
  /** The address space of devices. */
  readonly memory: AddressSpace;
  /** The address space of each hart. */
  readonly hartMemories: readonly AddressSpace[];
  /** All regions with callbacks. */
  readonly bound: readonly BoundRegion[];
  readonly flashes: readonly MemoryRegion[];
  /** The ram_addr_t of each flash. */
  readonly flashAddresses: readonly number[];
  /** The container of the PCI bus's memory. */
  readonly pciMemory: MemoryRegion;
  readonly #bound: BoundRegion[] = [];
  readonly #blocks: RamList;

  constructor(options: VirtMachineOptions) {
    const { vm, blocks, harts, memory, ops } = options;
    const { topology, system } = vm;
    this.topology = topology;
    this.memory = vm.memory;
    this.#blocks = blocks;
    this.pciMemory = topology.initContainer("gpex_mmio", 2n ** 64n);
    const ports = topology.initIo("io", 0x10000, UNASSIGNED_IO);
    this.#bind(ports, UNASSIGNED_IO);
    const flashes = ops.flash.map((one, index) => this.#flash(`virt.flash${index}`, one));
    this.flashes = flashes.map(({ region }) => region);
    this.flashAddresses = flashes.map(({ address }) => address);
    topology.transaction(() => {
      this.#addMemory(system, memory);
      this.#addDevices(system, ops);
      this.#addPciHost(system, ops);
    });
    topology.createAddressSpace("I/O", ports);
    this.#addBusMaster(system);
    this.hartMemories = Array.from(
      { length: harts },
      (_, hart) => topology.createAddressSpace(`cpu-memory-${hart}`, system),
    );
    this.bound = this.#bound;
  }

  #addMemory(system: MemoryRegion, bytes: number): void {
    const { topology } = this;
    const ram = topology.initRamBlock("riscv_virt_board.ram", bytes, this.#blocks);
    system.addSubregion(MEMORY_MAP.ram.base, ram);
    const { base, size } = MEMORY_MAP.rom;
    const name = "riscv_virt_board.mrom";
    const block = this.#blocks.addAnonymous({ name, length: size });
    const rom = topology.initRom(name, size, { blockId: block.id, ramAddr: block.offset });
    system.addSubregion(base, rom);
    this.flashes.forEach((flash, index) => {
      system.addSubregion(MEMORY_MAP.flash.base + index * MEMORY_MAP.flash.size / 2, flash);
    });
  }

  #flash(name: string, ops: MemoryRegionOps): { region: MemoryRegion; address: number } {
    const size = MEMORY_MAP.flash.size / 2;
    const block = this.#blocks.addAnonymous({ name, length: size });
    const backing = { blockId: block.id, ramAddr: block.offset };
    const region = this.topology.initRomDevice(name, size, backing, ops);
    this.#bind(region, ops);
    return { region, address: block.offset };
  }

  #addDevices(system: MemoryRegion, ops: BoardOps): void {
    const { testFinisher, rtc, software, timer, plic, uart, virtio, fwCfg } = MEMORY_MAP;
    const add = (name: string, base: number, size: number, callbacks: MemoryRegionOps) =>
      system.addSubregion(base, this.#io(name, size, callbacks));
    add("riscv.sifive.test", testFinisher.base, testFinisher.size, ops.testFinisher);
    add("goldfish_rtc", rtc.base, 0x24, ops.rtc);
    add("riscv.aclint.swi", software.base, software.size, ops.software);
    add("riscv.aclint.mtimer", timer.base, timer.size, ops.timer);
    add("riscv.sifive.plic", plic.base, plic.size, ops.plic);
    add("serial", uart.base, 8, ops.uart);
    for (let slot = 0; slot < VIRTIO_SLOTS; slot++) {
      add("virtio-mmio", virtio.base + slot * virtio.size, 0x200, EMPTY_VIRTIO_SLOT);
    }
    add("fwcfg.data", fwCfg.base, 8, ops.fwCfgData);
    add("fwcfg.ctl", fwCfg.base + 8, 2, ops.fwCfgControl);
    add("fwcfg.dma", fwCfg.base + 16, 8, ops.fwCfgDma);
    const { base, size } = MEMORY_MAP.platformBus;
    system.addSubregion(base, this.topology.initContainer("platform bus", size));
  }

  #addPciHost(system: MemoryRegion, ops: BoardOps): void {
    const { topology } = this;
    const { pciPorts, pciConfiguration, pciMemory, pciHighMemory } = MEMORY_MAP;
    const ports = this.#io("gpex_ioport_window", pciPorts.size, UNASSIGNED_IO);
    ports.addSubregion(0, topology.initContainer("gpex_ioport", pciPorts.size));
    system.addSubregion(pciPorts.base, ports);
    const window = this.#io("gpex_mmio_window", 2n ** 64n, UNASSIGNED_IO);
    window.addSubregion(0, this.pciMemory);
    const alias = (name: string, { base, size }: { base: number; size: number }) =>
      system.addSubregion(base, topology.initAlias(name, size, window, base));
    alias("pcie-mmio", pciMemory);
    alias("pcie-mmio-high", pciHighMemory);
    const { base, size } = pciConfiguration;
    const configuration = this.#io("pcie-mmcfg-mmio", size, ops.pciConfiguration);
    system.addSubregion(base, topology.initAlias("pcie-ecam", size, configuration, 0));
  }

  /** What the host bridge may reach as a bus master: nothing, until the guest lets it. */
  #addBusMaster(system: MemoryRegion): void {
    const { topology } = this;
    const container = topology.initContainer("bus master container", 2n ** 64n);
    const window = topology.initAlias("bus master", 2n ** 64n, system, 0);
    window.setEnabled(false);
    container.addSubregion(0, window);
    topology.createAddressSpace("gpex-root", container);
  }

  #io(name: string, size: number | bigint, ops: MemoryRegionOps): MemoryRegion {
    const region = this.topology.initIo(name, size, ops);
    this.#bind(region, ops);
    return region;
  }

  #bind(region: MemoryRegion, ops: MemoryRegionOps): void {
    this.#bound.push({ region, ops });
  }
}

/**
 * Adds the harts' state to guest RAM, where their kernel reaches both: in a block that no region shows.
 *
 * @returns Address of each hart's area in the first window. The blocks must have no other RAM yet, which
 * might leave no room there.
 */
export function addHartAreas(blocks: RamList, harts: number): number[] {
  const bytes = roundUp(hartAreaSize(DECODED_PAGES), 4096);
  const { offset } = blocks.addAnonymous({ name: "harts", length: harts * bytes });
  return Array.from({ length: harts }, (_, hart) => offset + hart * bytes);
}

/** The most RAM, in bytes, that fits beside the harts' state and the board's ROM and flash. */
export function largestMemory(harts: number): number {
  const { flash, rom } = MEMORY_MAP;
  // RAM blocks begin at multiples of 64 pages: so much may be lost before each.
  const others = harts * roundUp(hartAreaSize(DECODED_PAGES), 4096) + flash.size + rom.size;
  const MIB = 2 ** 20;
  return Math.floor((WINDOW_BYTES - others) / MIB - 2) * MIB;
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
