import { type BuiltMachine, compareViews, publishMachine } from "@guestmem/flatview/machine";
import { liveViews } from "@guestmem/flatview/mtree";
import { FileError } from "../lib/text_files.ts";
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "../lib/command_line/program.ts";
import type { Environment } from "./command.ts";
import { readMachine } from "./machine_file.ts";
import { type CommandMemory, createMemory } from "./memory.ts";
import { Progress } from "./progress.ts";

type Comparison = ReturnType<typeof compareViews>;

/** Lines of a difference that are printed. */
const MAX_LINES = 40;

/** Totals over all files. */
interface Sums {
  files: { total: number; exact: number };
  views: { total: number; exact: number };
  ranges: { total: number; exact: number };
  dispatchLines: { total: number; exact: number };
  extraViews: number;
  malformed: number;
}

/** `machine check FILE.json...`: renders each machine and compares with what QEMU printed. */
export async function machineCheck(
  files: readonly string[],
  json: boolean,
  env: Environment,
): Promise<number> {
  const sums: Sums = {
    files: { total: 0, exact: 0 },
    views: { total: 0, exact: 0 },
    ranges: { total: 0, exact: 0 },
    dispatchLines: { total: 0, exact: 0 },
    extraViews: 0,
    malformed: 0,
  };
  const memory = createMemory();
  const progress = new Progress(files.length);
  for (const [index, file] of files.entries()) {
    progress.show(index, file);
    const lines = await checkFile(file, memory, sums, env);
    progress.clear();
    if (!json) lines.forEach(env.out);
  }
  if (json) env.out(JSON.stringify(sums));
  else env.out(summary(sums));
  if (sums.malformed > 0) return EXIT_USAGE;
  return sums.files.exact === sums.files.total ? EXIT_OK : EXIT_FAILED;
}

async function checkFile(
  file: string,
  memory: CommandMemory,
  sums: Sums,
  env: Environment,
): Promise<string[]> {
  sums.files.total++;
  let machine;
  try {
    machine = await readMachine(file, env);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    sums.malformed++;
    env.err(error.message);
    return [];
  }
  let published: BuiltMachine;
  try {
    published = publishMachine(machine, memory);
  } catch (error) {
    return [`${file}: cannot be rendered: ${error instanceof Error ? error.message : error}`];
  }
  const comparison = compareViews(liveViews(published.topology, true), machine.views);
  giveBack(published, memory);
  add(sums, comparison);
  return report(file, comparison);
}

/** One arena serves all files. */
function giveBack({ topology }: BuiltMachine, { domain }: CommandMemory): void {
  for (const space of topology.addressSpaces) space.destroy();
  topology.close();
  domain.barrier();
}

function add(sums: Sums, comparison: Comparison): void {
  for (const part of ["views", "ranges", "dispatchLines"] as const) {
    sums[part].total += comparison[part].total;
    sums[part].exact += comparison[part].exact;
  }
  sums.extraViews += comparison.extraViews;
  if (comparison.differences.length === 0) sums.files.exact++;
}

function report(file: string, { views, ranges, dispatchLines, differences }: Comparison): string[] {
  const counts = `${of(views)} views, ${of(ranges)} ranges, ${of(dispatchLines)} dispatch lines`;
  if (differences.length === 0) return [`${file}: exact: ${counts}`];
  const shown = differences.slice(0, MAX_LINES).map((line) => `  ${line}`);
  const more = differences.length - shown.length;
  return [`${file}: differs: ${counts}`, ...shown, ...more > 0 ? [`  ... ${more} more lines`] : []];
}

function summary({ files, views, ranges, dispatchLines }: Sums): string {
  return `${of(files)} files, ${of(views)} views, ${of(ranges)} ranges, ` +
    `${of(dispatchLines)} dispatch lines exact`;
}

function of({ exact, total }: Comparison["views"]): string {
  return exact === total ? `${total}` : `${exact} of ${total}`;
}
