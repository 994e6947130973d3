import { type MemoryRegion, Topology } from "@guestmem/flatview";
import { buildMachine, type Machine, type MachineRegion } from "@guestmem/flatview/machine";
import type { CommandMemory } from "./memory.ts";

/**
 * Builds a machine as it would grow: first the address spaces over empty roots, then one region at a
 * time in the order of the ids, each in a separate transaction. A region whose container is missing
 * waits until the container is added.
 *
 * @param machine The machine, whose page size the topology takes.
 * @param memory Arena and domain.
 * @param onStep Called after each transaction.
 * @returns The topology, with an address space for each of the machine's.
 */
export function buildOneByOne(
  machine: Machine,
  { arena, domain }: CommandMemory,
  onStep: () => void = () => {},
): Topology {
  const topology = new Topology({ arena, domain, pageBits: machine.pageBits });
  const { regions, addressSpaces } = buildMachine(machine, topology);
  topology.transaction(() => {
    for (const region of regions.values()) {
      for (const child of [...region.subregions]) region.delSubregion(child);
    }
  });
  for (const { name, root } of addressSpaces) topology.createAddressSpace(name, root);
  new Growth(machine, topology, regions, onStep).grow();
  return topology;
}

class Growth {
  readonly #topology: Topology;
  readonly #regions: ReadonlyMap<number, MemoryRegion>;
  readonly #onStep: () => void;
  readonly #sources: ReadonlyMap<number, MachineRegion>;
  readonly #parents = new Map<number, MachineRegion>();
  /** The final index of each region in its container's list. */
  readonly #order = new Map<MemoryRegion, number>();
  readonly #waiting = new Map<number, number[]>();
  readonly #added = new Set<number>();

  constructor(
    machine: Machine,
    topology: Topology,
    regions: ReadonlyMap<number, MemoryRegion>,
    onStep: () => void,
  ) {
    this.#topology = topology;
    this.#regions = regions;
    this.#onStep = onStep;
    this.#sources = new Map(machine.regions.map((region) => [region.id, region]));
    for (const parent of machine.regions) {
      parent.subregions.forEach((id, index) => {
        this.#parents.set(id, parent);
        this.#order.set(regions.get(id)!, index);
      });
    }
  }

  grow(): void {
    for (const id of this.#sources.keys()) if (!this.#parents.has(id)) this.#added.add(id);
    const ids = [...this.#parents.keys()].sort((left, right) => left - right);
    for (const id of ids) {
      const parent = this.#parents.get(id)!.id;
      if (this.#added.has(parent)) this.#add(id);
      else this.#waiting.set(parent, [...this.#waiting.get(parent) ?? [], id]);
    }
  }

  #add(id: number): void {
    const source = this.#sources.get(id)!;
    const parent = this.#regions.get(this.#parents.get(id)!.id)!;
    const region = this.#regions.get(id)!;
    this.#topology.transaction(() => {
      parent.addSubregionOverlap(source.addr, region, source.prio);
      this.#reorder(parent, region);
    });
    this.#added.add(id);
    this.#onStep();
    for (const child of this.#waiting.get(id) ?? []) this.#add(child);
  }

  /**
   * A region that is added last lies in front of its equals. If it hides one that belongs in front,
   * all of those are added again.
   */
  #reorder(parent: MemoryRegion, region: MemoryRegion): void {
    const index = this.#order.get(region)!;
    const isEqualInFront = (other: MemoryRegion) =>
      other.priority === region.priority && this.#order.get(other)! < index;
    if (!parent.subregions.some((other) => isEqualInFront(other) && overlap(region, other))) return;
    for (const other of parent.subregions.filter(isEqualInFront).toReversed()) {
      parent.delSubregion(other);
      parent.addSubregionOverlap(other.addr, other, other.priority);
    }
  }
}

/** Whether two siblings share an address. */
function overlap(left: MemoryRegion, right: MemoryRegion): boolean {
  return left.addr < right.addr + right.size && right.addr < left.addr + left.size;
}
