import type { MemoryRegion, RegionOptions } from "../region/memory_region.ts";
import type { RamBacking } from "../region/region_ops.ts";
import type { Topology } from "../topology/topology.ts";
import type { Machine, MachineRegion } from "./machine.ts";

/** A machine, built as regions of a topology. */
export interface BuiltMachine {
  /** The topology. */
  readonly topology: Topology;
  /** The regions by the machine's ids. */
  readonly regions: ReadonlyMap<number, MemoryRegion>;
  /** The machine's address spaces. */
  readonly addressSpaces: readonly { readonly name: string; readonly root: MemoryRegion }[];
}

/** Gives a region's RAM and options. */
type WireRegion = NonNullable<Parameters<typeof buildMachine>[2]>;

/**
 * Builds the regions of a machine with all links, in one transaction.
 *
 * @param machine The machine.
 * @param topology Where the regions are created.
 * @param wire RAM and options of the regions that terminate accesses, for a machine that is to run;
 * none by default.
 * @returns The regions by id, and the roots of the address spaces.
 */
export function buildMachine(
  machine: Machine,
  topology: Topology,
  wire: (source: MachineRegion) => {
    /** RAM. Without it, a region with RAM lies on memory that no worker can access. */
    readonly ram?: RamBacking | undefined;
    /** Options; none by default. */
    readonly options?: RegionOptions;
  } = () => ({}),
): BuiltMachine {
  return topology.transaction(() => {
    const regions = createRegions(machine, topology, wire);
    const sources = new Map(machine.regions.map((region) => [region.id, region]));
    for (const source of machine.regions) linkChildren(source, sources, regions);
    return { topology, regions, addressSpaces: rootsOf(machine, regions) };
  });
}

/** Creates the regions of a machine. Only aliases are linked, to their targets. */
function createRegions(
  machine: Machine,
  topology: Topology,
  wire: WireRegion,
): Map<number, MemoryRegion> {
  const sources = new Map(machine.regions.map((region) => [region.id, region]));
  const regions = new Map<number, MemoryRegion>();
  const create = (id: number): MemoryRegion => {
    const existing = regions.get(id);
    if (existing !== undefined) return existing;
    const source = sources.get(id)!;
    const target = source.alias === null ? null : create(source.alias);
    const region = createRegion(source, target, topology, wire);
    regions.set(id, region);
    return region;
  };
  for (const source of machine.regions) create(source.id);
  return regions;
}

/**
 * The roots of a machine's address spaces, by rising id. The order of the address spaces in a machine
 * file means nothing, while ids follow the text from which it was made.
 */
function rootsOf(
  machine: Machine,
  regions: ReadonlyMap<number, MemoryRegion>,
): { name: string; root: MemoryRegion }[] {
  const spaces = machine.addressSpaces.toSorted((left, right) => left.root - right.root);
  return spaces.map(({ name, root }) => ({ name, root: regions.get(root)! }));
}

function linkChildren(
  source: MachineRegion,
  sources: ReadonlyMap<number, MachineRegion>,
  regions: ReadonlyMap<number, MemoryRegion>,
): void {
  // Among equal priorities the region added last comes first: adding from the back keeps the order.
  const parent = regions.get(source.id)!;
  for (const id of source.subregions.toReversed()) {
    const child = sources.get(id)!;
    parent.addSubregionOverlap(child.addr, regions.get(id)!, child.prio);
  }
}

function createRegion(
  source: MachineRegion,
  target: MemoryRegion | null,
  topology: Topology,
  wire: WireRegion,
): MemoryRegion {
  const region = initRegion(source, target, topology, wire);
  if (source.addr !== 0n) region.setAddress(source.addr);
  if (!source.enabled) region.setEnabled(false);
  if (region.readonly !== source.readonly) region.setReadonly(source.readonly);
  if (source.nonvolatile) region.setNonvolatile(true);
  return region;
}

/** The kind is printed as seen through aliases: it is the region's own only if the region terminates. */
function initRegion(
  source: MachineRegion,
  target: MemoryRegion | null,
  topology: Topology,
  wire: WireRegion,
): MemoryRegion {
  const { name, size } = source;
  if (target !== null) return topology.initAlias(name, size, target, source.aliasOffset);
  if (!source.terminates) return topology.initContainer(name, size);
  const { ram = { blockId: source.id, ramAddr: 0n }, options } = wire(source);
  switch (source.kind) {
    case "ram":
      return topology.initRam(name, size, ram, options);
    case "rom":
      return topology.initRom(name, size, ram, options);
    case "romd":
      return topology.initRomDevice(name, size, ram, {}, options);
    case "ramd":
      return topology.initRamDevice(name, size, ram, {}, options);
    case "container":
    case "i/o":
      return topology.initIo(name, size, {}, options);
  }
}
