/**
 * Runs programs without firmware on a whole machine, for tests.
 *
 * @module
 */

import { resetVector } from "../boot/reset_vector.ts";
import { assemble, type Line } from "../hart/assembler.ts";
import { branch, csr, i, r, s, u } from "../hart/test_board.ts";
import { MEMORY_MAP } from "../fdt/memory_map.ts";
import { type RunOptions, type RunReport, Supervisor } from "./supervisor.ts";
import { WEB_WORKERS } from "./workers_web.ts";

/** A run that takes longer counts as a hang, however slow the machine. */
const HANG_MS = 240_000;

/** Registers by their names in the ABI. */
export const X = { zero: 0, t0: 5, t1: 6, t2: 7, a0: 10, a1: 11, a2: 12, a3: 13, a4: 14 } as const;

/** Loads a constant of 32 bits, zero-extended above bit 31. */
export function li(register: number, value: number): number[] {
  const low = value << 20 >> 20;
  const words = [u(0x37, register, value - low | 0), i(0x1b, 0, register, register, low)];
  // lui extends the sign: shift it out and back in as zeros.
  return value < 2 ** 31 ? words : [...words, shift(1, register, 32), shift(5, register, 32)];
}

function shift(funct3: number, register: number, amount: number): number {
  return i(0x13, funct3, register, register, amount);
}

/** Loads and stores, and other instructions by their names. */
export const lw = (rd: number, base: number, offset = 0) => i(0x03, 2, rd, base, offset);
export const ld = (rd: number, base: number, offset = 0) => i(0x03, 3, rd, base, offset);
export const lbu = (rd: number, base: number, offset = 0) => i(0x03, 4, rd, base, offset);
export const sw = (source: number, base: number, offset = 0) => s(0x23, 2, base, source, offset);
export const sd = (source: number, base: number, offset = 0) => s(0x23, 3, base, source, offset);
export const sb = (source: number, base: number, offset = 0) => s(0x23, 0, base, source, offset);
export const addi = (rd: number, source: number, value: number) => i(0x13, 0, rd, source, value);
export const andi = (rd: number, source: number, value: number) => i(0x13, 7, rd, source, value);
export const add = (rd: number, a: number, b: number) => r(0x33, 0, 0, rd, a, b);
/** `csrw` and `csrr`. */
export const csrw = (number: number, source: number) => csr(1, 0, number, source);
export const csrr = (rd: number, number: number) => csr(2, rd, number, 0);
/** Branches to labels. */
export const beq = (a: number, b: number, to: string): Line => ({
  branch: to,
  bits: branch(0, a, b, 0),
});
export const bne = (a: number, b: number, to: string): Line => ({
  branch: to,
  bits: branch(1, a, b, 0),
});
export const bltu = (a: number, b: number, to: string): Line => ({
  branch: to,
  bits: branch(6, a, b, 0),
});
export const jump = (to: string): Line => beq(0, 0, to);
export const label = (name: string): Line => ({ label: name });

/** CSRs. */
export const CSR = {
  mstatus: 0x300,
  mie: 0x304,
  mtvec: 0x305,
  mcause: 0x342,
  mip: 0x344,
  mhartid: 0xf14,
};

/** Ends the run: writes a word to the test finisher. */
export function finish(word: number): Line[] {
  return [
    ...li(X.t0, MEMORY_MAP.testFinisher.base),
    ...li(X.t1, word),
    sw(X.t1, X.t0),
    label(`ended ${word}`),
    jump(`ended ${word}`),
  ];
}

/** What a test may change of a run. */
export interface ProgramOptions extends Partial<Pick<RunOptions, "harts">> {
  /** The module of a hart's worker. */
  readonly hartWorker?: string;
  /** Called with the machine and the text that it printed so far. */
  readonly onOutput?: (machine: Supervisor, text: string) => void;
}

/** How a program ran. */
export interface ProgramRun {
  readonly report: RunReport;
  /** What it sent to the serial port. */
  readonly text: string;
}

/** Runs a program from the start of RAM, on every hart. */
export async function runProgram(
  program: readonly Line[],
  { harts = 1, hartWorker: hart = `${WEB_WORKERS.hart}`, onOutput }: ProgramOptions = {},
): Promise<ProgramRun> {
  const words = Uint32Array.from(assemble(program).code);
  const { base } = MEMORY_MAP.ram;
  const rom = resetVector({ firmware: base, deviceTree: 0, next: 0 });
  let text = "";
  const machine = new Supervisor({
    workers: { ...WEB_WORKERS, hart },
    harts,
    memory: 2 ** 24,
    pieces: [
      { name: "the program", address: base, bytes: new Uint8Array(words.buffer) },
      { name: "the reset vector", address: MEMORY_MAP.rom.base, bytes: rom },
    ],
    output: (bytes) => {
      text += new TextDecoder().decode(bytes);
      onOutput?.(machine, text);
    },
  });
  return { report: await doneOrHung(machine, () => text), text };
}

/** Waits for the end of a run. @throws If it hangs, with what it printed. */
export async function doneOrHung(machine: Supervisor, text: () => string): Promise<RunReport> {
  let isHung = false;
  const guard = setTimeout(() => {
    isHung = true;
    machine.quit();
  }, HANG_MS);
  const report = await machine.done;
  clearTimeout(guard);
  if (isHung) throw new Error(`The machine hangs. It printed:\n${text()}`);
  return report;
}
