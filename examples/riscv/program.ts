/**
 * A RISC-V machine in a terminal: `deno task riscv --help`. What it runs on is in `main.ts` for Deno and
 * in `main_node.ts` for Node.
 *
 * @module
 */

import { type Output, singleCommand } from "../lib/command_line/program.ts";
import { UsageError } from "../lib/command_line/values.ts";
import { BootError } from "./boot/boot_error.ts";
import { Console, type Terminal } from "./console/console.ts";
import { loadImages, type ReadFile } from "./console/load_images.ts";
import { type Command, commandOf, OPTIONS } from "./console/options.ts";
import { exitStatus, jsonReport } from "./console/report_text.ts";
import { type MachineWorkers, Supervisor } from "./run/supervisor.ts";

/** What the program runs on. */
export interface Host extends Output {
  readonly workers: MachineWorkers;
  readonly readFile: ReadFile;
  readonly terminal: Terminal;
  /** What is typed, until it ends; nothing more is asked for after the run. */
  readonly typed: AsyncIterable<Uint8Array>;
  /** Switches the terminal to raw mode and back, if it is one. */
  readonly setRaw: (isRaw: boolean) => void;
}

/** The program. */
export const RISCV = singleCommand<Host>({
  command: "deno task riscv",
  summary: "Runs a RISC-V machine like QEMU's virt, with a worker for each hart.",
  details: `On the console, Ctrl-A x ends the run and Ctrl-A c opens the monitor. The README
says where to get images.`,
  options: OPTIONS,
  async run(call, host) {
    try {
      return await run(commandOf(call), host);
    } catch (error) {
      if (error instanceof BootError) throw new UsageError(error.message);
      throw error;
    }
  },
  notes: "Exit status: 0 if the guest powered off or the user ended the run, 1 if a worker died, " +
    "2 if the command line or an image is wrong, and what the guest gave to the test finisher " +
    "otherwise.",
});

async function run(command: Command, host: Host): Promise<number> {
  const { harts, memory, devices } = command;
  const pieces = await loadImages(command, host.readFile);
  const output = (bytes: Uint8Array) => host.terminal.write(bytes);
  const machine = new Supervisor({ workers: host.workers, harts, memory, pieces, devices, output });
  host.setRaw(true);
  try {
    void feed(new Console(machine, host.terminal), host.typed);
    const report = await machine.done;
    for (const line of report.failures) host.err(line);
    if (command.json) host.out(jsonReport(report));
    return exitStatus(report);
  } finally {
    host.setRaw(false);
  }
}

async function feed(console: Console, typed: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const bytes of typed) await console.type(bytes);
}
