import type { AddressSpace } from "./address_space.ts";
import type { AddressSpaces } from "./address_spaces.ts";
import type { FlatView } from "./flat_view.ts";
import { notifyDifference } from "./notify_difference.ts";
import { notifyEventfds } from "./notify_eventfds.ts";
import type { ViewPlan } from "./view_plan.ts";
import type { ViewStore } from "./view_store.ts";

/**
 * Publishes a plan, an address space at a time, and notifies the listeners. Nothing here fails but
 * listeners.
 *
 * @param plan What to publish.
 * @param withViews Whether the transaction changed what views may show: only then do listeners hear
 * of a beginning and an end.
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
  const waiting = new Map(plan.eventfds.map((listened) => [listened.space, listened]));
  for (const { space, view } of plan.moves) {
    moveSpace(space, view, spaces, store, errors);
    const listened = waiting.get(space);
    if (listened === undefined) continue;
    waiting.delete(space);
    notifyEventfds(listened, errors);
  }
  for (const listened of waiting.values()) notifyEventfds(listened, errors);
  if (withViews) spaces.listeners.forward((listener) => listener.commit?.(), errors);
  for (const view of plan.held) store.release(view);
  store.reap();
}

function moveSpace(
  space: AddressSpace,
  view: FlatView,
  spaces: AddressSpaces,
  store: ViewStore,
  errors: unknown[],
): void {
  const old = space.view;
  const listened = spaces.get(space)!;
  if (listened.listeners.size > 0) {
    notifyDifference(listened, old.ranges(), view.ranges(), errors);
  }
  store.attach(view);
  space.publish(view);
  // The reference goes after the store that hides the view, so whoever finds the count at zero and
  // loads the cell again finds the new view.
  store.detach(old);
}
