// The allocator of package rcu, in AssemblyScript: allocation without a shared lock, remote frees,
// deferred frees, and the sweep after a death.
//
// Every context has its own instance, and caches of its own in the arena, whose address it passes. The
// memory begins with the arena's header. `rcu/explore` runs these bytes in every order of their accesses.
//
// The constants come from `layouts.ts`: the build replaces that import by the constants of the layouts.

import { CLASSES } from "./layouts";
import { abandonClass } from "./slabs.as";

export { allocate, free, headerOf, publish, release, turn } from "./blocks.as";
export { blocksLeft, defer, pagesSkipped, reclaim, takeExpired } from "./deferred.as";
export { pendingSwept, quarantinedSwept, slabsSwept, sweep, trim } from "./sweep.as";

/** Gives up the slabs of a context that detaches. */
export function abandon(context: usize): void {
  for (let sizeClass: u32 = 0; sizeClass < u32(CLASSES); sizeClass++) abandonClass(context, sizeClass);
}
