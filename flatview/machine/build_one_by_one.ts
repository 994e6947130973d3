import type { MemoryRegion } from "../region/memory_region.ts";
import { TWO32 } from "../region/split64.ts";
import { Topology, type TopologyOptions } from "../topology/topology.ts";
import { createRegions, rootsOf } from "./build_machine.ts";
import type { Machine, MachineRegion } from "./machine.ts";
import type { PublishedMachine } from "./publish_machine.ts";

/**
 * Builds a machine as a machine grows: the address spaces first, over roots that hold nothing, then
 * the regions one at a time in the order of the file's ids, each in a transaction of its own. A
 * region whose container is not in yet is put off until it is.
 *
 * @param machine The machine; its page size is taken.
 * @param options Arena and domain.
 * @param onStep Called after each transaction.
 * @returns The machine, published.
 */
export function buildOneByOne(
  machine: Machine,
  options: TopologyOptions,
  onStep: () => void = () => {},
): PublishedMachine {
  const topology = new Topology({ ...options, pageBits: machine.pageBits });
  const regions = createRegions(machine, topology);
  const addressSpaces = rootsOf(machine, regions);
  for (const { name, root } of addressSpaces) topology.createAddressSpace(name, root);
  new Growth(machine, topology, regions, onStep).grow();
  return { topology, regions, addressSpaces };
}

class Growth {
  readonly #topology: Topology;
  readonly #regions: ReadonlyMap<number, MemoryRegion>;
  readonly #onStep: () => void;
  readonly #sources: ReadonlyMap<number, MachineRegion>;
  readonly #parents = new Map<number, MachineRegion>();
  /** Where each region lies in its container's list in the end. */
  readonly #places = new Map<MemoryRegion, number>();
  readonly #putOff = new Map<number, number[]>();
  readonly #in = new Set<number>();

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
      parent.subregions.forEach((id, place) => {
        this.#parents.set(id, parent);
        this.#places.set(regions.get(id)!, place);
      });
    }
  }

  grow(): void {
    for (const id of this.#sources.keys()) if (!this.#parents.has(id)) this.#in.add(id);
    const ids = [...this.#parents.keys()].sort((left, right) => left - right);
    for (const id of ids) {
      const parent = this.#parents.get(id)!.id;
      if (this.#in.has(parent)) this.#add(id);
      else this.#putOff.set(parent, [...this.#putOff.get(parent) ?? [], id]);
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
    this.#in.add(id);
    this.#onStep();
    for (const child of this.#putOff.get(id) ?? []) this.#add(child);
  }

  /** A region added last lies in front of its equals. Where it hides one that belongs in front, these are added anew. */
  #reorder(parent: MemoryRegion, region: MemoryRegion): void {
    const place = this.#places.get(region)!;
    const isEqualInFront = (other: MemoryRegion) =>
      other.priority === region.priority && this.#places.get(other)! < place;
    if (!parent.subregions.some((other) => isEqualInFront(other) && overlap(region, other))) return;
    for (const other of parent.subregions.filter(isEqualInFront).toReversed()) {
      parent.delSubregion(other);
      parent.addSubregionOverlap(other.addr, other, other.priority);
    }
  }
}

/** Whether two siblings share an address. Doubles do: rounding can only find an overlap that is none. */
function overlap(left: MemoryRegion, right: MemoryRegion): boolean {
  return start(left) < end(right) && start(right) < end(left);
}

function start(region: MemoryRegion): number {
  return region.addrHi * TWO32 + region.addrLo;
}

function end(region: MemoryRegion): number {
  return start(region) + region.sizeHi * TWO32 + region.sizeLo;
}
