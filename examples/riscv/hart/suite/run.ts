/**
 * Runs a program that reports by the word `tohost`, as the public RISC-V test suites do.
 *
 * @module
 */

import { EXIT, Hart, hartAreaSize, RESOLUTION } from "../hart.ts";
import { parseElf } from "./elf.ts";

/** Where the RAM lies for the guest, and its size. */
const RAM = 0x80000000;
const RAM_BYTES = 32 << 20;
const DECODED_PAGES = 64;
const AREA = 0x1000;
const RAM_AT = AREA + hartAreaSize(DECODED_PAGES) + 0xffff & ~0xffff;
const PAGES = (RAM_AT + RAM_BYTES) >>> 16;
const SLICE = 10_000;

/** What a program reported. */
export interface Outcome {
  /** Whether it wrote 1 to `tohost`. */
  readonly passed: boolean;
  /** In words. */
  readonly reason: string;
  /** The bytes from `begin_signature` to `end_signature`, if it has them. */
  readonly signature: Uint8Array;
}

/**
 * Runs a program in M mode from its entry until it reports.
 *
 * @param file An ELF file that lies in 32 MiB of RAM at 0x80000000 and has a symbol `tohost`.
 * @param limit Instructions after which it has failed.
 * @throws {RangeError} If the file is no such program.
 */
export function runProgram(file: Uint8Array, limit = 50_000_000): Outcome {
  const { entry, segments, symbols } = parseElf(file);
  const toHost = symbols.get("tohost");
  if (toHost === undefined) throw new RangeError("Cannot run the program: it has no symbol tohost");
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
  const ram = new Uint8Array(memory.buffer, RAM_AT, RAM_BYTES);
  for (const { address, bytes } of segments) {
    if (address < RAM || address + bytes.length > RAM + RAM_BYTES) {
      throw new RangeError(
        `Cannot load ${bytes.length} bytes at 0x${
          address.toString(16)
        }: the RAM is 32 MiB at 0x80000000`,
      );
    }
    ram.set(bytes, address - RAM);
  }
  let ticks = 0;
  const hart = new Hart({
    memory,
    area: AREA,
    decodedPages: DECODED_PAGES,
    id: 0,
    resolve: (page) => {
      const at = page * 4096 - RAM;
      if (at < 0 || at >= RAM_BYTES) return 0;
      return (RAM_AT + at | RESOLUTION.READABLE | RESOLUTION.WRITABLE) >>> 0;
    },
    time: () => ticks++,
  });
  hart.set("pc", entry);
  const report = new DataView(memory.buffer, RAM_AT + toHost - RAM);
  for (let run = 0; run < limit && !report.getUint32(0, true); run += SLICE) {
    const exit = hart.run(SLICE);
    if (exit === EXIT.MMIO_LOAD || exit === EXIT.MMIO_STORE) hart.refuse();
  }
  const value = report.getUint32(0, true);
  return { passed: value === 1, reason: reasonOf(value, hart), signature: signature(ram, symbols) };
}

function reasonOf(value: number, hart: Hart): string {
  if (value === 1) return "passed";
  if (value) return `failed: case ${value >>> 1}`;
  const hex = (name: "pc" | "mcause" | "mepc" | "mtval") =>
    `${name} 0x${hart.get(name).toString(16)}`;
  return `no report: ${(["pc", "mcause", "mepc", "mtval"] as const).map(hex).join(", ")}`;
}

function signature(ram: Uint8Array, symbols: ReadonlyMap<string, number>): Uint8Array {
  const begin = symbols.get("begin_signature") ?? RAM;
  return ram.slice(begin - RAM, (symbols.get("end_signature") ?? begin) - RAM);
}
