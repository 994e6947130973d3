import { buildMachine } from "./build_machine.ts";
import type { Machine, MachineRegion } from "./machine.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { Topology } from "../topology/topology.ts";
import type { AliasTargets } from "./alias_targets.ts";
import type { Assembly } from "./assemble_tree.ts";
import type { Finding } from "./import_report.ts";
import { Misfit } from "./view_mismatch.ts";
import { solve, type Solved } from "./hidden_search.ts";

/**
 * Decides the bits that the tree's text does not print by the views of the machine, and writes them
 * into it.
 *
 * @param draft The machine, with assumptions for these bits.
 * @param assembly Where its regions stand in the text, and which of them print alike.
 * @param aliases The targets of aliases, and which other ones would do.
 * @param inferred Is given what the views decide.
 * @param open Is given what nothing decides.
 * @returns The machine, and whether it renders as its views have it; null if it has none.
 */
export function inferHidden(
  draft: Machine,
  { drafts, alike }: Assembly,
  { open: alternatives }: AliasTargets,
  inferred: Finding[],
  open: Finding[],
): { machine: Machine; exact: boolean | null } {
  const withViews = draft.views.length > 0;
  const { regions, addressSpaces } = buildMachine(draft, new Topology());
  const ids = new Map([...regions].map(([id, region]) => [region, id]));
  const all = draft.regions.map(({ id }) => regions.get(id)!);
  const misfit = new Misfit(addressSpaces, draft.views);
  const choices = new Map([...alternatives].map(([alias, others]) => {
    const region = regions.get(alias.id)!;
    return [region, [region.alias!, ...others.map(({ id }) => regions.get(id)!)]];
  }));
  const groups = alike.map((group) => group.map(({ id }) => regions.get(id)!));
  for (
    const { hidden: { what, region, value }, inferred: isInferred } of byBit(
      solve(all, choices, groups, misfit, withViews),
    )
  ) {
    const { name, id, line } = drafts[ids.get(region)!]!;
    const lineOf = (region: MemoryRegion) => drafts[ids.get(region)!]!.line;
    let target = "";
    if (what === "alias target") target = ` of line ${lineOf(region.alias!)}`;
    if (what === "identity") target = ` the aliases of lines ${[...region.aliases].map(lineOf)}`;
    const finding = { what, region: name, id, line, value: value() + target };
    if (isInferred) inferred.push({ ...finding, because: "the flat views would differ otherwise" });
    else {open.push({
        ...finding,
        because: withViews ? "no flat view shows it" : "no flat view is given",
      });}
  }
  const machine = {
    ...draft,
    regions: draft.regions.map((region) => withHidden(region, regions.get(region.id)!, ids)),
  };
  return { machine, exact: withViews ? misfit.exact() : null };
}

/** Where a region is tried with each of several others, that is inferred if none of them would do. */
function byBit(solved: readonly Solved[]): Solved[] {
  const choices = new Map<string, Map<MemoryRegion, Solved>>([
    ["alias target", new Map()],
    ["identity", new Map()],
  ]);
  const rest: Solved[] = [];
  for (const one of solved) {
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
