/** ELF programs run and report; files that are no programs are refused. */

import { assertEquals, assertThrows } from "@std/assert";
import { i, jal, s, u } from "../test_board.ts";
import { runProgram } from "./run.ts";

const RAM = 0x80000000;

/** An ELF file of one segment at the start of RAM, with a symbol table for `tohost`. */
function elf(
  code: readonly number[],
  { machine = 243, address = RAM, symbol = "tohost" } = {},
): Uint8Array {
  const bytes = new Uint8Array(0x400);
  const view = new DataView(bytes.buffer);
  const word = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  view.setUint16(18, machine, true);
  word(24, RAM);
  word(32, 0x40); // program headers: one
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(0x40, 1, true);
  word(0x48, 0x200);
  word(0x58, address);
  word(0x60, code.length * 4);
  word(40, 0x80); // section headers: the symbols, and their names
  view.setUint16(58, 64, true);
  view.setUint16(60, 2, true);
  view.setUint32(0x84, 2, true);
  word(0x98, 0x300);
  word(0xa0, 24);
  view.setUint32(0xa8, 1, true);
  word(0xd8, 0x340);
  bytes.set(new TextEncoder().encode(symbol), 0x340);
  word(0x308, RAM + 0x1000);
  code.forEach((bits, index) => view.setUint32(0x200 + index * 4, bits, true));
  return bytes;
}

/** Stores a value to `tohost`, and stays there. */
function report(value: number): number[] {
  return [u(0x17, 5, 0x1000), i(0x13, 0, 6, 0, value), s(0x23, 2, 5, 6, 0), jal(0, 0)];
}

Deno.test("a program passes, fails with its case, or says nothing", () => {
  assertEquals(runProgram(elf(report(1))).reason, "passed");
  assertEquals(runProgram(elf(report(7))), {
    passed: false,
    reason: "failed: case 3",
    signature: new Uint8Array(),
  });
  assertEquals(
    runProgram(elf([jal(0, 0)]), 20_000).reason,
    "no report: pc 0x80000000, mcause 0x0, mepc 0x0, mtval 0x0",
  );
});

Deno.test("what is no program for the hart is refused", () => {
  const refused = (file: Uint8Array, message: string) =>
    assertThrows(() => runProgram(file), RangeError, message);
  refused(new Uint8Array(10), "it is no little-endian ELF file of 64 bits");
  refused(elf([], { machine: 62 }), "its machine must be 243 (RISC-V), and is 62");
  refused(elf([], { symbol: "other" }), "it has no symbol tohost");
  refused(elf([0], { address: 0x1000 }), "Cannot load 4 bytes at 0x1000");
});
