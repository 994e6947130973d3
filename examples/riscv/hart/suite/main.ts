/**
 * Runs programs of the public RISC-V test suites on the hart: riscv-tests, and riscv-arch-test with
 * a target whose end is a 1 in `tohost`.
 *
 * @module
 */

import { singleCommand } from "../../../lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../../lib/command_line/run_program.ts";
import { runProgram } from "./run.ts";

const SUITE = singleCommand({
  command: "deno task riscv:suite",
  summary: "Runs programs of the public RISC-V test suites on the hart.",
  words: "PROGRAM...",
  options: { signature: { value: "FILE", help: "where a program's signature is written" } },
  run: (call) => {
    const signature = call.value("signature");
    let failed = 0;
    for (const file of call.words) {
      const outcome = runProgram(Deno.readFileSync(file));
      if (!outcome.passed) failed++;
      if (!outcome.passed) console.log(`${file}: ${outcome.reason}`);
      if (signature !== undefined) Deno.writeTextFileSync(signature, lines(outcome.signature));
    }
    console.log(`${call.words.length} programs, ${failed} failed`);
    return failed ? 1 : 0;
  },
});

await runMain(SUITE, STANDARD_OUTPUT);

/** A signature as riscof reads it: a word a line, in hexadecimal. */
function lines(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const words = Array.from(
    { length: bytes.length >>> 2 },
    (_, index) => view.getUint32(index * 4, true),
  );
  return words.map((word) => `${word.toString(16).padStart(8, "0")}\n`).join("");
}
