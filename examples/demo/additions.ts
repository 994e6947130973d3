/**
 * What QEMU's machine is given so that everything can change: a flash memory, two pages that are
 * swapped, and a device's address space behind an IOMMU.
 *
 * @module
 */

import type { AddressSpace, MemoryRegion, Topology } from "@guestmem/flatview";
import type { MappingTable, TableRegion } from "@guestmem/iommu";
import type { RamBlock } from "@guestmem/ramblock";
import { fillWords, Key } from "./answers.ts";
import type { Memory } from "./memory.ts";
import { FLASH_BYTES, PlaceNumber, PLACES, TWINS } from "./places.ts";

const PAGE = 4096;

/** The additions, in the control context. */
export class Additions {
  readonly flash: MemoryRegion;
  /** The pages that are swapped. */
  readonly twins: readonly MemoryRegion[];
  /** A device's view of memory, behind the IOMMU. */
  readonly dma: AddressSpace;
  readonly dmaRegion: MemoryRegion;
  readonly iommuRegion: TableRegion;
  readonly table: MappingTable;
  readonly #topology: Topology;
  readonly #system: MemoryRegion;
  readonly #memory: Memory;
  readonly #blocks: RamBlock[] = [];

  /**
   * Adds them to a machine.
   *
   * @param system The container of system memory.
   * @param context Token of the context that runs the devices' callbacks.
   */
  constructor(topology: Topology, system: MemoryRegion, memory: Memory, context: number) {
    this.#topology = topology;
    this.#system = system;
    this.#memory = memory;
    const content = this.#addBlock("flash", FLASH_BYTES, Key.FLASH);
    this.flash = topology.initRomDevice("flash", FLASH_BYTES, content, {}, { context });
    this.twins = TWINS.map((_, index) => {
      const name = `twin ${index}`;
      return topology.initRam(name, PAGE, this.#addBlock(name, PAGE, Key.TWINS + index));
    });
    this.dmaRegion = topology.initIommu("dma", 2n ** 48n, {
      translate: () => {
        throw new Error("The vCPUs translate for themselves");
      },
    });
    this.dma = topology.createAddressSpace("dma", this.dmaRegion);
    this.table = memory.iommu.createTable();
    this.iommuRegion = memory.iommu.createRegion({ name: "dma" });
    this.iommuRegion.bind(0, this.table.id);
    topology.transaction(() => {
      system.addSubregionOverlap(PLACES[PlaceNumber.FLASH]!.homes[0]!, this.flash, 1);
      this.twins.forEach((twin, i) => system.addSubregionOverlap(TWINS[i]!, twin, 1));
    });
  }

  /** Removes them. */
  remove(): void {
    const { iommu, blocks, domain } = this.#memory;
    const mapped = [this.flash, ...this.twins];
    this.#topology.transaction(() => mapped.forEach((region) => this.#system.delSubregion(region)));
    this.dma.destroy();
    for (const region of [...mapped, this.dmaRegion]) region.destroy();
    for (const { id } of this.#blocks) blocks.remove(id);
    iommu.destroyRegion(this.iommuRegion);
    iommu.destroyTable(this.table.id);
    domain.barrier();
  }

  /** Adds a RAM block with the words of a key. @returns The backing of a region. */
  #addBlock(name: string, length: number, key: number): { blockId: number; ramAddr: number } {
    const block = this.#memory.blocks.addAnonymous({ name, length });
    this.#blocks.push(block);
    fillWords(this.#memory.words(block.offset, length), key, 0);
    return { blockId: block.id, ramAddr: block.offset };
  }
}
