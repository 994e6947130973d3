/**
 * The control context's machine: QEMU's q35 after its firmware, its RAM blocks, and the additions.
 *
 * @module
 */

import { type AddressSpace, type MemoryRegion, Topology } from "@guestmem/flatview";
import {
  buildMachine,
  compareViews,
  type Machine,
  type MachineRegion,
} from "@guestmem/flatview/machine";
import { liveViews } from "@guestmem/flatview/mtree";
import type { RamBlock } from "@guestmem/ramblock";
import { MemslotListener } from "@guestmem/ramblock/memslots";
import { Additions } from "./additions.ts";
import { fillWords, Key } from "./answers.ts";
import type { Memory } from "./memory.ts";
import { BARS, DMA, FileId, HIGH_RAM, PlaceNumber, PLACES, VGA, WORK } from "./places.ts";

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

/** The machine, in the control context. */
export class DemoMachine {
  readonly topology: Topology;
  readonly additions: Additions;
  readonly memory: AddressSpace;
  readonly ports: AddressSpace;
  /** The regions whose devices the devices' worker runs. */
  readonly devices: readonly DeviceEntry[];
  /** Differences from the views that QEMU printed, before anything was added. */
  readonly differencesBefore: readonly string[];
  /** By the ids of the machine file. */
  readonly #regions: ReadonlyMap<number, MemoryRegion>;
  /** The file's RAM blocks, by the ids of their regions there. */
  readonly #blocks: ReadonlyMap<number, RamBlock>;
  /**
   * Blocks of the arena in use when the machine had its RAM and nothing else. Blocks are counted,
   * not bytes: memory may be reused as a slightly larger block.
   */
  readonly #blocksBefore: number;
  readonly #listener: MemslotListener;
  readonly #file: Machine;
  readonly #shared: Memory;

  /** @param devices Token of the context that runs the devices' callbacks. */
  constructor(file: Machine, shared: Memory, devices: number) {
    this.#file = file;
    this.#shared = shared;
    const { arena, domain } = shared;
    this.#blocks = this.#addBlocks();
    this.#blocksBefore = arena.stats().liveBlocks;
    this.topology = new Topology({ arena, domain, pageBits: file.pageBits });
    this.#regions = this.#build(devices);
    this.differencesBefore = this.differences();
    this.memory = this.#space("memory");
    this.ports = this.#space("I/O");
    this.#fill();
    this.additions = new Additions(this.topology, this.region(FileId.SYSTEM), shared, devices);
    this.#listener = new MemslotListener(shared.slots, shared.blocks);
    this.topology.registerListener(this.#listener, this.memory);
    this.devices = this.#devices();
  }

  /** A region by its id in the machine file. */
  region(id: number): MemoryRegion {
    return this.#regions.get(id)!;
  }

  /** Differences from the views that QEMU printed. Meaningful without the additions only. */
  differences(): readonly string[] {
    return compareViews(liveViews(this.topology, true), this.#file.views).differences;
  }

  /** The views that QEMU printed. */
  get printedViews(): number {
    return this.#file.views.length;
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
    for (const { id } of this.#blocks.values()) blocks.remove(id);
    domain.barrier();
    return left;
  }

  #addBlocks(): ReadonlyMap<number, RamBlock> {
    const { blocks, domain } = this.#shared;
    const added = this.#file.regions.filter(hasRam).map(({ id, name, size }) => {
      const length = Number(size);
      return [id, blocks.addAnonymous({ name: `${name}#${id}`, length })] as const;
    });
    // The dirty bitmaps grow to the largest RAM there was, and never shrink: grow them now.
    blocks.remove(blocks.addAnonymous({ name: "most", length: SPARE_BYTES }).id);
    domain.barrier();
    return new Map(added);
  }

  #build(context: number): ReadonlyMap<number, MemoryRegion> {
    return this.topology.transaction(() => {
      const { regions, addressSpaces } = buildMachine(this.#file, this.topology, ({ id }) => {
        const block = this.#blocks.get(id);
        const ram = block && { blockId: block.id, ramAddr: block.offset };
        return { ram, options: { context } };
      });
      for (const { name, root } of addressSpaces) this.topology.createAddressSpace(name, root);
      return regions;
    });
  }

  #space(name: string): AddressSpace {
    return this.topology.addressSpaces.find((space) => space.name === name)!;
  }

  /** Fills the memory that vCPUs will check. */
  #fill(): void {
    const fill = (ramAddr: number, bytes: number, key: number, offset = 0) =>
      fillWords(this.#shared.words(ramAddr, bytes), key, offset);
    const ram = this.#blocks.get(FileId.RAM)!.offset;
    for (const from of WORK.from) {
      const offset = from < 2 ** 32 ? from : from - 2 ** 32 + HIGH_RAM;
      fill(ram + offset, WORK.pages * PAGE, Key.RAM, offset);
    }
    fill(ram + VGA.at, VGA.bytes, Key.HIDDEN_RAM);
    DMA.targets.forEach((at, i) => fill(ram + at, PAGE, Key.DMA + i));
    const { bytes } = PLACES[PlaceNumber.SHARED]!;
    fill(this.#blocks.get(FileId.SHARED)!.offset, bytes, Key.SHARED);
  }

  #devices(): DeviceEntry[] {
    const entries = this.#file.regions.filter(isDevice).map((source) => {
      const bar = BARS.find(({ id }) => this.#isIn(source, id));
      const key = bar?.id ?? source.id;
      const origin = bar === undefined || bar.id === source.id ? 0 : Number(source.addr);
      const writeKey = source.id === FileId.VGA_WINDOW ? Key.HIDDEN_RAM : key;
      return { region: this.region(source.id).id, key, origin, writeKey };
    });
    const key = Key.FLASH_REGISTERS;
    return [...entries, { region: this.additions.flash.id, key, origin: 0, writeKey: key }];
  }

  #isIn(source: MachineRegion, id: number): boolean {
    const bar = this.region(id);
    const region = this.region(source.id);
    return region === bar || region.container === bar;
  }
}

function hasRam(source: MachineRegion): boolean {
  return source.terminates && source.alias === null && !isIo(source);
}

function isDevice(source: MachineRegion): boolean {
  return source.terminates && source.alias === null && isIo(source);
}

/** QEMU 11.1 prints `container` for an I/O region that lies in no other region. */
function isIo({ kind }: MachineRegion): boolean {
  return kind === "i/o" || kind === "container";
}
