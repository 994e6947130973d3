/**
 * Runs programs of the public RISC-V test suites on the hart: riscv-tests, and riscv-arch-test with
 * a target whose end is a 1 in `tohost`.
 *
 *     deno task riscv:suite [--signature FILE] PROGRAM...
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { runProgram } from "./run.ts";

const { _: files, signature } = parseArgs(Deno.args, { string: ["signature"] });
let failed = 0;
for (const file of files.map(String)) {
  const outcome = runProgram(Deno.readFileSync(file));
  if (!outcome.passed) failed++;
  if (!outcome.passed) console.log(`${file}: ${outcome.reason}`);
  if (signature !== undefined) Deno.writeTextFileSync(signature, lines(outcome.signature));
}
console.log(`${files.length} programs, ${failed} failed`);
if (failed || !files.length) Deno.exitCode = 1;

/** A signature as riscof reads it: a word a line, in hexadecimal. */
function lines(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const words = Array.from(
    { length: bytes.length >>> 2 },
    (_, index) => view.getUint32(index * 4, true),
  );
  return words.map((word) => `${word.toString(16).padStart(8, "0")}\n`).join("");
}
