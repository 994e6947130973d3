/**
 * The encodings that random blocks draw from, by format. The tables are written from the manual; the
 * hart's decoder is not consulted.
 *
 * @module
 */

import { r } from "../test_board.ts";

/** funct7 and funct3 of the instructions on two registers of OP (0x33). */
const OP: readonly (readonly [number, number])[] = [
  // add sub sll slt sltu xor srl sra or and
  ...[[0, 0], [0x20, 0], [0, 1], [0, 2], [0, 3], [0, 4], [0, 5], [0x20, 5], [0, 6], [
    0,
    7,
  ]] as const,
  // mul mulh mulhsu mulhu div divu rem remu
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((funct3) => [1, funct3] as const),
  // sh1add sh2add sh3add, andn orn xnor, min minu max maxu, rol ror, bclr bext binv bset
  ...[[0x10, 2], [0x10, 4], [0x10, 6], [0x20, 7], [0x20, 6], [0x20, 4]] as const,
  ...[[5, 4], [5, 5], [5, 6], [5, 7], [0x30, 1], [0x30, 5]] as const,
  ...[[0x24, 1], [0x24, 5], [0x34, 1], [0x14, 1]] as const,
];

/** The same of OP-32 (0x3b). */
const OP_32: readonly (readonly [number, number])[] = [
  // addw subw sllw srlw sraw, mulw divw divuw remw remuw
  ...[[0, 0], [0x20, 0], [0, 1], [0, 5], [0x20, 5]] as const,
  ...[[1, 0], [1, 4], [1, 5], [1, 6], [1, 7]] as const,
  // add.uw sh1add.uw sh2add.uw sh3add.uw rolw rorw
  ...[[4, 0], [0x10, 2], [0x10, 4], [0x10, 6], [0x30, 1], [0x30, 5]] as const,
];

/** Instructions on two registers, with all register fields zero. */
export const REGISTERS: readonly number[] = [
  ...OP.map(([funct7, funct3]) => r(0x33, funct3, funct7, 0, 0, 0)),
  ...OP_32.map(([funct7, funct3]) => r(0x3b, funct3, funct7, 0, 0, 0)),
];

/** Instructions on one register, with its fields zero: the unary ones of Zbb. */
export const UNARY: readonly number[] = [
  // clz ctz cpop sext.b sext.h, orc.b rev8, zext.h
  ...[0x600, 0x601, 0x602, 0x604, 0x605].map((funct12) => (funct12 << 20 | 1 << 12 | 0x13) >>> 0),
  ...[0x287, 0x6b8].map((funct12) => (funct12 << 20 | 5 << 12 | 0x13) >>> 0),
  r(0x3b, 4, 4, 0, 0, 0),
  // clzw cpopw. Not ctzw: QEMU 7.2 goes on to count in the upper half if the lower half is zero.
  ...[0x600, 0x602].map((funct12) => (funct12 << 20 | 1 << 12 | 0x1b) >>> 0),
];

/** Shifts by a constant: the instruction, and how many bits the amount has. */
export const SHIFTS: readonly (readonly [number, number])[] = [
  // slli srli srai, bclri bexti binvi bseti rori
  ...([[0, 1], [0, 5], [0x400, 5], [0x480, 1], [0x480, 5], [0x680, 1], [0x280, 1], [
    0x600,
    5,
  ]] as const)
    .map(([high, funct3]) => [(high << 20 | funct3 << 12 | 0x13) >>> 0, 6] as const),
  // slliw srliw sraiw roriw, slli.uw
  ...([[0, 1], [0, 5], [0x400, 5], [0x600, 5]] as const)
    .map(([high, funct3]) => [(high << 20 | funct3 << 12 | 0x1b) >>> 0, 5] as const),
  [(0x080 << 20 | 1 << 12 | 0x1b) >>> 0, 6],
];

/** Immediate arithmetic, with all fields zero: addi slti sltiu xori ori andi, addiw. */
export const IMMEDIATES: readonly number[] = [
  ...[0, 2, 3, 4, 6, 7].map((funct3) => funct3 << 12 | 0x13),
  0x1b,
];

/** Loads and stores: opcode with funct3, and the size. */
export const LOADS: readonly (readonly [number, number])[] = [
  ...[1, 2, 4, 8, 1, 2, 4].map((size, funct3) => [funct3 << 12 | 0x03, size] as const),
  [0x2007, 4],
  [0x3007, 8],
];
export const STORES: readonly (readonly [number, number])[] = [
  ...[1, 2, 4, 8].map((size, funct3) => [funct3 << 12 | 0x23, size] as const),
  [0x2027, 4],
  [0x3027, 8],
];

export const LR = 2;
export const SC = 3;
/** funct5 of the atomics: those two, swap, add, xor, and, or, min, max, minu, maxu. */
export const ATOMICS: readonly number[] = [LR, SC, 1, 0, 4, 12, 8, 16, 20, 24, 28];

/** An instruction of F or D that computes, for both formats: funct7, rs2 or -1, funct3 or -1. */
const FLOAT: readonly (readonly [number, number, number])[] = [
  // fadd fsub fmul fdiv fsqrt
  ...[[0, -1, -1], [4, -1, -1], [8, -1, -1], [12, -1, -1], [0x2c, 0, -1]] as const,
  // fsgnj fsgnjn fsgnjx, fmin fmax, fle flt feq, fclass
  ...[[0x10, -1, 0], [0x10, -1, 1], [0x10, -1, 2], [0x14, -1, 0], [0x14, -1, 1]] as const,
  ...[[0x50, -1, 0], [0x50, -1, 1], [0x50, -1, 2], [0x70, 0, 1]] as const,
  // fcvt between the integers and the format, fmv.x and fmv to it
  ...[0, 1, 2, 3].flatMap((rs2) => [[0x60, rs2, -1], [0x68, rs2, -1]] as const),
  ...[[0x70, 0, 0], [0x78, 0, 0]] as const,
];

/** A choice of rounding: each static mode, the dynamic one most often, and the two reserved ones. */
export const ROUNDING: readonly number[] = [0, 1, 2, 3, 4, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 5, 6];

/** Instructions of F and D: the bits, and the fields that they leave free. */
export interface FloatEncoding {
  readonly bits: number;
  readonly rs2: boolean;
  readonly rounding: boolean;
}
export const FLOATS: readonly FloatEncoding[] = [
  ...[0, 1].flatMap((format) =>
    FLOAT.map(([funct7, rs2, funct3]) => ({
      bits: r(0x53, Math.max(funct3, 0), funct7 | format, 0, 0, Math.max(rs2, 0)),
      rs2: rs2 < 0,
      rounding: funct3 < 0,
    }))
  ),
  // fcvt.s.d and fcvt.d.s
  { bits: r(0x53, 0, 0x20, 0, 0, 1), rs2: false, rounding: true },
  { bits: r(0x53, 0, 0x21, 0, 0, 0), rs2: false, rounding: true },
];

/** Opcodes of the fused instructions. */
export const FUSED: readonly number[] = [0x43, 0x47, 0x4b, 0x4f];

/** CSRs that a block reads and writes: fflags frm fcsr sscratch, and one that does not exist. */
export const CSRS: readonly number[] = [1, 1, 2, 2, 3, 3, 0x140, 0x7c0];
