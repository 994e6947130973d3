/**
 * Runs the gate: judges every mutant of every kernel that has explorations. `deno task mutants --help`.
 *
 * @module
 */

import type { Call } from "../../examples/lib/command_line/call.ts";
import { singleCommand } from "../../examples/lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../examples/lib/command_line/run_program.ts";
import { screenOf } from "../../examples/lib/terminal/screen.ts";
import { StatusLine } from "../../examples/lib/terminal/status_line.ts";
import { EQUIVALENTS as IOMMU_EQUIVALENTS } from "../../iommu/explore/equivalents.ts";
import { explorations as iommuExplorations } from "../../iommu/explore/explorations.ts";
import { EQUIVALENTS as PHYSMAP_EQUIVALENTS } from "../../physmap/explore/equivalents.ts";
import { explorations as physmapExplorations } from "../../physmap/explore/explorations.ts";
import { EQUIVALENTS as RAMBLOCK_EQUIVALENTS } from "../../ramblock/explore/equivalents.ts";
import { explorations as ramblockExplorations } from "../../ramblock/explore/explorations.ts";
import { EQUIVALENTS as RCU_EQUIVALENTS } from "../../rcu/explore/equivalents.ts";
import { explorations as rcuExplorations } from "../../rcu/explore/explorations.ts";
import { explorations as heapExplorations } from "../../rcu/explore/heap/heap_explorations.ts";
import { kernel as heapKernel } from "../../rcu/explore/heap/heap_setting.ts";
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
  /** Why its mutants are judged only if `--only` names it. */
  readonly pending?: string;
}

const KERNELS: readonly Kernel[] = [
  {
    name: "rcu",
    module: rcuKernel,
    explorations: rcuExplorations,
    equivalents: RCU_EQUIVALENTS,
  },
  {
    name: "rcu/heap",
    module: heapKernel,
    explorations: heapExplorations,
    equivalents: {},
    pending: "its mutants that do no harm are not listed yet",
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

interface Options {
  readonly only: string | undefined;
  readonly part: string | undefined;
  readonly cache: string | undefined;
  readonly verbose: boolean;
}

/** Whether a mutant is to be judged, by its function and its number. */
function isWanted(
  { only, part }: Options,
  kernel: string,
  functionName: string,
  number: number,
): boolean {
  if (only !== undefined && only !== kernel && only !== functionName) return false;
  const [index = 0, of = 1] = part?.split("/").map(Number) ?? [];
  return number % of === index % of;
}

/** The text of all files in a folder of the repository, and in those below. */
async function sourcesOf(folder: string): Promise<string> {
  const url = new URL(`../../${folder}/`, import.meta.url);
  const entries = Array.from(Deno.readDirSync(url)).sort((a, b) => a.name < b.name ? -1 : 1);
  const texts = entries.map(({ name, isDirectory }) => {
    return isDirectory ? sourcesOf(`${folder}/${name}`) : Deno.readTextFile(new URL(name, url));
  });
  return (await Promise.all(texts)).join("\n");
}

/** Judges the mutants of a kernel. @returns Whether one was neither caught nor listed. */
async function judge(kernel: Kernel, options: Options): Promise<boolean> {
  const { name, module, explorations, equivalents } = kernel;
  const line = new StatusLine(screenOf(Deno.stderr));
  const start = performance.now();
  const cache = options.cache === undefined ? undefined : await readVerdicts(options.cache);
  const sources = await sourcesOf("tools/explorer") +
    await sourcesOf(`${name.split("/")[0]}/explore`);
  const gate = new Gate(module, explorations, sources);
  const judged: Judged[] = [];
  const wanted = (functionName: string, number: number) =>
    isWanted(options, name, functionName, number);
  for (const one of gate.judge(wanted, cache)) {
    judged.push(one);
    if (cache && judged.length % 100 === 0) await writeVerdicts(options.cache!, cache);
    line.show([`${name}: ${judged.length} mutants judged`, `${one.name}: ${one.verdict}`]);
    if (options.verbose) {
      line.clear();
      console.log(`${one.verdict} (${one.milliseconds} ms): ${one.name} (${one.by ?? ""})`);
    }
  }
  line.clear();
  if (cache) await writeVerdicts(options.cache!, cache);
  const report = reportOf(judged, equivalents);
  const seconds = Math.round((performance.now() - start) / 1000);
  const counts = Object.entries(report.counts).map(([verdict, count]) => `${count} ${verdict}`);
  console.log(`${name}: ${judged.length} mutants in ${seconds} s: ${counts.join(", ")};`);
  console.log(`  ${report.equivalent} of those not caught are listed as equivalent`);
  for (const line of report.open) console.log(`  ${line}`);
  if (options.part !== undefined) return report.open.length > 0;
  for (const line of report.stale) console.log(`  list: ${line}`);
  return report.open.length > 0 || report.stale.length > 0;
}

async function run(call: Call): Promise<number> {
  const [only, part, cache] = ["only", "part", "cache"].map((name) => call.value(name));
  const options = { only, part, cache, verbose: call.has("verbose") };
  let failed = false;
  for (const kernel of KERNELS) {
    if (only !== undefined && only !== kernel.name && !kernel.module.exports.has(only)) continue;
    if (only === undefined && kernel.pending !== undefined) {
      console.log(`${kernel.name}: not judged: ${kernel.pending}`);
      continue;
    }
    failed = await judge(kernel, options) || failed;
  }
  return failed ? 1 : 0;
}

const MUTANTS = singleCommand({
  command: "deno task mutants",
  summary: "Judges every small mistake in the kernels: an exploration must find it.",
  options: {
    only: { value: "NAME", help: "only mutants of this exported function, or of this package" },
    part: {
      value: "I/N",
      help: "only every Nth mutant, from the Ith on: to use several processes",
    },
    cache: {
      value: "FILE",
      help: "keeps verdicts there, and takes those whose function and explorations are the same",
    },
    verbose: { help: "a line for each mutant" },
  },
  run,
  notes:
    "Exit status: 1 if a mutant was neither caught nor listed, or if a list has a name too many.",
});

await runMain(MUTANTS, STANDARD_OUTPUT);
