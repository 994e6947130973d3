/**
 * A hart with RAM and nothing else, and the encodings of the instructions that tests put there.
 *
 * @module
 */

import { Hart, hartAreaSize, RESOLUTION } from "./hart.ts";

/** Where the RAM lies for the guest. */
export const RAM = 0x80000000;
const RAM_PAGES = 64;
const RAM_AT = 0x10000;
const DECODED_PAGES = 16;

/** A hart over 256 KiB of RAM. */
export class Board {
  readonly memory: WebAssembly.Memory;
  readonly hart: Hart;
  readonly view: DataView;
  /** Address of the hart's area in `memory`. */
  readonly area: number;
  time = 0;
  /** Pages that the hart has marked. */
  readonly marked: number[] = [];
  /** Called when the hart marks a page. */
  onMark?: () => void;
  /** Pages whose RESOLUTION is not that of RAM. */
  readonly access = new Map<number, number>();

  /** A board, or another hart on the memory of one. */
  constructor(memory?: WebAssembly.Memory, index = 0) {
    this.memory = memory ?? new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
    this.view = new DataView(this.memory.buffer, RAM_AT);
    this.area = RAM_AT + RAM_PAGES * 4096 + index * (hartAreaSize(DECODED_PAGES) + 63 & ~63);
    this.hart = new Hart({
      memory: this.memory,
      area: this.area,
      decodedPages: DECODED_PAGES,
      id: index,
      mark: (page) => {
        this.marked.push(page);
        this.onMark?.();
      },
      resolve: (page) => {
        const at = page - RAM / 4096;
        if (at < 0 || at >= RAM_PAGES) return 0;
        const access = this.access.get(page) ?? RESOLUTION.READABLE | RESOLUTION.WRITABLE;
        return access ? RAM_AT + at * 4096 | access : 0;
      },
      time: () => this.time,
    });
    this.hart.set("pc", BigInt(RAM));
  }

  /** Writes instructions from an offset in RAM on. */
  program(words: readonly number[], offset = 0): void {
    words.forEach((word, index) => this.view.setUint32(offset + index * 4, word, true));
  }

  /** Runs exactly these instructions from the start of RAM. */
  runProgram(words: readonly number[]): number {
    this.program(words);
    this.hart.flush();
    this.hart.set("pc", BigInt(RAM));
    return this.hart.run(words.length);
  }
}

/** R-type. */
export function r(
  opcode: number,
  funct3: number,
  funct7: number,
  rd: number,
  a: number,
  b: number,
) {
  return (opcode | rd << 7 | funct3 << 12 | a << 15 | b << 20 | funct7 << 25) >>> 0;
}

/** I-type. */
export function i(opcode: number, funct3: number, rd: number, a: number, immediate: number) {
  return (opcode | rd << 7 | funct3 << 12 | a << 15 | immediate << 20) >>> 0;
}

/** S-type. */
export function s(opcode: number, funct3: number, a: number, b: number, immediate: number) {
  return r(opcode, funct3, immediate >> 5 & 127, immediate & 31, a, b);
}

/** U-type; `value` is the immediate with its 12 low zeros. */
export function u(opcode: number, rd: number, value: number) {
  return (opcode | rd << 7 | value & ~0xfff) >>> 0;
}

/** B-type: a conditional branch by `distance` bytes. */
export function branch(funct3: number, a: number, b: number, distance: number) {
  const upper = distance >> 12 << 6 | distance >> 5 & 63;
  return r(0x63, funct3, upper, distance & 0x1e | distance >> 11 & 1, a, b);
}

/** J-type. */
export function jal(rd: number, distance: number) {
  const low = (distance & 0x7fe) << 20 | (distance >> 11 & 1) << 20;
  return (0x6f | rd << 7 | distance & 0xff000 | low | distance >> 20 << 31) >>> 0;
}

/** `csrrw`, `csrrs` and `csrrc`, by funct3 1, 2 and 3. */
export function csr(funct3: number, rd: number, number: number, rs1: number) {
  return i(0x73, funct3, rd, rs1, number);
}

export const ECALL = 0x73;
export const MRET = 0x30200073;
export const SRET = 0x10200073;
export const WFI = 0x10500073;
export const FENCE_I = 0x100f;
export const SFENCE_VMA = 0x12000073;
