import { importMachine, printImportReport, printMachine } from "@guestmem/flatview/machine";
import { parseFlatViews, type PrintedView } from "@guestmem/flatview/mtree";
import { readText } from "../lib/text_files.ts";
import { EXIT_FAILED, EXIT_OK } from "../lib/command_line/program.ts";
import type { Environment } from "./command.ts";
import { namingFile } from "./machine_file.ts";

/** Options of `mtree import`. */
export interface ImportArguments {
  /** File with the text of `info mtree -f` or `-f -d`. */
  readonly flat?: string | undefined;
  /** File for the machine; standard output if not given. */
  readonly output?: string | undefined;
  /** Name of the machine; the file's name if not given. */
  readonly name?: string | undefined;
}

/**
 * `mtree import TREE`: makes a machine file from the monitor's text, and reports what it inferred.
 */
export async function mtreeImport(
  tree: string,
  options: ImportArguments,
  env: Environment,
): Promise<number> {
  const text = await readText(tree, env);
  const name = options.name ?? tree.replace(/^.*\//, "").replace(/(\.tree)?\.txt$/, "");
  const views = options.flat === undefined ? undefined : await readViews(options.flat, env);
  const evidence = views === undefined ? { name } : { name, views };
  const { machine, report } = namingFile(tree, () => importMachine(text, evidence));
  const json = printMachine(machine);
  if (options.output === undefined) env.out(json.trimEnd());
  else await env.write(options.output, json);
  const say = options.output === undefined ? env.err : env.out;
  printImportReport(report).forEach(say);
  return report.exact === false ? EXIT_FAILED : EXIT_OK;
}

async function readViews(file: string, env: Environment): Promise<PrintedView[]> {
  const text = await readText(file, env);
  return namingFile(file, () => parseFlatViews(text));
}
