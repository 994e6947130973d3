/**
 * Options of a run of the demo.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { choice, integer, seedOf, UsageError } from "../lib/arguments.ts";

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

/** What the command line asks for. */
export interface Command extends Options {
  /** Print the report as JSON. */
  readonly json: boolean;
}

/** What `--help` prints. */
export const HELP =
  `Runs a QEMU machine's memory: vCPU workers replay a guest's accesses while the map changes.

  --seconds N     how long the vCPUs run (18)
  --vcpus N       vCPU workers, 1 to 64 (as many as the machine has cores)
  --accel A       tcg: through a TLB each; kvm: through memslots; mixed: in turn (mixed)
  --seed N        reproduces the random choices of a run, not its schedule (random)
  --plant BUG     ${PLANTS.join(", ")}: plants a bug, which must be caught
  --json          print the report as JSON
  --help          print this

Exit status: 0 if every access was right and all memory came back, 1 if not, 2 if the command line is
wrong.
`;

const VALUES = ["seconds", "vcpus", "accel", "seed", "plant"] as const;
const SWITCHES = ["json", "help"] as const;

/**
 * Reads the command line.
 *
 * @returns The run's parameters, or "help".
 * @throws {UsageError} If a word is unknown or a value is out of range.
 */
export function parseCommand(words: string[]): Command | "help" {
  const args = parseArgs(words, {
    string: VALUES,
    boolean: SWITCHES,
    unknown: (word) => {
      throw new UsageError(`Cannot run with "${word}": there is no such option`);
    },
  });
  if (args.help) return "help";
  const accel = choice("accel", args.accel ?? "mixed", ACCELS);
  const plant = args.plant === undefined ? undefined : choice("plant", args.plant, PLANTS);
  if (plant === "stale-tlb" && accel === "kvm") {
    throw new UsageError(`Cannot run with --plant ${plant} --accel ${accel}: it needs a TLB`);
  }
  return {
    seconds: integer("seconds", args.seconds ?? "18", 1, 1e6),
    vcpus: args.vcpus === undefined
      ? Math.min(navigator.hardwareConcurrency, 64)
      : integer("vcpus", args.vcpus, 1, 64),
    accel,
    seed: seedOf(args.seed),
    plant,
    json: args.json,
  };
}
