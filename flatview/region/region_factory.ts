import type { Topology } from "../topology/topology.ts";
import { editable } from "./edit.ts";
import { MemoryRegion, type RegionNature, type RegionOptions } from "./memory_region.ts";
import type { IommuOps, MemoryRegionOps, RamBacking } from "./region_ops.ts";
import { type Address, toAddress, toSize } from "./address.ts";

/** The part of a {@linkcode Topology} that makes regions: QEMU's `memory_region_init_...` functions. */
export abstract class RegionFactory {
  #nextId = 1;

  /** A pure container: it shows its subregions and nothing of its own. */
  initContainer(name: string, size: Address, options: RegionOptions = {}): MemoryRegion {
    return this.#create(name, size, { kind: "container" }, options);
  }

  /** RAM. */
  initRam(
    name: string,
    size: Address,
    ram: RamBacking,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "ram", ram }, options);
  }

  /** ROM: RAM that the guest cannot write. */
  initRom(
    name: string,
    size: Address,
    ram: RamBacking,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "rom", ram }, options);
  }

  /** A ROM device: in romd mode reads are direct and writes go to the callbacks, else both do. */
  initRomDevice(
    name: string,
    size: Address,
    ram: RamBacking,
    ops: MemoryRegionOps,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "romDevice", ram, ops }, options);
  }

  /** A RAM device: a device's memory that is accessed through callbacks only. */
  initRamDevice(
    name: string,
    size: Address,
    ram: RamBacking,
    ops: MemoryRegionOps,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "ramDevice", ram, ops }, options);
  }

  /** Registers of a device: every access goes to the callbacks. */
  initIo(
    name: string,
    size: Address,
    ops: MemoryRegionOps,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "io", ops }, options);
  }

  /** A window into another region. */
  initAlias(
    name: string,
    size: Address,
    target: MemoryRegion,
    offset: Address,
    options: RegionOptions = {},
  ): MemoryRegion {
    const aliasOffset = toAddress(offset, "the offset of an alias");
    const region = this.#create(name, size, { kind: "alias", alias: target, aliasOffset }, options);
    target.ref();
    editable(target).aliases.add(region);
    return region;
  }

  /** An IOMMU: accesses are translated. */
  initIommu(
    name: string,
    size: Address,
    iommu: IommuOps,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "iommu", iommu }, options);
  }

  /** A reserved range: it hides what lies under it and answers nothing. */
  initReserved(name: string, size: Address, options: RegionOptions = {}): MemoryRegion {
    return this.#create(name, size, { kind: "reserved" }, options);
  }

  #create(name: string, size: Address, nature: RegionNature, options: RegionOptions): MemoryRegion {
    const bytes = toSize(size, "the size of a region");
    return new MemoryRegion(
      this as unknown as Topology,
      this.#nextId++,
      name,
      bytes,
      nature,
      options,
    );
  }
}
