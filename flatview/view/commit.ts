import type { MemoryRegion } from "../region/memory_region.ts";
import type { PendingChanges } from "../region/transaction_log.ts";
import type { Span } from "../region/span.ts";
import { physicalRoot } from "../render/physical_root.ts";
import { reach } from "../render/affected.ts";
import type { AddressSpace } from "./address_space.ts";
import { tellDifference } from "./diff.ts";
import type { FlatView } from "./flat_view.ts";
import { shownEventfds, tellEventfds } from "./ioeventfd.ts";
import type { ListenerList } from "./listener.ts";
import type { ViewStore } from "./view_store.ts";

/** The views that address spaces will show, each held once. */
export interface CommitPlan {
  /** Address spaces that will show another view than now, in the order of their creation. */
  readonly moves: readonly { readonly space: AddressSpace; readonly view: FlatView }[];
  /** Address spaces whose ioeventfds may differ, in the order of their creation. */
  readonly eventfds: readonly AddressSpace[];
  /** The held views. */
  readonly held: readonly FlatView[];
}

/**
 * Renders what the changes can reach. All that can fail happens here, before anything is published.
 *
 * @throws {ArenaExhaustedError} And the errors of rendering and of the map: nothing is held then.
 */
export function planCommit(changes: PendingChanges, store: ViewStore): CommitPlan {
  const held: FlatView[] = [];
  try {
    const reached = reach(changes.dirty);
    const views = new Map<MemoryRegion | null, FlatView>();
    const spaces = new Set(changes.spaces);
    for (const region of reached.keys()) {
      for (const space of region.addressSpaces) spaces.add(space);
    }
    const viewOf = (root: MemoryRegion): FlatView => {
      const physical = physicalRoot(root);
      let view = views.get(physical);
      if (view === undefined) {
        const changed = physical === null ? undefined : changedPart(physical, reached, changes);
        views.set(physical, view = viewOfPhysical(physical, changed, store));
        held.push(view);
      }
      return view;
    };
    // Most address spaces share their root with others.
    const byRoot = new Map<MemoryRegion, FlatView>();
    const moves: { space: AddressSpace; view: FlatView }[] = [];
    for (const space of spaces) {
      let view = byRoot.get(space.root);
      if (view === undefined) byRoot.set(space.root, view = viewOf(space.root));
      if (view !== space.view) moves.push({ space, view });
    }
    moves.sort((left, right) => left.space.id - right.space.id);
    return { moves, eventfds: spacesWithEventfds(changes, spaces), held };
  } catch (error) {
    for (const view of held) store.release(view);
    store.reap();
    throw error;
  }
}

/** The part of a physical root that may show something else; undefined if none may, null if all may. */
function changedPart(
  physical: MemoryRegion,
  reached: ReadonlyMap<MemoryRegion, Span>,
  changes: PendingChanges,
): Span | null | undefined {
  // Its own address is added to all that it shows.
  if (changes.moved.has(physical)) return null;
  const span = reached.get(physical);
  return span === undefined || span.from >= span.to ? undefined : span;
}

/** A physical root that the changes do not reach shows what it showed before. */
function viewOfPhysical(
  physical: MemoryRegion | null,
  changed: Span | null | undefined,
  store: ViewStore,
): FlatView {
  if (physical !== null) {
    if (changed !== undefined) return store.render(physical, changed);
    if (store.current(physical) === undefined) return store.render(physical, null);
  }
  const view = store.current(physical)!;
  store.hold(view);
  return view;
}

function spacesWithEventfds(
  changes: PendingChanges,
  affected: ReadonlySet<AddressSpace>,
): AddressSpace[] {
  const spaces = new Set(affected);
  const eventfds = new Map([...changes.eventfds].map((region) => [region, NOTHING]));
  for (const region of reach(eventfds).keys()) {
    for (const space of region.addressSpaces) spaces.add(space);
  }
  return [...spaces].filter(({ listeners }) => listeners.size > 0).sort((l, r) => l.id - r.id);
}

/**
 * Publishes a plan, an address space at a time, and tells the listeners. Nothing here fails but
 * listeners, whose errors are collected.
 */
export function publishPlan(
  plan: CommitPlan,
  withViews: boolean,
  listeners: ListenerList,
  store: ViewStore,
  errors: unknown[],
): void {
  if (withViews) listeners.forward((listener) => listener.begin?.(), errors);
  const waiting = new Set(plan.eventfds);
  for (const { space, view } of plan.moves) {
    moveSpace(space, view, store, errors);
    if (waiting.delete(space)) updateEventfds(space, errors);
  }
  for (const space of waiting) updateEventfds(space, errors);
  if (withViews) listeners.forward((listener) => listener.commit?.(), errors);
  for (const view of plan.held) store.release(view);
  store.reap();
}

function moveSpace(space: AddressSpace, view: FlatView, store: ViewStore, errors: unknown[]): void {
  const old = space.view;
  if (space.listeners.size > 0) tellDifference(space, old.ranges(), view.ranges(), errors);
  store.attach(view);
  space.publish(view);
  // The reference goes after the store that hides the view, so whoever finds the count at zero and
  // loads the cell again finds the new view.
  store.detach(old);
}

function updateEventfds(space: AddressSpace, errors: unknown[]): void {
  const old = space.eventfds;
  space.eventfds = shownEventfds(space);
  if (old.length + space.eventfds.length > 0) tellEventfds(space, old, space.eventfds, errors);
}

/** An ioeventfd changes nothing that is shown. */
const NOTHING: Span = { from: 0n, to: 0n };
