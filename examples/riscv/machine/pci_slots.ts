/**
 * The devices that are plugged into the PCI bus, with what each needs of the map: BARs and an address
 * space of its own for its accesses.
 *
 * @module
 */

import type {
  AddressSpace,
  MemoryAccess,
  MemoryRegion,
  MemoryRegionOps,
  Topology,
} from "@guestmem/flatview";
import { dmaMemory } from "../devices/dma_memory.ts";
import { DEVICES, type PciBus } from "../pci/pci_bus.ts";
import { PciTransport } from "../virtio/pci_transport.ts";
import type { VirtioKind } from "../virtio/virtio_device.ts";

const WHOLE = 2n ** 64n;

/** What the slots are made of. */
export interface PciSlotsOptions {
  readonly topology: Topology;
  /** The root of system memory. */
  readonly system: MemoryRegion;
  /** The container that shows the bus's memory. */
  readonly memory: MemoryRegion;
  /** Accesses of the context that runs the devices, and the callbacks that it runs. */
  readonly access: Pick<MemoryAccess, "attach" | "bind" | "unbind">;
  readonly bus: PciBus;
}

/** A device that is plugged in. */
interface Plugged {
  readonly slot: number;
  readonly transport: PciTransport;
  readonly space: AddressSpace;
  readonly regions: readonly MemoryRegion[];
}

/** The slots of the bus. In the context that owns the map. */
export class PciSlots {
  readonly #options: PciSlotsOptions;
  readonly #plugged = new Map<string, Plugged>();

  constructor(options: PciSlotsOptions) {
    this.#options = options;
  }

  /**
   * Plugs a device into the lowest slot that is free. The guest finds it when it looks.
   *
   * @param id Names the device.
   * @throws {RangeError} If there is a device of that name, or no slot is free.
   */
  plug(kind: VirtioKind, id: string): PciTransport {
    const { topology, bus, access } = this.#options;
    if (this.#plugged.has(id)) {
      throw new RangeError(`Cannot add the device "${id}": there is one of that name`);
    }
    const slot = bus.freeSlot();
    if (slot === undefined) {
      throw new RangeError(
        `Cannot add the device "${id}": all ${DEVICES} slots of the bus are taken`,
      );
    }
    const regions: MemoryRegion[] = [];
    try {
      const { space, master } = this.#busMaster(kind, regions);
      const guest = access.attach(space.handle);
      const transport = new PciTransport(kind, dmaMemory(() => guest), {
        container: (name, bytes) => kept(regions, topology.initContainer(name, bytes)),
        io: (name, bytes, ops) => this.#io(regions, name, bytes, ops),
      }, {
        memory: this.#options.memory,
        transaction: (change) => topology.transaction(change),
        setInterrupt: (isUp) => bus.setInterrupt(slot, isUp),
        setMaster: (isMaster) => master.setEnabled(isMaster),
      });
      this.#plugged.set(id, { slot, transport, space, regions });
      bus.plug(slot, transport);
      return transport;
    } catch (error) {
      this.#dismantle(regions);
      throw error;
    }
  }

  /**
   * Takes a device out: at once, as by a hand that pulls it.
   *
   * @throws {RangeError} If there is none of that name.
   */
  unplug(id: string): void {
    const { bus } = this.#options;
    const device = this.#plugged.get(id);
    if (!device) {
      throw new RangeError(`Cannot remove the device "${id}": there is none of that name`);
    }
    this.#plugged.delete(id);
    device.transport.device.reset();
    device.transport.function.reset();
    bus.unplug(device.slot);
    device.space.destroy();
    this.#dismantle(device.regions);
  }

  /** Gives up regions. Each is unbound when no hart can be on its way to it any more. */
  #dismantle(regions: readonly MemoryRegion[]): void {
    this.#options.topology.transaction(() => {
      for (const region of regions) {
        for (const below of [...region.subregions]) region.delSubregion(below);
      }
      for (const region of regions) region.destroy();
    });
  }

  /** The container through which a device reaches memory, once the guest lets it. */
  #busMaster(
    kind: VirtioKind,
    regions: MemoryRegion[],
  ): { space: AddressSpace; master: MemoryRegion } {
    const { topology, system } = this.#options;
    const container = kept(regions, topology.initContainer("bus master container", WHOLE));
    const master = kept(regions, topology.initAlias("bus master", WHOLE, system, 0));
    master.setEnabled(false);
    container.addSubregion(0, master);
    return { space: topology.createAddressSpace(`${kind.name}-pci`, container), master };
  }

  #io(regions: MemoryRegion[], name: string, bytes: number, ops: MemoryRegionOps): MemoryRegion {
    const { topology, access } = this.#options;
    const finalize = ({ id }: MemoryRegion) => access.unbind(id);
    const region = kept(regions, topology.initIo(name, bytes, ops, { finalize }));
    access.bind(region.id, ops);
    return region;
  }
}

/** Notes a region that belongs to a device. */
function kept(regions: MemoryRegion[], region: MemoryRegion): MemoryRegion {
  regions.push(region);
  return region;
}
