/**
 * All explorations of package physmap.
 *
 * @module
 */

import type { Exploration } from "#tools/explorer/mod.ts";
import { contracts } from "./contracts.ts";

/** Every exploration. */
export const explorations: readonly Exploration[] = Object.entries(contracts).map(
  ([name, program]) => ({ name: `alone: ${name}`, program }),
);
