/**
 * Options of a run of the demo.
 *
 * @module
 */

import type { Call, OptionSpec } from "../lib/command_line/call.ts";
import { seedOf, UsageError } from "../lib/command_line/values.ts";

/** Bugs that a run can plant in its own code, and must then find. */
export const PLANTS = ["stale-tlb", "early-free", "two-commits", "leak"] as const;

/** How vCPUs access memory: through TLBs, through memslots, or every other vCPU through each. */
export const ACCELS = ["tcg", "kvm", "mixed"] as const;

/** One of {@linkcode ACCELS}. */
export type Accel = typeof ACCELS[number];
/** One of {@linkcode PLANTS}. */
export type Plant = typeof PLANTS[number];

/** The parameters of a run. */
export interface Options {
  /** How long the vCPUs run. */
  readonly seconds: number;
  /** How many vCPUs. */
  readonly vcpus: number;
  /** How they access memory. */
  readonly accel: Accel;
  /** Seeds every random choice. */
  readonly seed: number;
  /** A bug to plant. */
  readonly plant?: Plant | undefined;
  /** Ends the run after this many changes, once it has proven something. */
  readonly changes?: number;
}

/** The options of the command line. */
export const OPTIONS: Readonly<Record<string, OptionSpec>> = {
  seconds: { value: "N", help: "how long the vCPUs run (18)" },
  vcpus: { value: "N", help: "vCPU workers, 1 to 64 (as many as the machine has cores)" },
  accel: {
    value: "A",
    help: "tcg: through a TLB each; kvm: through memslots; mixed: in turn (mixed)",
  },
  seed: {
    value: "N",
    help: "reproduces the random choices of a run, not its schedule (random)",
  },
  plant: { value: "BUG", help: `plants a bug, which must be caught: ${PLANTS.join(", ")}` },
  json: { help: "print the report as JSON" },
};

/**
 * The parameters of a run.
 *
 * @throws {UsageError} If a value is out of range.
 */
export function optionsOf(call: Call): Options {
  const accel = call.choice("accel", ACCELS) ?? "mixed";
  const plant = call.choice("plant", PLANTS);
  if (plant === "stale-tlb" && accel === "kvm") {
    throw new UsageError(`Cannot run with --plant ${plant} --accel ${accel}: it needs a TLB`);
  }
  return {
    seconds: call.integer("seconds", 18, 1, 1e6),
    vcpus: call.integer("vcpus", Math.min(navigator.hardwareConcurrency, 64), 1, 64),
    accel,
    seed: seedOf(call.value("seed")),
    plant,
  };
}
