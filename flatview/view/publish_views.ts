import type { AddressSpaces } from "./address_spaces.ts";
import type { FlatView } from "./flat_view.ts";
import type { ListenedSpace } from "./listened_space.ts";
import { notifyDifference } from "./notify_difference.ts";
import { notifyEventfds } from "./notify_eventfds.ts";
import { notifyUnchanged } from "./notify_unchanged.ts";
import type { ViewPlan } from "./view_plan.ts";
import type { ViewStore } from "./view_store.ts";

/**
 * Publishes a plan, an address space at a time, and notifies the listeners. Nothing here fails but
 * listeners.
 *
 * @param plan What to publish.
 * @param withViews Whether the transaction changed what views may show: only then do listeners hear
 * of a beginning and an end, and of the ranges that stay.
 * @param spaces All address spaces.
 * @param store The published views.
 * @param errors Collects what listeners throw.
 */
export function publishViews(
  plan: ViewPlan,
  withViews: boolean,
  spaces: AddressSpaces,
  store: ViewStore,
  errors: unknown[],
): void {
  plan.events.publish();
  if (withViews) spaces.listeners.forward((listener) => listener.begin?.(), errors);
  const views = new Map(plan.moves.map(({ space, view }) => [space, view]));
  const eventfds = new Set(plan.eventfds);
  const unmoved = withViews ? spaces.hearing("regionNop") : [];
  for (const listened of inOrder(plan, unmoved, spaces)) {
    const view = views.get(listened.space);
    if (view !== undefined) moveSpace(listened, view, store, errors);
    else if (withViews && listened.listeners.hears("regionNop")) notifyUnchanged(listened, errors);
    if (eventfds.has(listened)) notifyEventfds(listened, errors);
  }
  if (withViews) spaces.listeners.forward((listener) => listener.commit?.(), errors);
  for (const view of plan.held) {
    view.origin = null;
    store.release(view);
  }
  store.reap();
}

/** All address spaces that a plan concerns, in the order of their creation. */
function inOrder(
  { moves, eventfds }: ViewPlan,
  unmoved: readonly ListenedSpace[],
  spaces: AddressSpaces,
): ListenedSpace[] {
  const moving = moves.map(({ space }) => spaces.get(space)!);
  if (unmoved.length + eventfds.length === 0) return moving;
  return [...new Set([...moving, ...unmoved, ...eventfds])]
    .sort((left, right) => left.space.id - right.space.id);
}

/** Notifies the listeners of an address space of how its view changes, of what stays only if they ask. */
function notifyMove(
  listened: ListenedSpace,
  old: FlatView,
  view: FlatView,
  errors: unknown[],
): void {
  const { origin } = view;
  if (origin?.base !== old || listened.listeners.hears("regionNop")) {
    return notifyDifference(listened, old.ranges(), view.ranges(), errors);
  }
  const removed = origin.removed.map((section) => old.rangeOf(section));
  const added = origin.added.map((section) => view.rangeOf(section));
  notifyDifference(listened, removed, added, errors);
}

function moveSpace(
  listened: ListenedSpace,
  view: FlatView,
  store: ViewStore,
  errors: unknown[],
): void {
  const { space, listeners } = listened;
  const old = space.view;
  if (listeners.size > 0) notifyMove(listened, old, view, errors);
  store.attach(view);
  space.publish(view);
  // The reference goes after the store that hides the view, so whoever finds the count at zero and
  // loads the cell again finds the new view.
  store.detach(old);
}
