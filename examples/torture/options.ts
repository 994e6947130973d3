/**
 * Options of a run of the torture test.
 *
 * @module
 */

import type { Call, OptionSpec } from "../lib/command_line/call.ts";
import { seedOf, UsageError } from "../lib/command_line/values.ts";

/** Which readers take part. */
export const FLAVOURS = ["memb", "qsbr", "srcu", "mixed"] as const;
/** How updaters reclaim: in one way, or in all of them in turn. */
export const UPDATERS = ["sync", "call", "poll", "free", "mixed"] as const;
/** Bugs that a run can plant in its own code, and must then find. */
export const PLANTS = [
  "no-wait",
  "early-free",
  "lost-reader",
  "use-after-unlock",
  "stale-decode",
] as const;

/** One of {@linkcode FLAVOURS}. */
export type Flavours = typeof FLAVOURS[number];
/** One of {@linkcode UPDATERS}. */
export type Updater = typeof UPDATERS[number];
/** One of {@linkcode PLANTS}. */
export type Plant = typeof PLANTS[number];

/** The parameters of a run. */
export interface Options {
  /** How long to run at most. */
  readonly seconds: number;
  /** How many reader workers. */
  readonly readers: number;
  /** Which readers. */
  readonly flavour: Flavours;
  /** How updaters reclaim. */
  readonly updater: Updater;
  /** Seeds every random choice. */
  readonly seed: number;
  /** A bug to plant. */
  readonly plant?: Plant | undefined;
  /** Whether the arena is in debug mode. */
  readonly debug?: boolean;
  /** Ends the run after this many updates, once it has proven something. */
  readonly updates?: number;
}

/** The options of the command line. */
export const OPTIONS: Readonly<Record<string, OptionSpec>> = {
  seconds: { value: "N", help: "run for N seconds (10)" },
  readers: { value: "N", help: "reader workers, 1 to 32 (3)" },
  flavour: {
    value: "F",
    help: `${FLAVOURS.join(", ")} (mixed: the readers take turns; needs 3)`,
  },
  updater: { value: "U", help: `${UPDATERS.join(", ")} (mixed)` },
  seed: {
    value: "N",
    help: "reproduces the random choices of a run, not its schedule (random)",
  },
  plant: { value: "BUG", help: `plants a bug, which must be caught: ${PLANTS.join(", ")}` },
  debug: { help: "debug arena: poison, quarantine, checked loads; much slower" },
  json: { help: "print the report as JSON" },
};

/**
 * The parameters of a run.
 *
 * @throws {UsageError} If a value is out of range.
 */
export function optionsOf(call: Call): Options {
  const flavour = call.choice("flavour", FLAVOURS) ?? "mixed";
  const readers = call.integer("readers", 3, 1, 32);
  if (flavour === "mixed" && readers < 3) {
    throw new UsageError(
      `Cannot mix three flavours with --readers ${readers}: it needs at least 3`,
    );
  }
  return {
    seconds: call.integer("seconds", 10, 1, 1e6),
    readers,
    flavour,
    updater: call.choice("updater", UPDATERS) ?? "mixed",
    seed: seedOf(call.value("seed")),
    plant: call.choice("plant", PLANTS),
    debug: call.has("debug"),
  };
}
