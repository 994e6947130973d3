/**
 * The command line tool: prints, checks and builds machines, imports the monitor's text, looks
 * addresses up, and replays boot traces.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "../lib/command_line/values.ts";
import { FileError } from "../lib/text_files.ts";
import { type Environment, EXIT_INPUT, EXIT_OK } from "./command.ts";
import { lookup } from "./lookup.ts";
import { machineBuild } from "./machine_build.ts";
import { machineCheck } from "./machine_check.ts";
import { machinePrint, type Printed } from "./machine_print.ts";
import { mtreeImport } from "./mtree_import.ts";
import { replay } from "./replay.ts";

const HELP = `guestmem: memory maps of QEMU machines

  machine tree|flat|dispatch FILE.json [--qemu 7.2|11.1]
      Prints the region tree (info mtree -D), the flat views (-f), or these
      with their dispatch (-f -d), as that version of QEMU does; by default
      the one whose text the machine comes from.
  machine check FILE.json... [--json]
      Renders each machine and compares views, sharing and dispatch with what
      QEMU printed. Exit 1 if any differs.
  machine build FILE.json [--one-by-one] [--json]
      Builds a machine, one region at a time if asked, and reports time, memory
      and views. Exit 1 if the views are not QEMU's.
  mtree import TREE [--flat FLAT] [--name NAME] [--output FILE.json]
      Makes a machine from the monitor's text (info mtree, best with -D -o), with
      the flat views' text (-f or -f -d) as evidence. Reports what was inferred
      from the evidence and what stays open.
  lookup FILE.json --as NAME ADDRESS...
      Prints region, offset and kind of addresses in an address space.
  replay --before A.json [--after B.json] TRACE.gz... [--json]
      Looks up the address of every access in a boot trace. Exit 1 if any
      finds the wrong region.

Files whose names end in .gz are decompressed. Exit 2: malformed input.`;

/**
 * Runs a command.
 *
 * @param words The command line.
 * @param env Files and terminal.
 * @returns The exit code.
 */
export async function guestmem(words: readonly string[], env: Environment): Promise<number> {
  try {
    return await dispatch(words, env);
  } catch (error) {
    if (error instanceof UsageError) env.err(`${error.message} (see --help)`);
    else if (error instanceof FileError) env.err(error.message);
    else throw error;
    return EXIT_INPUT;
  }
}

function dispatch(words: readonly string[], env: Environment): Promise<number> {
  const args = parseArgs([...words], {
    boolean: ["help", "json", "one-by-one"],
    string: ["_", "flat", "output", "name", "qemu", "as", "before", "after"],
    unknown: (name, option) => {
      if (option !== undefined) throw new UsageError(`unknown option ${name}`);
    },
  });
  const [command, ...rest] = args._.map(String);
  if (args.help || command === undefined) {
    env.out(HELP);
    return Promise.resolve(args.help ? EXIT_OK : EXIT_INPUT);
  }
  switch (command) {
    case "machine":
      return machine(rest, args.qemu, args["one-by-one"], args.json, env);
    case "mtree":
      if (rest[0] !== "import") throw new UsageError(`expected "mtree import"`);
      return mtreeImport(one(rest.slice(1), "TREE"), args, env);
    case "lookup": {
      const [file, ...addresses] = rest;
      if (addresses.length === 0) throw new UsageError("expected FILE.json and an ADDRESS");
      return lookup(file!, required(args.as, "--as NAME"), addresses, env);
    }
    case "replay":
      if (rest.length === 0) throw new UsageError("expected a TRACE.gz");
      return replay(required(args.before, "--before A.json"), args.after, rest, args.json, env);
    default:
      throw new UsageError(`expected machine, mtree, lookup or replay, found "${command}"`);
  }
}

function machine(
  words: readonly string[],
  version: string | undefined,
  oneByOne: boolean,
  json: boolean,
  env: Environment,
): Promise<number> {
  const [what, ...files] = words;
  switch (what) {
    case "tree":
    case "flat":
    case "dispatch":
      return machinePrint(what satisfies Printed, one(files, "FILE.json"), version, env);
    case "check":
      if (files.length === 0) throw new UsageError("expected a FILE.json");
      return machineCheck(files, json, env);
    case "build":
      return machineBuild(one(files, "FILE.json"), oneByOne, json, env);
    default:
      throw new UsageError(`expected machine tree, flat, dispatch, check or build`);
  }
}

function one(words: readonly string[], what: string): string {
  if (words.length !== 1) throw new UsageError(`expected one ${what}, found ${words.length}`);
  return words[0]!;
}

function required(value: string | undefined, what: string): string {
  if (value === undefined || value === "") throw new UsageError(`expected ${what}`);
  return value;
}

if (import.meta.main) {
  const write = (stream: typeof Deno.stdout) => (line: string) => {
    const bytes = new TextEncoder().encode(line + "\n");
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  };
  const code = await guestmem(Deno.args, {
    out: write(Deno.stdout),
    err: write(Deno.stderr),
    read: (file) => Deno.readFile(file),
    write: (file, text) => Deno.writeTextFile(file, text),
  });
  Deno.exit(code);
}
