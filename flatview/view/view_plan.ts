import type { MemoryRegion } from "../region/memory_region.ts";
import type { Spans } from "../region/span.ts";
import type { PendingChanges } from "../region/transaction_log.ts";
import { affectedRegions } from "../render/affected_regions.ts";
import { physicalRoot } from "../render/physical_root.ts";
import type { AddressSpace } from "./address_space.ts";
import type { AddressSpaces } from "./address_spaces.ts";
import type { FlatView } from "./flat_view.ts";
import type { ListenedSpace } from "./listened_space.ts";
import type { EventPlan } from "./region_table.ts";
import type { ViewStore } from "./view_store.ts";

/** What a commit will publish: built, each view held once, and not yet seen by anybody. */
export interface ViewPlan {
  /** Address spaces that will show another view than now, in the order of their creation. */
  readonly moves: readonly { readonly space: AddressSpace; readonly view: FlatView }[];
  /** Address spaces whose ioeventfds may differ for their listeners, in the order of their creation. */
  readonly eventfds: readonly ListenedSpace[];
  /** The ioeventfds that workers will see. */
  readonly events: EventPlan;
  /** The held views. */
  readonly held: readonly FlatView[];
}

/** An ioeventfd changes nothing that is shown. */
const NOTHING: Spans = [];

/**
 * Renders and builds what the changes can affect. All that can fail in a commit happens here, before
 * anything is published.
 *
 * @param changes What the transaction changed.
 * @param newSpaces The address spaces that it created.
 * @param spaces All address spaces.
 * @param store The published views.
 * @throws {ArenaExhaustedError} And the errors of rendering and of the map: nothing is held then.
 */
export function planViews(
  changes: PendingChanges<MemoryRegion>,
  newSpaces: Iterable<AddressSpace>,
  spaces: AddressSpaces,
  store: ViewStore,
): ViewPlan {
  const events = store.regions.planEvents(changes.eventfds.keys());
  const held: FlatView[] = [];
  try {
    if (spaces.size === 0) return { moves: [], eventfds: [], events, held };
    const regions = affectedRegions(changes.dirty);
    const affected = new Set(newSpaces);
    for (const region of regions.keys()) {
      for (const space of spaces.withRoot(region)) affected.add(space);
    }
    const moves = planMoves(affected, regions, store, held);
    const eventfds = listenedEventfds(affected, changes.eventfds.keys(), spaces);
    return { moves, eventfds, events, held };
  } catch (error) {
    events.discard();
    for (const view of held) store.release(view);
    store.reap();
    throw error;
  }
}

/** Finds or builds the view of each address space; what it holds goes into `held`, also if it throws. */
function planMoves(
  spaces: ReadonlySet<AddressSpace>,
  affected: ReadonlyMap<MemoryRegion, Spans>,
  store: ViewStore,
  held: FlatView[],
): ViewPlan["moves"] {
  const byPhysical = new Map<MemoryRegion | null, FlatView>();
  // Most address spaces share their root with others.
  const byRoot = new Map<MemoryRegion, FlatView>();
  const moves: { space: AddressSpace; view: FlatView }[] = [];
  for (const space of spaces) {
    let view = byRoot.get(space.root);
    if (view === undefined) {
      const physical = physicalRoot(space.root);
      view = byPhysical.get(physical);
      if (view === undefined) {
        view = holdView(physical, affected, store);
        held.push(view);
        byPhysical.set(physical, view);
      }
      byRoot.set(space.root, view);
    }
    if (view !== space.view) moves.push({ space, view });
  }
  return moves.sort((left, right) => left.space.id - right.space.id);
}

/** The view of a physical root, held. One that the changes do not affect shows what it showed before. */
function holdView(
  physical: MemoryRegion | null,
  affected: ReadonlyMap<MemoryRegion, Spans>,
  store: ViewStore,
): FlatView {
  const current = store.current(physical);
  if (physical !== null) {
    // Whether the root has moved is seen from the view, not from the edits: a root may move while it
    // is disabled, and be enabled again in the same transaction.
    if (current === undefined || current.rootAddress !== physical.addr) {
      return store.render(physical, null);
    }
    const spans = affected.get(physical) ?? NOTHING;
    if (spans.length > 0) return store.render(physical, spans);
  }
  store.hold(current!);
  return current!;
}

/** The address spaces that may show other ioeventfds than before, if anybody listens to those. */
function listenedEventfds(
  affected: ReadonlySet<AddressSpace>,
  changed: Iterable<MemoryRegion>,
  spaces: AddressSpaces,
): ListenedSpace[] {
  const listened = spaces.hearing("eventfdAdd", "eventfdDel");
  if (listened.length === 0) return listened;
  const all = new Set(affected);
  const regions = affectedRegions(new Map([...changed].map((region) => [region, NOTHING])));
  for (const region of regions.keys()) {
    for (const space of spaces.withRoot(region)) all.add(space);
  }
  return listened.filter(({ space }) => all.has(space));
}
