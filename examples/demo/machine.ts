/**
 * The control context's machine: QEMU's q35 after its firmware, its RAM blocks, and additions so
 * that everything can change: a flash memory, two pages that are swapped, an IOMMU.
 *
 * @module
 */

import { type AddressSpace, type MemoryRegion, MmioChannel, Topology } from "@guestmem/flatview";
import {
  buildMachine,
  compareViews,
  type Machine,
  type MachineRegion,
} from "@guestmem/flatview/machine";
import { liveViews } from "@guestmem/flatview/mtree";
import { type MappingTable, TableIommu, type TableRegion } from "@guestmem/iommu";
import { GuestRam, type RamBlock, RamList } from "@guestmem/ramblock";
import { MemslotListener, Memslots, ShadowMap } from "@guestmem/ramblock/memslots";
import { Arena, RcuDomain, Srcu } from "@guestmem/rcu";
import { SHADOW_ENTRIES } from "../lib/vcpu/slot_unit.ts";
import { fillWords, Key } from "./answers.ts";
import {
  BARS,
  DMA,
  FileId,
  FLASH_BYTES,
  HIGH_RAM,
  PlaceNumber,
  PLACES,
  TWINS,
  VGA,
  WORK,
} from "./places.ts";

const ARENA_BYTES = 64 << 20;
const RAM_BYTES = 2 ** 32;
/** Room for RAM that is added to QEMU's. */
const SPARE_BYTES = 64 << 20;
const PAGE = 4096;

/** A device's region, which answers `answerOf(key, origin + offset, size)`. */
export interface DeviceEntry {
  readonly region: number;
  readonly key: number;
  readonly origin: number;
  /** The key of words that are stored to it. */
  readonly writeKey: number;
}

/** The shared memory of a run. The machine is built later, when the devices' worker has started. */
export class Memory {
  readonly arena = Arena.create({ bytes: ARENA_BYTES, contexts: 128, label: "control" });
  readonly domain = RcuDomain.create(this.arena, { label: "machine" });
  readonly reader = this.domain.register({ label: "control" });
  readonly ram = GuestRam.create(this.domain, { bytes: RAM_BYTES });
  readonly blocks = new RamList(this.ram);
  readonly channel = MmioChannel.create(this.arena, { contexts: 128 });
  readonly iommu = new TableIommu({ arena: this.arena, domain: this.domain });
  readonly slots = Memslots.create(Srcu.create(this.arena, { readers: 128 }), { limit: 256 });

  /**
   * Creates the shadow maps that vCPUs will take over. A released map stays in the arena for reuse.
   */
  makeShadowMaps(count: number): void {
    const make = () => ShadowMap.create(this.slots, { entries: SHADOW_ENTRIES });
    for (const map of Array.from({ length: count }, make)) map.release();
  }
}

/** The machine, in the control context. */
export class DemoMachine {
  readonly topology: Topology;
  /** By the ids of the machine file. */
  readonly regions: ReadonlyMap<number, MemoryRegion>;
  readonly memory: AddressSpace;
  readonly ports: AddressSpace;
  /** A device's view of memory, behind the IOMMU. */
  readonly dma: AddressSpace;
  readonly dmaRegion: MemoryRegion;
  readonly iommuRegion: TableRegion;
  readonly table: MappingTable;
  readonly flash: MemoryRegion;
  readonly twins: readonly MemoryRegion[];
  /** The regions whose devices the devices' worker runs. */
  readonly devices: readonly DeviceEntry[];
  /**
   * Blocks of the arena in use when the machine had its RAM and nothing else. Blocks are counted,
   * not bytes: memory may be reused as a slightly larger block.
   */
  readonly #blocksBefore: number;
  /** Differences from the views that QEMU printed, before anything was added. */
  readonly differencesBefore: readonly string[];
  readonly #listener: MemslotListener;
  readonly #file: Machine;
  readonly #shared: Memory;
  readonly #fileBlocks: RamBlock[] = [];
  readonly #ownBlocks: RamBlock[] = [];
  readonly #extras: MemoryRegion[];

  /** @param devices Token of the context that runs the devices' callbacks. */
  constructor(file: Machine, shared: Memory, devices: number) {
    this.#file = file;
    this.#shared = shared;
    const { arena, domain, iommu } = shared;
    for (const { id, name, size } of file.regions.filter(hasRam)) {
      this.#fileBlocks.push(
        shared.blocks.addAnonymous({ name: `${name}#${id}`, length: Number(size) }),
      );
    }
    const blocks = new Map(
      file.regions.filter(hasRam).map(({ id }, i) => [id, this.#fileBlocks[i]!]),
    );
    // The dirty bitmaps grow to the largest RAM there was, and never shrink: grow them now.
    shared.blocks.remove(shared.blocks.addAnonymous({ name: "most", length: SPARE_BYTES }).id);
    domain.barrier();
    this.#blocksBefore = arena.stats().liveBlocks;
    this.topology = new Topology({ arena, domain, pageBits: file.pageBits });
    const built = this.topology.transaction(() => {
      const built = buildMachine(file, this.topology, ({ id }) => ({
        ram: backing(blocks.get(id)),
        options: { context: devices },
      }));
      for (const { name, root } of built.addressSpaces) {
        this.topology.createAddressSpace(name, root);
      }
      return built;
    });
    this.regions = built.regions;
    this.differencesBefore = this.differences();
    this.memory = this.#space("memory");
    this.ports = this.#space("I/O");
    this.#fill(blocks);

    const flash = this.#own("flash", FLASH_BYTES, Key.FLASH);
    this.flash = this.topology.initRomDevice("flash", FLASH_BYTES, flash, {}, { context: devices });
    this.twins = TWINS.map((_, index) => {
      const name = `twin ${index}`;
      return this.topology.initRam(name, PAGE, this.#own(name, PAGE, Key.TWINS + index));
    });
    this.dmaRegion = this.topology.initIommu("dma", 2n ** 48n, {
      translate: () => {
        throw new Error("The vCPUs translate for themselves");
      },
    });
    this.dma = this.topology.createAddressSpace("dma", this.dmaRegion);
    this.table = iommu.createTable();
    this.iommuRegion = iommu.createRegion({ name: "dma" });
    this.iommuRegion.bind(0, this.table.id);
    const system = this.region(FileId.SYSTEM);
    this.topology.transaction(() => {
      system.addSubregionOverlap(PLACES[PlaceNumber.FLASH]!.homes[0]!, this.flash, 1);
      this.twins.forEach((twin, i) => system.addSubregionOverlap(TWINS[i]!, twin, 1));
    });
    this.#listener = new MemslotListener(shared.slots, shared.blocks);
    this.topology.registerListener(this.#listener, this.memory);
    this.#extras = [this.flash, ...this.twins];
    this.devices = this.#devices();
  }

  /** A region by its id in the machine file. */
  region(id: number): MemoryRegion {
    return this.regions.get(id)!;
  }

  /** Differences from the views that QEMU printed. Meaningful without the additions only. */
  differences(): readonly string[] {
    return compareViews(liveViews(this.topology, true), this.#file.views).differences;
  }

  /** The views that QEMU printed. */
  get printedViews(): number {
    return this.#file.views.length;
  }

  /** Words of RAM at a ram_addr_t. The caller holds a reference to the block. */
  words(ramAddr: number, bytes: number): Int32Array {
    const { ram, reader } = this.#shared;
    const guard = reader.lock();
    try {
      const block = ram.find(guard, ramAddr);
      const window = ram.locate(block, ramAddr - ram.offsetOf(block));
      return window.i32.subarray(ram.at / 4, (ram.at + bytes) / 4);
    } finally {
      guard.unlock();
    }
  }

  /** Removes the additions to QEMU's machine. */
  removeExtras(): void {
    const { iommu, blocks, domain } = this.#shared;
    const system = this.region(FileId.SYSTEM);
    this.topology.transaction(() => this.#extras.forEach((extra) => system.delSubregion(extra)));
    this.dma.destroy();
    for (const region of [...this.#extras, this.dmaRegion]) region.destroy();
    for (const { id } of this.#ownBlocks) blocks.remove(id);
    iommu.destroyRegion(this.iommuRegion);
    iommu.destroyTable(this.table.id);
    domain.barrier();
  }

  /**
   * Removes the machine itself.
   *
   * @returns The number of arena blocks that were not freed.
   */
  close(): number {
    const { arena, blocks, domain } = this.#shared;
    this.topology.unregisterListener(this.#listener, this.memory);
    for (const space of this.topology.addressSpaces) space.destroy();
    this.topology.close();
    domain.barrier();
    const left = arena.stats().liveBlocks - this.#blocksBefore;
    for (const { id } of this.#fileBlocks) blocks.remove(id);
    domain.barrier();
    return left;
  }

  #space(name: string): AddressSpace {
    return this.topology.addressSpaces.find((space) => space.name === name)!;
  }

  #own(name: string, length: number, key: number): { blockId: number; ramAddr: number } {
    const block = this.#shared.blocks.addAnonymous({ name, length });
    this.#ownBlocks.push(block);
    fillWords(this.words(block.offset, length), key, 0);
    return backing(block)!;
  }

  /** Fills the memory that vCPUs will check. */
  #fill(blocks: ReadonlyMap<number, RamBlock>): void {
    const ram = blocks.get(FileId.RAM)!.offset;
    for (const from of WORK.from) {
      const offset = from < 2 ** 32 ? from : from - 2 ** 32 + HIGH_RAM;
      fillWords(this.words(ram + offset, WORK.pages * PAGE), Key.RAM, offset);
    }
    fillWords(this.words(ram + VGA.at, VGA.bytes), Key.HIDDEN_RAM, 0);
    DMA.targets.forEach((at, i) => fillWords(this.words(ram + at, PAGE), Key.DMA + i, 0));
    const { bytes } = PLACES[PlaceNumber.SHARED]!;
    fillWords(this.words(blocks.get(FileId.SHARED)!.offset, bytes), Key.SHARED, 0);
  }

  #devices(): DeviceEntry[] {
    const entries = this.#file.regions.filter(isDevice).map((source) => {
      const bar = BARS.find(({ id }) => this.#isIn(source, id));
      const key = bar?.id ?? source.id;
      const origin = bar === undefined || bar.id === source.id ? 0 : Number(source.addr);
      const writeKey = source.id === FileId.VGA_WINDOW ? Key.HIDDEN_RAM : key;
      return { region: this.region(source.id).id, key, origin, writeKey };
    });
    const flash = Key.FLASH_REGISTERS;
    return [...entries, { region: this.flash.id, key: flash, origin: 0, writeKey: flash }];
  }

  #isIn(source: MachineRegion, id: number): boolean {
    const bar = this.region(id);
    const region = this.region(source.id);
    return region === bar || region.container === bar;
  }
}

function hasRam(source: MachineRegion): boolean {
  return source.terminates && source.alias === null && source.kind !== "i/o";
}

function isDevice(source: MachineRegion): boolean {
  return source.terminates && source.alias === null && source.kind === "i/o";
}

function backing(block: RamBlock | undefined): { blockId: number; ramAddr: number } | undefined {
  return block && { blockId: block.id, ramAddr: block.offset };
}
