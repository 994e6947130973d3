import type { MemoryRegion, RegionOptions } from "../region/memory_region.ts";
import type { RamBacking } from "../region/region_ops.ts";
import type { Topology } from "../topology/topology.ts";
import type { Machine, MachineRegion } from "./machine.ts";

/** A machine as regions of a topology. */
export interface BuiltMachine {
  /** The regions, by the file's ids. */
  readonly regions: ReadonlyMap<number, MemoryRegion>;
  /** The address spaces that the file names. */
  readonly addressSpaces: readonly { readonly name: string; readonly root: MemoryRegion }[];
}

/** What a machine file does not say of a region that answers accesses itself. */
export interface RegionWiring {
  /** Its RAM; a region that has some and is given none stands on memory that no worker can access. */
  readonly ram?: RamBacking | undefined;
  /** The rest; nothing unless given. */
  readonly options?: RegionOptions;
}

/** Says what a region is wired to. */
export type WireRegion = (source: MachineRegion) => RegionWiring;

const UNWIRED: WireRegion = () => ({});

/**
 * Builds the regions of a machine file, all links made, in one transaction.
 *
 * @param machine The machine.
 * @param topology Where the regions are created.
 * @param wire What the regions that answer accesses themselves are wired to, for a machine that is to
 * run: by default to nothing.
 * @returns The regions by id, and the roots of the address spaces.
 */
export function buildMachine(
  machine: Machine,
  topology: Topology,
  wire: WireRegion = UNWIRED,
): BuiltMachine {
  return topology.transaction(() => {
    const regions = createRegions(machine, topology, wire);
    const sources = new Map(machine.regions.map((region) => [region.id, region]));
    for (const source of machine.regions) linkChildren(source, sources, regions);
    return { regions, addressSpaces: rootsOf(machine, regions) };
  });
}

/** Creates the regions of a machine file, none linked to another but aliases to their targets. */
export function createRegions(
  machine: Machine,
  topology: Topology,
  wire: WireRegion = UNWIRED,
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
 * The roots of a machine file's address spaces, by rising id: the order of the address spaces in the
 * file means nothing, while ids follow the text that the file was made from.
 */
export function rootsOf(
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
  // Among equal priorities the latest added comes first, so adding from the back keeps the order.
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

/** The kind is printed as seen through aliases, so it says what a region is only if it terminates. */
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
    case "i/o":
      return topology.initIo(name, size, {}, options);
  }
}
