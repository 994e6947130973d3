/**
 * What each function of the kernel does to the memory and returns, with one thread: the part of its
 * contract that needs no second thread to be seen. Explorations with several threads rest on it.
 *
 * @module
 */

import type { Program } from "#tools/explorer/mod.ts";
import { blockContracts } from "./block_contracts.ts";
import { dirtyContracts } from "./dirty_contracts.ts";
import { shadowPageContracts } from "./shadow_page_contracts.ts";
import { slotContracts } from "./slot_contracts.ts";
import { windowContracts } from "./window_contracts.ts";

/** The contracts by name. */
export const contracts: Readonly<Record<string, Program>> = {
  ...blockContracts,
  ...dirtyContracts,
  ...slotContracts,
  ...shadowPageContracts,
  ...windowContracts,
};
