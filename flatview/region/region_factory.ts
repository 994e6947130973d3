import { FlatViewError } from "../errors/flat_view_error.ts";
import { type Address, toAddress, toSize } from "./address.ts";
import { MemoryRegion, type RegionOptions } from "./memory_region.ts";
import { type RamBlocks, RegionBlock } from "./region_block.ts";
import type { RegionHost } from "./region_host.ts";
import type { RegionNature } from "./region_node.ts";
import type { IommuOps, MemoryRegionOps, RamBacking } from "./region_ops.ts";

/** What makes regions: QEMU's `memory_region_init_...` functions. */
export abstract class RegionFactory {
  #nextId = 1;

  /** @internal What the regions need of the topology. */
  protected abstract readonly host: RegionHost<MemoryRegion>;

  /** A pure container: it shows its subregions and answers nothing itself. */
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
    return this.#create(name, size, { kind: "ram", ram: toRam(ram) }, options);
  }

  /**
   * RAM with a block of its own, which lives as long as the region and is resized with it: see
   * {@linkcode MemoryRegion.resizeRam}.
   *
   * @param name Name of the region and of the block.
   * @param size Bytes. The block has whole pages.
   * @param blocks Where the block is added.
   * @param options The region's, and `maxSize`, the bytes that it can be resized to: `size` unless given.
   * @throws {FlatViewError} `INVALID_ADDRESS`.
   * @throws What the blocks throw, if there is no room for one.
   */
  initRamBlock(
    name: string,
    size: Address,
    blocks: RamBlocks,
    options: RegionOptions & { readonly maxSize?: Address } = {},
  ): MemoryRegion {
    const bytes = toSize(size, "the size of a region");
    const most = toSize(options.maxSize ?? size, "the largest size of a region");
    const block = new RegionBlock(blocks, name, bytes, most);
    const ram = toRam({ blockId: block.id, ramAddr: block.offset });
    return this.#create(name, bytes, { kind: "ram", ram, block }, options);
  }

  /** ROM: RAM that the guest cannot write. */
  initRom(
    name: string,
    size: Address,
    ram: RamBacking,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "rom", ram: toRam(ram) }, options);
  }

  /**
   * A ROM device: in romd mode reads are direct and writes go to the callbacks, else both do.
   *
   * @throws {FlatViewError} `INVALID_EDIT` as in {@linkcode RegionFactory.initIo}.
   */
  initRomDevice(
    name: string,
    size: Address,
    ram: RamBacking,
    ops: MemoryRegionOps,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "romDevice", ram: toRam(ram), ops }, options);
  }

  /**
   * A RAM device: a device's memory that is accessed through callbacks only.
   *
   * @throws {FlatViewError} `INVALID_EDIT` as in {@linkcode RegionFactory.initIo}.
   */
  initRamDevice(
    name: string,
    size: Address,
    ram: RamBacking,
    ops: MemoryRegionOps,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "ramDevice", ram: toRam(ram), ops }, options);
  }

  /**
   * Registers of a device: every access goes to the callbacks.
   *
   * @throws {FlatViewError} `INVALID_EDIT` if `impl.unaligned` is set and `valid.unaligned` is not.
   */
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
    return this.#create(name, size, { kind: "alias", alias: target, aliasOffset }, options);
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

  #create(
    name: string,
    size: Address,
    nature: RegionNature<MemoryRegion>,
    options: RegionOptions,
  ): MemoryRegion {
    const bytes = toSize(size, "the size of a region");
    const { valid, impl } = nature.ops ?? {};
    if (impl?.unaligned && !valid?.unaligned) {
      const reason =
        "its callbacks take unaligned accesses (impl), which it does not accept (valid)";
      throw new FlatViewError("INVALID_EDIT", { action: "create", region: name, reason });
    }
    return new MemoryRegion(this.host, this.#nextId++, name, bytes, nature, options);
  }
}

function toRam({ blockId, ramAddr }: RamBacking): RamBacking<bigint> {
  return { blockId, ramAddr: toAddress(ramAddr, "the ram_addr_t of a region") };
}
