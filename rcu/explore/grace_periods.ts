/**
 * Explorations of grace periods: no reader uses a block that was freed.
 *
 * @module
 */

import type { Program, Thread } from "#tools/explorer/mod.ts";
import { fused, overlapping, readers } from "./readers.ts";
import { blocks, type Flavour, setting, SLOTS } from "./setting.ts";
import { contendedUpdate, gracePeriods, updates } from "./updaters.ts";

function updater(flavour: Flavour, count: number): Thread {
  return { name: "updater", script: updates, args: [flavour, count] };
}

/** Two readers of sections each, and an updater: its second update uses a block again. */
export function oneUpdater(flavour: Flavour, each = 2, count = 2): Program {
  const threads = [...readers(flavour, 2, "block", each), updater(flavour, count)];
  return { ...setting(flavour), blocks, threads };
}

/** Two readers whose sections are one call each, and an updater. */
export function fusedReaders(): Program {
  const reading = SLOTS.map((slot, index) => {
    return { name: `reader ${index}`, script: fused, args: [slot] };
  });
  return { ...setting("memb"), blocks, threads: [...reading, updater("memb", 2)] };
}

/** A reader whose two SRCU sections overlap in one slot, and an updater. */
export function overlappingSections(): Program {
  const reader = { name: "reader", script: overlapping, args: [SLOTS[0]] };
  return { ...setting("srcu"), blocks, threads: [reader, updater("srcu", 2)] };
}

/** A reader, and two updaters of which the first may die at any step. */
export function twoUpdaters(flavour: Flavour): Program {
  const updaters = (["other", "third"] as const).map((block, index) => ({
    name: `updater ${index + 1}`,
    script: contendedUpdate,
    args: [flavour, block],
    dies: index === 0,
  }));
  return { ...setting(flavour), blocks, threads: [...readers(flavour, 1, "block"), ...updaters] };
}

/** A reader of one section, an updater, and another context with grace periods of its own. */
export function bystander(flavour: Flavour, count: number): Program {
  const other = { name: "bystander", script: gracePeriods, args: [flavour, "look", count] };
  const threads = [...readers(flavour, 1, "block", 1), updater(flavour, count), other];
  return { ...setting(flavour), blocks, threads };
}
