import {
  importMachine,
  type ImportOptions,
  printImportReport,
  printMachine,
} from "@guestmem/flatview/machine";
import { parseFlatViews } from "@guestmem/flatview/mtree";
import { readText } from "../lib/text_files.ts";
import { type Environment, EXIT_DIFFERS, EXIT_OK } from "./command.ts";
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
  let evidence: ImportOptions = { name };
  if (options.flat !== undefined) {
    const flat = await readText(options.flat, env);
    evidence = { name, views: namingFile(options.flat, () => parseFlatViews(flat)) };
  }
  const { machine, report } = namingFile(tree, () => importMachine(text, evidence));
  const json = printMachine(machine);
  if (options.output === undefined) env.out(json.trimEnd());
  else await env.write(options.output, json);
  const say = options.output === undefined ? env.err : env.out;
  printImportReport(report).forEach(say);
  return report.exact === false ? EXIT_DIFFERS : EXIT_OK;
}
