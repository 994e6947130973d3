import type { Topology } from "../topology/topology.ts";
import type { AddressSpace } from "../view/address_space.ts";
import type { FlatView } from "../view/flat_view.ts";
import type { ViewText } from "./print_flat_views.ts";

/**
 * The published views of a topology as `info mtree -f` lists them: each once, with the address
 * spaces that share it in the order of their creation.
 *
 * @param topology A topology that publishes.
 * @param withDispatch Whether to include the lines of the dispatches.
 */
export function liveViews(topology: Topology, withDispatch: boolean): ViewText[] {
  // Not Map.groupBy: Node 20 lacks it.
  const spaces = new Map<FlatView, AddressSpace[]>();
  for (const space of topology.addressSpaces) {
    const { view } = space;
    spaces.set(view, [...spaces.get(view) ?? [], space]);
  }
  return [...spaces].map(([view, addressSpaces]) => ({
    addressSpaces,
    root: view.root,
    ranges: view.ranges(),
    dispatch: withDispatch && !isEmpty(view) ? view.dispatchText() : [],
  }));
}

function isEmpty(view: FlatView): boolean {
  return view.regions.length === 0;
}
