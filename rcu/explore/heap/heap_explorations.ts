/**
 * All explorations of the allocator. Those that take long are run by `deno task explore:heap`.
 *
 * @module
 */

import type { Exploration } from "#tools/explorer/mod.ts";
import { contracts } from "./contracts.ts";
import { SMALL } from "./heap_setting.ts";
import { adopting, allocating, doubleFree, remoteFrees, runs, taking } from "./allocations.ts";
import { DEEDS, dying, dyingBeside, dyingTwice, sweptTwice } from "./deaths.ts";
import { deferredRun, deferring, deferringAgain, reclaiming, waiting } from "./deferrals.ts";

type Name = keyof typeof DEEDS;

const names = Object.keys(DEEDS) as Name[];

/** Deeds beside which a context that allocates is explored in a short time. */
const SHORT: ReadonlySet<Name> = new Set<Name>([
  "frees another's block",
  "reclaims a block",
]);

function each(of: readonly Name[], says: string, program: (deed: Name) => Exploration["program"]) {
  return of.map((deed) => ({ name: `${says} ${deed}`, program: program(deed) }));
}

/** Explorations that take some seconds in all. */
export const explorations: readonly Exploration[] = [
  ...Object.entries(contracts).map(([name, program]) => ({ name: `alone: ${name}`, program })),
  { name: "a context that allocates and frees", program: allocating(1) },
  { name: "2 contexts that free one block", program: doubleFree() },
  { name: "a run of all pages, beside a small block", program: runs() },
  { name: "a slab without an owner is adopted while another frees there", program: adopting(1) },
  { name: "a block whose grace period is not over", program: waiting() },
  { name: "2 contexts that defer and reclaim", program: deferring() },
  { name: "a block is deferred while another is reclaimed", program: deferringAgain() },
  ...each(names, "dies as it", dying),
  ...each(
    names.filter((name) => SHORT.has(name)),
    "beside one that allocates, dies as it",
    dyingBeside,
  ),
  ...each(names, "dies, and the one that sweeps as well, as it", dyingTwice),
  ...each(names, "swept by two at once, as it", sweptTwice),
];

/** Explorations of hundreds of thousands of states. */
export const longExplorations: readonly Exploration[] = [
  { name: "2 contexts that reclaim one block, its owner allocates", program: reclaiming() },
  { name: "an empty slab that its owner and another context want", program: taking() },
  { name: "2 contexts that allocate and free", program: allocating(2) },
  {
    name: "2 contexts that allocate and free what takes a page",
    program: allocating(2, 8 * SMALL),
  },
  { name: "2 contexts that free in a full slab, its owner allocates", program: remoteFrees() },
  { name: "2 contexts that reclaim a run, a third needs pages", program: deferredRun() },
  ...each(
    names.filter((name) => !SHORT.has(name)),
    "beside one that allocates, dies as it",
    dyingBeside,
  ),
];
