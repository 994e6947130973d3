/**
 * Random histories of a topology: transactions of edits, nested ones, failing ones, and address spaces
 * that come and go. After each transaction all that is published is compared with the model.
 */
import type { Arena, RcuDomain } from "@guestmem/rcu";
import fc from "fast-check";
import { FlatViewError } from "../errors/flat_view_error.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { writable } from "../region/region_state.ts";
import { Topology } from "../topology/topology.ts";
import { applyEdit, createPlanned, type EditPlan, editPlan, regionPlans } from "./random_tree.ts";
import type { RegionPlan } from "./random_tree.ts";
import { compareLines } from "./compare_lines.ts";
import { ShadowListeners } from "./shadow_listeners.ts";
import { modelPhysicalRoot, modelView, viewLines } from "./view_model.ts";

/** A part of a transaction. */
type Step =
  /** Edits one after the other. */
  | { readonly kind: "edits"; readonly edits: readonly EditPlan[] }
  /** Edits of one region. */
  | { readonly kind: "focus"; readonly region: number; readonly edits: readonly EditPlan[] }
  /** Edits of one region while it is disabled; then it is enabled again. */
  | { readonly kind: "hidden"; readonly region: number; readonly edits: readonly EditPlan[] }
  | { readonly kind: "nested"; readonly steps: readonly Step[]; readonly fails: boolean }
  /** All memory is logged, or no longer. */
  | { readonly kind: "globalLog"; readonly on: boolean };

/** One transaction, and what happens to the address spaces around it. */
interface TransactionPlan {
  readonly steps: readonly Step[];
  /** It throws at its end, and must leave no trace. */
  readonly fails: boolean;
  readonly spaces: "create inside" | "destroy before" | "listen before" | "deafen before" | "keep";
  /** Root of the address space that is created, or index of the one that is meant. */
  readonly space: number;
}

/** A tree and its history. */
export interface HistoryPlan {
  readonly regions: readonly RegionPlan[];
  readonly transactions: readonly TransactionPlan[];
}

const edits = fc.array(editPlan, { minLength: 1, maxLength: 4 });
const region = fc.nat(30);
const plainStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("edits" as const), edits }),
  fc.record({ kind: fc.constant("focus" as const), region, edits }),
  fc.record({ kind: fc.constant("hidden" as const), region, edits }),
  fc.record({ kind: fc.constant("globalLog" as const), on: fc.boolean() }),
);

function stepsWith(step: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> {
  return fc.array(step, { minLength: 1, maxLength: 3 });
}

function nested(step: fc.Arbitrary<Step>): fc.Arbitrary<Step> {
  const fails = fc.boolean();
  return fc.record({ kind: fc.constant("nested" as const), steps: stepsWith(step), fails });
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: plainStep },
  { weight: 1, arbitrary: nested(plainStep) },
  { weight: 1, arbitrary: nested(fc.oneof(plainStep, nested(plainStep))) },
);

/** Trees of 4 to 25 regions with histories of 4 to 16 transactions. */
export const historyPlan: fc.Arbitrary<HistoryPlan> = fc.record({
  regions: regionPlans,
  transactions: fc.array(
    fc.record({
      steps: stepsWith(step),
      fails: fc.nat(4).map((n) => n === 0),
      spaces: fc.constantFrom(
        ...["create inside", "destroy before", "listen before", "deafen before"],
        ...["keep", "keep", "keep", "keep"],
      ),
      space: fc.nat(30),
    }),
    { minLength: 4, maxLength: 16 },
  ) as fc.Arbitrary<TransactionPlan[]>,
});

/** Where histories are published. */
export interface HistoryPlace {
  readonly arena: Arena;
  readonly domain: RcuDomain;
}

/** What was done in some histories. */
export interface HistoryCounts {
  trees: number;
  commits: number;
  /** Transactions that failed: on purpose, or because aliases led in a circle. */
  failures: number;
  /** Views of address spaces that were compared. */
  views: number;
  /** Views that were too large for the model. */
  skipped: number;
}

/** Counts of nothing. */
export function noCounts(): HistoryCounts {
  return { trees: 0, commits: 0, failures: 0, views: 0, skipped: 0 };
}

/** What a transaction that fails on purpose throws. */
class PlannedFailure extends Error {}

/**
 * Runs a history, and throws at the first difference between what is published and the model, or if
 * blocks of the arena are left over.
 *
 * @param plan The history.
 * @param where Where to publish.
 * @param counts What was done is added here.
 */
export function runHistory(plan: HistoryPlan, where: HistoryPlace, counts: HistoryCounts): void {
  const { arena, domain } = where;
  const before = arena.stats().liveBlocks;
  const topology = new Topology(where);
  const shadows = new ShadowListeners(topology);
  try {
    runTransactions(plan, topology, shadows, counts);
  } finally {
    shadows.leave();
    for (const space of topology.addressSpaces) space.destroy();
    topology.close();
    domain.barrier();
  }
  const left = arena.stats().liveBlocks - before;
  if (left !== 0) throw new Error(`${left} blocks of the arena are left`);
}

function runTransactions(
  plan: HistoryPlan,
  topology: Topology,
  shadows: ShadowListeners,
  counts: HistoryCounts,
): void {
  const regions = [...createTwins(topology), ...createPlanned(topology, plan.regions)];
  for (const root of regions.slice(0, 7)) topology.createAddressSpace(root.name, root);
  for (const space of topology.addressSpaces.slice(0, 2)) shadows.listen(space);
  counts.trees++;
  for (const transaction of plan.transactions) {
    prepareSpaces(topology, shadows, transaction);
    const before = treeLines(regions);
    if (runTransaction(topology, regions, transaction)) counts.commits++;
    else {
      counts.failures++;
      compareLines("the tree after a failure", treeLines(regions), before);
    }
    compareViews(topology, counts);
    shadows.compare();
  }
  for (const space of topology.addressSpaces) shadows.deafen(space);
}

/** A container with two aliases whose ranges join, as random regions hardly ever do. */
function createTwins(topology: Topology): MemoryRegion[] {
  const shared = topology.initRam("shared", 16, { blockId: 1, ramAddr: 0n });
  const left = topology.initAlias("left", 8, shared, 0);
  const right = topology.initAlias("right", 8, shared, 8);
  const twins = topology.initContainer("twins", 0x1000);
  twins.addSubregion(0x100, left);
  twins.addSubregion(0x108, right);
  return [twins, left, right, shared];
}

/** What happens to address spaces and listeners before a transaction. */
function prepareSpaces(topology: Topology, shadows: ShadowListeners, plan: TransactionPlan): void {
  const spaces = topology.addressSpaces;
  const space = spaces[plan.space % Math.max(spaces.length, 1)];
  if (space === undefined) return;
  if (plan.spaces === "listen before") shadows.listen(space);
  if (plan.spaces === "deafen before" || plan.spaces === "destroy before") shadows.deafen(space);
  if (plan.spaces === "destroy before") space.destroy();
}

/** Runs one transaction; whether it was committed. */
function runTransaction(
  topology: Topology,
  regions: readonly MemoryRegion[],
  { steps, fails, spaces, space }: TransactionPlan,
): boolean {
  try {
    topology.transaction(() => {
      for (const step of steps) runStep(topology, regions, step);
      if (spaces === "create inside") {
        topology.createAddressSpace("late", regions[space % regions.length]!);
      }
      if (fails) throw new PlannedFailure();
    });
    return true;
  } catch (error) {
    const endless = error instanceof FlatViewError && error.code === "RENDER_LIMIT";
    if (endless || error instanceof PlannedFailure) return false;
    throw error;
  }
}

function runStep(topology: Topology, regions: readonly MemoryRegion[], step: Step): void {
  if (step.kind === "nested") {
    try {
      topology.transaction(() => {
        for (const inner of step.steps) runStep(topology, regions, inner);
        if (step.fails) throw new PlannedFailure();
      });
    } catch (error) {
      if (!(error instanceof PlannedFailure)) throw error;
    }
    return;
  }
  if (step.kind === "globalLog") return switchGlobalLog(topology, step.on);
  if (step.kind === "edits") {
    for (const edit of step.edits) applyEdit(regions, edit);
    return;
  }
  const region = regions[step.region % regions.length]!;
  if (step.kind === "hidden") region.setEnabled(false);
  for (const edit of step.edits) {
    // An edit that adds puts the region somewhere else: it has to be taken out first.
    if (edit.edit === "add") region.container?.delSubregion(region);
    const [target, other] = edit.edit === "add"
      ? [edit.other, step.region]
      : [step.region, edit.other];
    applyEdit(regions, { ...edit, region: target, other });
  }
  if (step.kind === "hidden") region.setEnabled(true);
}

function switchGlobalLog(topology: Topology, on: boolean): void {
  if (on) return topology.startGlobalLog();
  try {
    topology.stopGlobalLog();
  } catch (error) {
    if (!(error instanceof FlatViewError && error.code === "NOT_LOGGING")) throw error;
  }
}

/** All that a transaction that fails must bring back. */
function treeLines(regions: readonly MemoryRegion[]): string[] {
  return regions.map((r) =>
    [
      ...[r.name, r.addr, r.size, r.aliasOffset, r.priority, r.enabled, r.readonly, r.nonvolatile],
      ...[
        r.unmergeable,
        r.romd,
        r.dirtyLogMask,
        writable(r).logUsers,
        r.container?.id,
        r.subregions.map(({ id }) => id),
      ],
    ].join(" ")
  );
}

/** Each address space shows what the model says, and shares its view with those of its physical root alone. */
function compareViews(topology: Topology, counts: HistoryCounts): void {
  const viewOf = new Map<MemoryRegion | null, number>();
  for (const { name, root, view } of topology.addressSpaces) {
    const physical = modelPhysicalRoot(root);
    const expected = modelView(root);
    if (expected === null) counts.skipped++;
    else {
      counts.views++;
      compareLines(`the view of ${name}`, viewLines(view.ranges()), expected);
    }
    const known = viewOf.get(physical) ?? view.offset;
    if (known !== view.offset) throw new Error(`${name} does not share the view of its root`);
    viewOf.set(physical, known);
  }
  if (new Set(viewOf.values()).size < viewOf.size) throw new Error("two roots share a view");
}
