/** Random trees and random edits of them, as fast-check arbitraries. */
import fc from "fast-check";
import { FlatViewError } from "../errors/flat_view_error.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { Topology } from "../topology/topology.ts";

/** The kinds of regions that trees are made of; an alias may show any region created before it. */
const KINDS = ["container", "container", "ram", "rom", "romDevice", "io", "io", "alias", "alias"];

/** Addresses and sizes that meet one another often, at both ends of the address space. */
const edge: fc.Arbitrary<bigint> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }).map(BigInt) },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 0, max: 12 }).map((n) => BigInt(n) * 0x1000n + 0xff8n),
  },
  { weight: 1, arbitrary: fc.constantFrom(0xffff_fff0n, 0x1_0000_0000n, 0x1_0000_0008n) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }).map((n) => (1n << 64n) - BigInt(n)) },
);

const size: fc.Arbitrary<bigint> = fc.oneof(
  { weight: 6, arbitrary: edge },
  { weight: 1, arbitrary: fc.constant(1n << 64n) },
);

/** A region to be created. */
export interface RegionPlan {
  readonly kind: string;
  readonly size: bigint;
  readonly target: number;
  readonly offset: bigint;
}

/** An edit: which, of what, with which values. Indices are taken modulo what there is. */
export interface EditPlan {
  readonly edit:
    | "add"
    | "remove"
    | "move"
    | "resize"
    | "aliasOffset"
    | "enabled"
    | "readonly"
    | "nonvolatile"
    | "unmergeable"
    | "romd"
    | "log"
    | "eventfd"
    | "coalesced";
  readonly region: number;
  readonly other: number;
  readonly value: bigint;
  readonly priority: number;
  readonly on: boolean;
}

/** Plans of regions; the first is always a container of 2^64 bytes. */
export const regionPlans: fc.Arbitrary<RegionPlan[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    size,
    target: fc.nat(30),
    offset: edge,
  }),
  { minLength: 3, maxLength: 24 },
);

/** One edit; adding is the most frequent. */
export const editPlan: fc.Arbitrary<EditPlan> = fc.record({
  edit: fc.constantFrom(
    "add",
    "add",
    "add",
    "add",
    "remove",
    "move",
    "resize",
    "aliasOffset",
    "enabled",
    "readonly",
    "nonvolatile",
    "unmergeable",
    "romd",
    "log",
    "eventfd",
    "coalesced",
  ),
  region: fc.nat(30),
  other: fc.nat(30),
  value: edge,
  priority: fc.integer({ min: -2, max: 2 }),
  on: fc.boolean(),
}) as fc.Arbitrary<EditPlan>;

/** Creates planned regions. */
export function createPlanned(topology: Topology, plans: readonly RegionPlan[]): MemoryRegion[] {
  const regions = [topology.initContainer("root", 1n << 64n)];
  plans.forEach((plan, i) => regions.push(createOne(topology, plan, `r${i}`, regions)));
  return regions;
}

function createOne(
  topology: Topology,
  { kind, size, target, offset }: RegionPlan,
  name: string,
  regions: readonly MemoryRegion[],
): MemoryRegion {
  const ram = { blockId: 1, ramAddr: 0n };
  switch (kind) {
    case "ram":
      return topology.initRam(name, size, ram);
    case "rom":
      return topology.initRom(name, size, ram);
    case "romDevice":
      return topology.initRomDevice(name, size, ram, {});
    case "io":
      return topology.initIo(name, size, {});
    case "alias":
      return topology.initAlias(name, size, regions[target % regions.length]!, offset);
    default:
      return topology.initContainer(name, size);
  }
}

/** Applies an edit if the tree allows it. */
export function applyEdit(regions: readonly MemoryRegion[], plan: EditPlan): void {
  const region = regions[plan.region % regions.length]!;
  const other = regions[plan.other % regions.length]!;
  try {
    edit(region, other, plan);
  } catch (error) {
    const refused = error instanceof FlatViewError &&
      (error.code === "INVALID_EDIT" || error.code === "REGION_DEAD");
    if (!refused) throw error;
  }
}

function edit(region: MemoryRegion, other: MemoryRegion, plan: EditPlan): void {
  switch (plan.edit) {
    case "add":
      return region.addSubregionOverlap(plan.value, other, plan.priority);
    case "remove":
      return region.container?.delSubregion(region);
    case "move":
      return region.setAddress(plan.value);
    case "resize":
      return region.setSize(plan.value);
    case "aliasOffset":
      return region.setAliasOffset(plan.value);
    case "enabled":
      return region.setEnabled(plan.on);
    case "readonly":
      return region.setReadonly(plan.on);
    case "nonvolatile":
      return region.setNonvolatile(plan.on);
    case "unmergeable":
      return region.setUnmergeable(plan.on);
    case "romd":
      return region.setRomd(plan.on);
    case "log":
      return region.setLog(plan.on, plan.priority + 2);
    case "eventfd":
      return editEventfds(region, plan);
    case "coalesced":
      return plan.on ? coalesce(region, plan) : region.clearCoalescing();
  }
}

/** Adds an ioeventfd, or takes one back. */
function editEventfds(region: MemoryRegion, { on, other, priority, value }: EditPlan): void {
  const eventfds = region.ioeventfds;
  if (on) {
    const data = other % 2 === 0 ? null : BigInt(other % 4);
    // Each has an event of its own: identical ones would hide a listener that mixes them up.
    const event = `event ${eventfds.length} of ${region.name}`;
    if (eventfds.some((known) => known.event === event)) return;
    region.addEventfd(value, [0, 1, 2, 4, 8][priority + 2]!, data, event);
  } else if (eventfds.length > 0) {
    const { offset, size, data, event } = eventfds[other % eventfds.length]!;
    region.delEventfd(offset, size, data, event);
  }
}

/** Adds a coalesced range, unless it meets another one of the region. */
function coalesce(region: MemoryRegion, { value, other }: EditPlan): void {
  const [from, to] = [value, value + BigInt(other + 1)];
  if (region.coalesced.some(({ offset, size }) => from < offset + size && offset < to)) return;
  region.addCoalescing(from, to - from);
}

/** The addresses at which anything can change: the edges of all regions as any alias may shift them, plus and minus one. */
export function interestingAddresses(edges: Iterable<bigint>): bigint[] {
  const all = new Set<bigint>();
  for (const e of edges) for (const d of [-1n, 0n, 1n]) all.add(e + d);
  return [...all].filter((a) => a >= 0n && a < 1n << 64n);
}
