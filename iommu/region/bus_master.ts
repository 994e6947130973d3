/**
 * Bus-master address spaces: where a device's own accesses go.
 *
 * @module
 */

import type { AddressSpace, IommuOps, MemoryRegion } from "@guestmem/flatview";
import { changeAndWait, type GracePeriods } from "../resources/grace_periods.ts";
import type { IommuMemoryRegion } from "./iommu_memory_region.ts";

/** What a bus master needs of flatview's `Topology`. */
export interface BusMasterTopology {
  /** Creates a container. */
  initContainer(name: string, size: number | bigint): MemoryRegion;
  /** Creates an alias. */
  initAlias(
    name: string,
    size: number | bigint,
    target: MemoryRegion,
    offset: number | bigint,
  ): MemoryRegion;
  /** Creates an IOMMU region. */
  initIommu(name: string, size: number | bigint, ops: IommuOps): MemoryRegion;
  /** Creates an address space. */
  createAddressSpace(name: string, root: MemoryRegion): AddressSpace;
  /** Makes several changes one step for readers. */
  transaction<T>(change: () => T): T;
}

/** Options of {@linkcode BusMaster}. */
export interface BusMasterOptions {
  /** The topology. */
  readonly topology: BusMasterTopology;
  /** The domain that the topology publishes with. */
  readonly domain: GracePeriods;
  /** Root of system memory: where accesses go while the IOMMU is off. */
  readonly system: MemoryRegion;
  /** The device's name. */
  readonly name: string;
  /** What accesses go through while the IOMMU is on. */
  readonly iommu: IommuMemoryRegion;
}

const WHOLE = 2n ** 64n;

/**
 * A device that masters the bus: its address space, and switches for bus mastering and for the IOMMU.
 * Both are off at first. Control context.
 *
 * Its regions are those of QEMU's PCI devices: a container with an alias, enabled while the device may
 * master the bus, of a container that shows either system memory or the IOMMU region. So the physical
 * root of a device whose IOMMU is off is that of system memory, and all such devices share one
 * FlatView and one dispatch.
 *
 * @example
 * ```ts
 * import { Topology } from "@guestmem/flatview";
 * import { BusMaster, TableIommu } from "@guestmem/iommu";
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { assert } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const topology = new Topology({ arena, domain });
 * const system = topology.initContainer("system", 2n ** 64n);
 * const memory = topology.createAddressSpace("memory", system);
 * const unit = new TableIommu({ arena, domain });
 * const iommu = unit.createRegion({ name: "nic-iommu", targetRoot: system });
 * const nic = new BusMaster({ topology, domain, system, name: "nic", iommu });
 * nic.setEnabled(true);
 * assert(nic.space.view === memory.view); // the IOMMU is off
 * nic.setTranslating(true);
 * assert(nic.space.view !== memory.view);
 * ```
 */
export class BusMaster {
  /** The device's address space: workers attach to its `handle`. */
  readonly space: AddressSpace;
  /** The IOMMU region in the topology: workers bind its translator to this region's `id`. */
  readonly region: MemoryRegion;
  readonly #topology: BusMasterTopology;
  readonly #domain: GracePeriods;
  readonly #container: MemoryRegion;
  readonly #dma: MemoryRegion;
  readonly #master: MemoryRegion;
  readonly #direct: MemoryRegion;

  /**
   * Creates the device's regions and its address space.
   *
   * @param options `topology`, flatview's `Topology`; `domain`, the RCU domain that it publishes with;
   * `system`, the root of system memory, where accesses go while the IOMMU is off; `iommu`, the region
   * that they go through while it is on; and the device's `name`.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  constructor({ topology, domain, system, name, iommu }: BusMasterOptions) {
    this.#topology = topology;
    this.#domain = domain;
    const dma = this.#dma = topology.initContainer(`${name}-dma`, WHOLE);
    this.#direct = topology.initAlias(`${name}-direct`, WHOLE, system, 0);
    this.region = topology.initIommu(iommu.name, WHOLE, iommu);
    const container = this.#container = topology.initContainer(
      `${name}-bus-master-container`,
      WHOLE,
    );
    this.#master = topology.initAlias(`${name}-bus-master`, WHOLE, dma, 0);
    this.space = topology.transaction(() => {
      this.region.setEnabled(false);
      this.#master.setEnabled(false);
      dma.addSubregion(0, this.#direct);
      dma.addSubregion(0, this.region);
      container.addSubregion(0, this.#master);
      return topology.createAddressSpace(name, container);
    });
  }

  /** Whether the device may master the bus. */
  get enabled(): boolean {
    return this.#master.enabled;
  }

  /** Whether its accesses are translated. */
  get translating(): boolean {
    return this.region.enabled;
  }

  /**
   * Lets the device master the bus or not, and returns when no access uses the old state.
   *
   * @param enabled Whether it may.
   * @throws {WaitInSectionError} Inside a read-side section. Nothing is changed.
   */
  setEnabled(enabled: boolean): void {
    this.#change("switch bus mastering", () => this.#master.setEnabled(enabled));
  }

  /**
   * Switches the IOMMU on or off, in one step, and returns when no access uses the old state.
   *
   * @param translating Whether accesses are translated.
   * @throws {WaitInSectionError} Inside a read-side section. Nothing is changed.
   */
  setTranslating(translating: boolean): void {
    this.#change("switch an IOMMU", () => {
      this.#direct.setEnabled(!translating);
      this.region.setEnabled(translating);
    });
  }

  /**
   * Destroys the address space and the regions of a device that is gone: late readers find nothing
   * assigned. Workers must have dropped the handle. The {@linkcode IommuMemoryRegion} remains; its unit
   * destroys it.
   *
   * @throws {FlatViewError} `ADDRESS_SPACE_STATE` if the address space has listeners or was destroyed, or a
   * transaction is open. Nothing is changed.
   */
  destroy(): void {
    this.space.destroy();
    this.#topology.transaction(() => {
      this.#container.delSubregion(this.#master);
      this.#dma.delSubregion(this.#direct);
      this.#dma.delSubregion(this.region);
      for (const region of [this.#container, this.#master, this.#dma, this.#direct, this.region]) {
        region.destroy();
      }
    });
  }

  #change(action: string, change: () => void): void {
    changeAndWait(this.#domain, action, () => this.#topology.transaction(change));
  }
}
