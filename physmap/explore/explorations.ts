/**
 * All explorations of package physmap, and how each must end.
 *
 * @module
 */

import type { Exploration } from "#tools/explorer/mod.ts";
import { contracts } from "./contracts.ts";
import { publishing } from "./versions.ts";

/** Every exploration. */
export const explorations: readonly Exploration[] = [
  ...Object.entries(contracts).map(([name, program]) => ({ name: `alone: ${name}`, program })),
  { name: "versions are published and freed", program: publishing() },
  {
    name: "versions: no grace period",
    program: publishing("no grace period"),
    fails: "use after free",
  },
  {
    name: "versions: the shared node is freed with the first version",
    program: publishing("the shared node is freed with the first version"),
    fails: "use after free",
  },
  {
    name: "versions: a node is changed in place",
    program: publishing("a node is changed in place"),
    fails: "race",
  },
  {
    name: "versions: published before it is written",
    program: publishing("published before it is written"),
    fails: "check",
  },
];
