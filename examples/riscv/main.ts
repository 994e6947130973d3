/**
 * A RISC-V machine in a terminal: `deno task riscv --help`.
 *
 * @module
 */

import { UsageError } from "../lib/command_line/values.ts";
import { BootError } from "./boot/boot_error.ts";
import { Console, type Terminal } from "./console/console.ts";
import { loadImages, type ReadFile } from "./console/load_images.ts";
import { type Command, HELP, parseCommand } from "./console/options.ts";
import { exitStatus, jsonReport } from "./console/report_text.ts";
import { Supervisor } from "./run/supervisor.ts";

/** What the program runs on. */
export interface Host {
  readonly readFile: ReadFile;
  readonly terminal: Terminal;
  /** What is typed, until it ends; nothing more is asked for after the run. */
  readonly typed: AsyncIterable<Uint8Array>;
  /** Switches the terminal to raw mode and back, if it is one. */
  readonly setRaw: (isRaw: boolean) => void;
  /** Takes help and reports. */
  readonly print: (text: string) => void;
  /** Takes what is wrong. */
  readonly complain: (line: string) => void;
}

/**
 * Runs what the command line asks for.
 *
 * @returns The exit status.
 */
export async function main(words: string[], host: Host): Promise<number> {
  try {
    const command = parseCommand(words);
    if (command !== "help") return await run(command, host);
    host.print(HELP);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof BootError)) throw error;
    host.complain(`${error.message}. Try --help.`);
    return 2;
  }
}

async function run(command: Command, host: Host): Promise<number> {
  const { harts, memory, devices } = command;
  const pieces = await loadImages(command, host.readFile);
  const output = (bytes: Uint8Array) => host.terminal.write(bytes);
  const machine = new Supervisor({ harts, memory, pieces, devices, output });
  host.setRaw(true);
  try {
    void feed(new Console(machine, host.terminal), host.typed);
    const report = await machine.done;
    for (const line of report.failures) host.complain(line);
    if (command.json) host.print(jsonReport(report));
    return exitStatus(report);
  } finally {
    host.setRaw(false);
  }
}

async function feed(console: Console, typed: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const bytes of typed) await console.type(bytes);
}

/** Writes all of the bytes. */
function writeAll(bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

if (import.meta.main) {
  const { stdin } = Deno;
  const status = await main(Deno.args, {
    readFile: Deno.readFile,
    terminal: { write: writeAll },
    typed: stdin.readable,
    setRaw: (isRaw) => stdin.isTerminal() && stdin.setRaw(isRaw),
    print: console.log,
    complain: console.error,
  });
  // Exits explicitly: a read of the terminal, or a worker that hangs, would keep the process alive.
  Deno.exit(status);
}
