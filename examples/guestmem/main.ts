/**
 * The command line tool: prints, draws, compares, checks and builds machines, imports the monitor's
 * text, looks addresses up, and replays boot traces.
 *
 * @module
 */
import type { OptionSpec } from "../lib/command_line/call.ts";
import type { CommandSpec, ProgramSpec } from "../lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../lib/command_line/run_program.ts";
import { screenOf } from "../lib/terminal/screen.ts";
import { FileError } from "../lib/text_files.ts";
import type { Environment } from "./command.ts";
import { diff } from "./diff.ts";
import { lookup } from "./lookup.ts";
import { machineBuild } from "./machine_build.ts";
import { machineCheck } from "./machine_check.ts";
import { machinePrint } from "./machine_print.ts";
import { map } from "./map.ts";
import { mtreeImport } from "./mtree_import.ts";
import { replay } from "./replay.ts";

const JSON_OPTION: OptionSpec = { help: "print the result as JSON" };
const OUTPUT: OptionSpec = { value: "FILE", help: "write to a file, not to standard output" };

const PRINTED = {
  tree: ["Prints the region tree", "info mtree -D"],
  flat: ["Prints the flat views", "info mtree -f"],
  dispatch: ["Prints the flat views with their dispatch", "info mtree -f -d"],
} as const;

function printCommand(what: keyof typeof PRINTED): CommandSpec<Environment> {
  const [summary, monitor] = PRINTED[what];
  return {
    name: `machine ${what}`,
    words: "FILE.json",
    summary,
    details: `Prints as QEMU's monitor does for "${monitor}".`,
    options: {
      qemu: {
        value: "7.2|11.1",
        help: "as that version of QEMU does (the one whose text the machine comes from)",
      },
    },
    run: (call, env) => machinePrint(what, call.words[0]!, call.value("qemu"), env),
  };
}

const COMMANDS: readonly CommandSpec<Environment>[] = [
  {
    name: "map",
    words: "FILE",
    summary: "Draws what an address space shows",
    details: `FILE is a machine, or the monitor's text (info mtree -f). Sizes are drawn on a
logarithmic scale.`,
    options: {
      as: { value: "NAME", help: "the address space (memory, or else the first)" },
      svg: { help: "draw an SVG picture" },
      output: OUTPUT,
    },
    run: map,
  },
  {
    name: "diff",
    words: "BEFORE AFTER",
    summary: "Compares what two dumps show. Exit 1 if they differ",
    details: "Each is a machine, or the monitor's text (info mtree -f).",
    run: ({ words }, env) => diff(words[0]!, words[1]!, env),
  },
  {
    name: "lookup",
    words: "FILE.json ADDRESS...",
    summary: "Prints region, offset and kind of addresses",
    options: { as: { value: "NAME", help: "the address space; must be given" } },
    run: (call, env) => lookup(call.words[0]!, call.required("as"), call.words.slice(1), env),
  },
  printCommand("tree"),
  printCommand("flat"),
  printCommand("dispatch"),
  {
    name: "machine check",
    words: "FILE.json...",
    summary: "Compares rendered machines with what QEMU printed. Exit 1 if any differs",
    details: "Compares views, their sharing and their dispatch.",
    options: { json: JSON_OPTION },
    run: (call, env) => machineCheck(call.words, call.has("json"), env),
  },
  {
    name: "machine build",
    words: "FILE.json",
    summary: "Builds a machine and reports the cost. Exit 1 if the views are not QEMU's",
    options: {
      "one-by-one": { help: "one region at a time, each in a transaction" },
      json: JSON_OPTION,
    },
    run: (call, env) => machineBuild(call.words[0]!, call.has("one-by-one"), call.has("json"), env),
  },
  {
    name: "mtree import",
    words: "TREE",
    summary: "Makes a machine from the monitor's text",
    details: `TREE is the text of "info mtree", best with -D -o. Reports what was inferred and
what stays open.`,
    options: {
      flat: { value: "FLAT", help: "the flat views' text (-f or -f -d), as evidence" },
      name: { value: "NAME", help: "name of the machine (that of the file)" },
      output: OUTPUT,
    },
    run: (call, env) =>
      mtreeImport(call.words[0]!, {
        flat: call.value("flat"),
        name: call.value("name"),
        output: call.value("output"),
      }, env),
  },
  {
    name: "replay",
    words: "TRACE...",
    summary: "Looks up each access of a boot trace. Exit 1 if one finds the wrong region",
    options: {
      before: { value: "A.json", help: "the machine at the start; must be given" },
      after: { value: "B.json", help: "the machine at the end, if the map changes" },
      json: JSON_OPTION,
    },
    run: (call, env) =>
      replay(call.required("before"), call.value("after"), call.words, call.has("json"), env),
  },
];

/** The program. */
export const GUESTMEM: ProgramSpec<Environment> = {
  command: "deno task guestmem",
  summary: "Memory maps of QEMU machines.",
  commands: COMMANDS,
  notes: "Files whose names end in .gz are decompressed. Exit status 2: the command line or a " +
    "file is wrong.",
};

if (import.meta.main) {
  const screen = screenOf(Deno.stdout);
  await runMain(GUESTMEM, {
    ...STANDARD_OUTPUT,
    columns: screen.columns,
    read: (file) => Deno.readFile(file),
    write: async (file, text) => {
      try {
        await Deno.writeTextFile(file, text);
      } catch (error) {
        throw new FileError(file, error);
      }
    },
  });
}
