/** The RISC-V machine in Deno: `deno task riscv`. */

import { runMain, STANDARD_OUTPUT } from "../lib/command_line/run_program.ts";
import { writeAll } from "../lib/terminal/screen.ts";
import { RISCV } from "./program.ts";
import { WEB_WORKERS } from "./run/workers_web.ts";

const { stdin, stdout } = Deno;
await runMain(RISCV, {
  ...STANDARD_OUTPUT,
  workers: WEB_WORKERS,
  readFile: Deno.readFile,
  terminal: { write: (bytes) => writeAll(stdout, bytes) },
  typed: stdin.readable,
  setRaw: (isRaw) => stdin.isTerminal() && stdin.setRaw(isRaw),
});
