/**
 * The verdicts of earlier runs of the gate, in a file.
 *
 * @module
 */

import type { Cache, Judged } from "./gate.ts";

/** Reads a file of verdicts; there are none if it does not exist. */
export async function readVerdicts(path: string): Promise<Map<string, Judged> & Cache> {
  try {
    return new Map(JSON.parse(await Deno.readTextFile(path)) as [string, Judged][]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    throw error;
  }
}

/** Writes a file of verdicts. */
export async function writeVerdicts(path: string, verdicts: Map<string, Judged>): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify([...verdicts], undefined, 1));
}
