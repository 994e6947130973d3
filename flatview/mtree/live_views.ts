import type { Topology } from "../topology/topology.ts";
import type { AddressSpace } from "../view/address_space.ts";
import type { FlatView } from "../view/flat_view.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { FlatRange } from "../render/flat_range.ts";

/**
 * The published views of a topology as `info mtree -f` lists them: each once, with the address
 * spaces that share it in the order of their creation.
 *
 * @param topology A topology that publishes.
 * @param withDispatch Whether to include the lines of the dispatches.
 */
export function liveViews(topology: Topology, withDispatch: boolean): {
  /** The address spaces that share the view, in the order of their creation. */
  readonly addressSpaces: readonly { readonly name: string; readonly root: MemoryRegion }[];
  /** The physical root, or null for the empty view. */
  readonly root: MemoryRegion | null;
  /** The ranges by rising address. */
  readonly ranges: readonly FlatRange[];
  /** The lines of the dispatch; empty if they are not printed. */
  readonly dispatch: readonly string[];
}[] {
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
