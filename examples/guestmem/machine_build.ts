import { compareViews, publishMachine } from "@guestmem/flatview/machine";
import { liveViews } from "@guestmem/flatview/mtree";
import { buildOneByOne } from "./build_one_by_one.ts";
import { EXIT_FAILED, EXIT_OK } from "../lib/command_line/program.ts";
import type { Environment } from "./command.ts";
import { readMachine } from "./machine_file.ts";
import { createMemory } from "./memory.ts";

/**
 * Transactions between two passes that free what can be freed; a real VMM would return to its event
 * loop as often.
 */
const STEPS = 8;

/**
 * `machine build FILE.json [--one-by-one]`: builds and publishes a machine, and reports the cost.
 */
export async function machineBuild(
  file: string,
  oneByOne: boolean,
  json: boolean,
  env: Environment,
): Promise<number> {
  const machine = await readMachine(file, env);
  const memory = createMemory();
  let steps = 0;
  let processPeakBytes = 0;
  const look = () => {
    if (++steps % STEPS === 0) memory.domain.barrier();
    if (steps % 256 === 0) processPeakBytes = Math.max(processPeakBytes, Deno.memoryUsage().rss);
  };
  const start = performance.now();
  const topology = oneByOne
    ? buildOneByOne(machine, memory, look)
    : publishMachine(machine, memory).topology;
  const milliseconds = performance.now() - start;
  memory.domain.barrier();
  processPeakBytes = Math.max(processPeakBytes, Deno.memoryUsage().rss);
  const { stats } = topology;
  const comparison = compareViews(liveViews(topology, true), machine.views);
  const result = {
    milliseconds: Math.round(milliseconds * 10) / 10,
    transactions: steps,
    arenaPeakBytes: memory.arena.stats().peakBytes,
    processPeakBytes,
    addressSpaces: topology.addressSpaces.length,
    rendered: stats.rendered,
    viewsBuilt: stats.built,
    treesBuilt: stats.dispatches,
    shared: stats.shared,
    alive: stats.alive,
    freed: stats.freed,
    views: comparison.views,
  };
  if (json) env.out(JSON.stringify(result));
  else {for (const [key, value] of Object.entries(result)) {
      env.out(`${key}: ${JSON.stringify(value)}`);
    }}
  if (!json) comparison.differences.forEach(env.out);
  return comparison.differences.length === 0 ? EXIT_OK : EXIT_FAILED;
}
