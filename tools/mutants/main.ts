/**
 * Runs the gate: judges every mutant of every kernel that has explorations.
 *
 *     deno task mutants [options]
 *
 *     --only NAME     only mutants of this exported function, or of this package
 *     --part I/N      only every Nth mutant, from the Ith on: to use several processes
 *     --cache FILE    keeps verdicts there, and takes those whose function and explorations are the same
 *     --verbose       a line for each mutant
 *
 * Exits with 1 if a mutant was neither caught nor listed, or if a list has a name too many.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { EQUIVALENTS as IOMMU_EQUIVALENTS } from "../../iommu/explore/equivalents.ts";
import { explorations as iommuExplorations } from "../../iommu/explore/explorations.ts";
import { EQUIVALENTS as PHYSMAP_EQUIVALENTS } from "../../physmap/explore/equivalents.ts";
import { explorations as physmapExplorations } from "../../physmap/explore/explorations.ts";
import { EQUIVALENTS as RAMBLOCK_EQUIVALENTS } from "../../ramblock/explore/equivalents.ts";
import { explorations as ramblockExplorations } from "../../ramblock/explore/explorations.ts";
import { EQUIVALENTS as RCU_EQUIVALENTS } from "../../rcu/explore/equivalents.ts";
import { explorations as rcuExplorations } from "../../rcu/explore/explorations.ts";
import { kernel as rcuKernel } from "../../rcu/explore/setting.ts";
import type { Module } from "../explorer/decode.ts";
import { type Exploration, Gate, type Judged } from "../explorer/gate.ts";
import { type Equivalents, reportOf } from "../explorer/gate_report.ts";
import { readVerdicts, writeVerdicts } from "../explorer/verdicts.ts";

interface Kernel {
  readonly name: string;
  readonly module: Module;
  readonly explorations: readonly Exploration[];
  readonly equivalents: Equivalents;
}

const KERNELS: readonly Kernel[] = [
  {
    name: "rcu",
    module: rcuKernel,
    explorations: rcuExplorations,
    equivalents: RCU_EQUIVALENTS,
  },
  {
    name: "physmap",
    module: physmapExplorations[0]!.program.kernel,
    explorations: physmapExplorations,
    equivalents: PHYSMAP_EQUIVALENTS,
  },
  {
    name: "ramblock",
    module: ramblockExplorations[0]!.program.kernel,
    explorations: ramblockExplorations,
    equivalents: RAMBLOCK_EQUIVALENTS,
  },
  {
    name: "iommu",
    module: iommuExplorations[0]!.program.kernel,
    explorations: iommuExplorations,
    equivalents: IOMMU_EQUIVALENTS,
  },
];

const options = parseArgs(Deno.args, {
  string: ["only", "part", "cache"],
  boolean: ["verbose"],
});

/** Whether a mutant is to be judged, by its function and its number. */
function isWanted(kernel: string, functionName: string, number: number): boolean {
  const { only, part } = options;
  if (only !== undefined && only !== kernel && only !== functionName) return false;
  const [index = 0, of = 1] = part?.split("/").map(Number) ?? [];
  return number % of === index % of;
}

/** The text of all modules in some folders of the repository. */
async function sourcesOf(...folders: readonly string[]): Promise<string> {
  const texts: string[] = [];
  for (const folder of folders) {
    const url = new URL(`../../${folder}/`, import.meta.url);
    const names = Array.from(Deno.readDirSync(url), ({ name }) => name);
    for (const name of names.sort()) texts.push(await Deno.readTextFile(new URL(name, url)));
  }
  return texts.join("\n");
}

let failed = false;
for (const { name, module, explorations, equivalents } of KERNELS) {
  const { only } = options;
  if (only !== undefined && only !== name && !module.exports.has(only)) continue;
  const start = performance.now();
  const cache = options.cache === undefined ? undefined : await readVerdicts(options.cache);
  const gate = new Gate(module, explorations, await sourcesOf("tools/explorer", `${name}/explore`));
  const judged: Judged[] = [];
  const wanted = (functionName: string, number: number) => isWanted(name, functionName, number);
  for (const one of gate.judge(wanted, cache)) {
    judged.push(one);
    if (cache && judged.length % 100 === 0) await writeVerdicts(options.cache!, cache);
    if (options.verbose) {
      console.log(`${one.verdict} (${one.milliseconds} ms): ${one.name} (${one.by ?? ""})`);
    }
  }
  if (cache) await writeVerdicts(options.cache!, cache);
  const report = reportOf(judged, equivalents);
  const seconds = Math.round((performance.now() - start) / 1000);
  const counts = Object.entries(report.counts).map(([verdict, count]) => `${count} ${verdict}`);
  console.log(`${name}: ${judged.length} mutants in ${seconds} s: ${counts.join(", ")};`);
  console.log(`  ${report.equivalent} of those not caught are listed as equivalent`);
  for (const line of report.open) console.log(`  ${line}`);
  if (options.part === undefined) {
    for (const line of report.stale) console.log(`  list: ${line}`);
  }
  const isStale = options.part === undefined && report.stale.length > 0;
  failed ||= report.open.length > 0 || isStale;
}
if (failed) Deno.exit(1);
