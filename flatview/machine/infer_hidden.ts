import type { MemoryRegion } from "../region/memory_region.ts";
import { Topology } from "../topology/topology.ts";
import type { AliasTargets } from "./alias_targets.ts";
import type { AssembledRegion, Assembly } from "./assemble_tree.ts";
import { buildMachine } from "./build_machine.ts";
import { type SearchedBit, searchHidden } from "./hidden_search.ts";
import type { Hidden } from "./hidden_trials.ts";
import type { Finding } from "./import_report.ts";
import type { Machine, MachineRegion } from "./machine.ts";
import type { SiblingPair } from "./sibling_order.ts";
import { ViewMismatch } from "./view_mismatch.ts";

/**
 * Infers the bits that the tree's text does not print from the printed views, and enters them into
 * the machine.
 *
 * @param assumed The machine, with assumptions for these bits.
 * @param assembly The assembled regions, and which of them print alike.
 * @param aliases The targets of aliases, and the other possible ones.
 * @param inferred Receives what the views decide.
 * @param open Receives what nothing decides.
 * @returns The machine, and whether it renders as printed; null if there are no printed views.
 */
export function inferHidden(
  assumed: Machine,
  assembly: Assembly,
  { open: alternatives }: AliasTargets,
  inferred: Finding[],
  open: Finding[],
): { machine: Machine; exact: boolean | null } {
  const withViews = assumed.views.length > 0;
  const { regions, addressSpaces } = buildMachine(assumed, new Topology());
  const ids = new Map([...regions].map(([id, region]) => [region, id]));
  const all = assembly.regions.map(({ id }) => regions.get(id)!);
  const mismatch = new ViewMismatch(addressSpaces, assumed.views);
  const choices = new Map([...alternatives].map(([alias, others]) => {
    const region = regions.get(alias.id)!;
    return [region, [region.alias!, ...others.map(({ id }) => regions.get(id)!)]];
  }));
  const alike = assembly.alike.map((group) => group.map(({ id }) => regions.get(id)!));
  const sourceOf = (region: MemoryRegion) => assembly.regions[ids.get(region)!]!;
  const report = (finding: Omit<Finding, "because">, isInferred: boolean) => {
    if (isInferred) {
      inferred.push({ ...finding, because: "the flat views would differ otherwise" });
    } else {
      const because = withViews ? "no flat view shows it" : "no flat view is given";
      open.push({ ...finding, because });
    }
  };
  const { bits, pairs } = searchHidden(all, choices, alike, mismatch, withViews);
  for (const bit of byBit(bits)) report(describe(bit.hidden, sourceOf), bit.inferred);
  for (const pair of pairs) report(describePair(pair, sourceOf), pair.inferred);
  const machine = {
    ...assumed,
    regions: assumed.regions.map((region) => withHidden(region, regions.get(region.id)!, ids)),
  };
  return { machine, exact: withViews ? mismatch.exact() : null };
}

/** A finding about a bit, with no reason yet. */
function describe(
  { what, region, value }: Hidden,
  sourceOf: (region: MemoryRegion) => AssembledRegion,
): Omit<Finding, "because"> {
  const { name, id, line } = sourceOf(region);
  const lineOf = (region: MemoryRegion) => sourceOf(region).line;
  let target = "";
  if (what === "alias target") target = ` of line ${lineOf(region.alias!)}`;
  if (what === "identity") target = ` the aliases of lines ${[...region.aliases].map(lineOf)}`;
  return { what, region: name, id, line, value: value() + target };
}

/** A finding about the order of two siblings, with no reason yet. */
function describePair(
  { front, back }: SiblingPair,
  sourceOf: (region: MemoryRegion) => AssembledRegion,
): Omit<Finding, "because"> {
  const { name, id, line } = sourceOf(front);
  return { what: "sibling order", region: name, id, line, value: `before ${back.name}` };
}

/** Joins the trials of one region with several others: its bit is inferred if none of the others fits. */
function byBit(searched: readonly SearchedBit[]): SearchedBit[] {
  const choices = new Map<string, Map<MemoryRegion, SearchedBit>>([
    ["alias target", new Map()],
    ["identity", new Map()],
  ]);
  const rest: SearchedBit[] = [];
  for (const one of searched) {
    const { what, region } = one.hidden;
    const known = choices.get(what);
    if (known === undefined) rest.push(one);
    else {known.set(region, {
        ...one,
        inferred: one.inferred && (known.get(region)?.inferred ?? true),
      });}
  }
  return [...[...choices.values()].flatMap((known) => [...known.values()]), ...rest];
}

function withHidden(
  source: MachineRegion,
  region: MemoryRegion,
  ids: ReadonlyMap<MemoryRegion, number>,
): MachineRegion {
  return {
    ...source,
    alias: region.alias === null ? null : ids.get(region.alias)!,
    terminates: region.terminates,
    readonly: region.readonly,
    subregions: region.subregions.map((child) => ids.get(child)!),
  };
}
