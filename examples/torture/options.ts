/**
 * Options of a run of the torture test.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { choice, integer, seedOf, UsageError } from "../lib/arguments.ts";

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

/** What the command line asks for. */
export interface Command extends Options {
  /** Print the report as JSON. */
  readonly json: boolean;
}

/** What `--help` prints. */
export const HELP = `Tortures RCU: workers read elements that other workers replace, free and reuse.

Usage: deno task torture [options]

  --seconds N     run for N seconds (10)
  --readers N     reader workers, 1 to 32 (3)
  --flavour F     ${FLAVOURS.join(", ")} (mixed: the readers take turns; needs 3)
  --updater U     ${UPDATERS.join(", ")} (mixed)
  --seed N        reproduces the random choices of a run, not its schedule (random)
  --plant BUG     ${PLANTS.join(", ")}: plants a bug, which must be caught
  --debug         debug arena: poison, quarantine, checked loads; much slower
  --json          print the report as JSON
  --help          print this

Exit status: 0 if the run proves what it should, 1 if it found an error or proves nothing, 2 if the
command line is wrong.
`;

const VALUES = ["seconds", "readers", "flavour", "updater", "seed", "plant"] as const;
const SWITCHES = ["debug", "json", "help"] as const;

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
  const flavour = choice("flavour", args.flavour ?? "mixed", FLAVOURS);
  const readers = integer("readers", args.readers ?? "3", 1, 32);
  if (flavour === "mixed" && readers < 3) {
    throw new UsageError(
      `Cannot mix three flavours with --readers ${readers}: it needs at least 3`,
    );
  }
  return {
    seconds: integer("seconds", args.seconds ?? "10", 1, 1e6),
    readers,
    flavour,
    updater: choice("updater", args.updater ?? "mixed", UPDATERS),
    seed: seedOf(args.seed),
    plant: args.plant === undefined ? undefined : choice("plant", args.plant, PLANTS),
    debug: args.debug,
    json: args.json,
  };
}
