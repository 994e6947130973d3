/** The RISC-V machine in Node, bundled: `deno task riscv:node`. */

import { readFile } from "node:fs/promises";
import process from "node:process";
import { runProgram } from "../lib/command_line/run_program.ts";
import { startWorker } from "../lib/workers_node.ts";
import { RISCV } from "./program.ts";

const { stdin, stdout, stderr } = process;
const status = await runProgram(RISCV, process.argv.slice(2), {
  out: (line) => void stdout.write(`${line}\n`),
  err: (line) => void stderr.write(`${line}\n`),
  workers: {
    start: startWorker,
    devices: new URL("./device_worker_node.js", import.meta.url),
    hart: new URL("./hart_worker_node.js", import.meta.url),
  },
  // A copy has a buffer of its own size.
  readFile: async (name) => new Uint8Array(await readFile(name)),
  terminal: { write: (bytes) => void stdout.write(bytes) },
  typed: stdin,
  setRaw: (isRaw) => void (stdin.isTTY && stdin.setRawMode(isRaw)),
});
// Explicitly: the terminal, or a worker that hangs, would keep the process alive.
process.exit(status);
