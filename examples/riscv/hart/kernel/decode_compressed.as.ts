// Instructions of 16 bits (C), decoded to the operations of those that they abbreviate.

import { encode, illegal } from "./decode.as";
import {
  OP_ADD, OP_ADDI, OP_ADDIW, OP_ADDW, OP_AND, OP_ANDI, OP_BEQ, OP_BNE, OP_FLD, OP_FSD, OP_J, OP_JALR,
  OP_JR, OP_LD, OP_LUI, OP_LW, OP_OR, OP_SD, OP_SLLI, OP_SRAI, OP_SRLI, OP_SUB, OP_SUBW, OP_SW,
  OP_SYSTEM, OP_XOR,
} from "./layouts";

/** Bits high..low of an instruction. */
// @ts-ignore: decorator
@inline
function field(i: u32, high: u32, low: u32): u32 {
  return (i >> low) & ((1 << (high - low + 1)) - 1);
}

/** The sign, bit 12, at bit `at` and above. */
// @ts-ignore: decorator
@inline
function sign(i: u32, at: u32): i32 {
  return -<i32>((i >> 12) & 1) << at;
}

/** Decodes an instruction of 16 bits. */
export function decodeCompressed(i: u32): u64 {
  switch (i & 3) {
    case 0: return quadrant0(i);
    case 1: return quadrant1(i);
    default: return quadrant2(i);
  }
}

/** Loads and stores relative to a register of x8 to x15, and C.ADDI4SPN. */
function quadrant0(i: u32): u64 {
  const r = 8 + field(i, 4, 2), base = 8 + field(i, 9, 7);
  const double: i32 = field(i, 12, 10) << 3 | field(i, 6, 5) << 6;
  const word: i32 = field(i, 12, 10) << 3 | field(i, 6, 6) << 2 | field(i, 5, 5) << 6;
  switch (i >> 13) {
    case 0: {
      const amount: i32 = field(i, 12, 11) << 4 | field(i, 10, 7) << 6 | field(i, 6, 6) << 2 |
        field(i, 5, 5) << 3;
      return amount ? encode(OP_ADDI, r, 2, 0, amount, 2) : illegal(i, 2);
    }
    case 1: return encode(OP_FLD, r, base, 0, double, 2);
    case 2: return encode(OP_LW, r, base, 0, word, 2);
    case 3: return encode(OP_LD, r, base, 0, double, 2);
    case 5: return encode(OP_FSD, 0, base, r, double, 2);
    case 6: return encode(OP_SW, 0, base, r, word, 2);
    case 7: return encode(OP_SD, 0, base, r, double, 2);
    default: return illegal(i, 2);
  }
}

/** Immediates, jumps and branches. */
function quadrant1(i: u32): u64 {
  const rd = field(i, 11, 7), immediate = sign(i, 5) | <i32>field(i, 6, 2);
  switch (i >> 13) {
    case 0: return encode(OP_ADDI, rd, rd, 0, immediate, 2);
    case 1: return rd ? encode(OP_ADDIW, rd, rd, 0, immediate, 2) : illegal(i, 2);
    case 2: return encode(OP_ADDI, rd, 0, 0, immediate, 2);
    case 3: return immediate == 0 ? illegal(i, 2)
      : rd == 2 ? encode(OP_ADDI, 2, 2, 0, immediateOfStack(i), 2)
      : encode(OP_LUI, rd, 0, 0, immediate << 12, 2);
    case 4: return arithmetic(i, immediate);
    case 5: return encode(OP_J, 0, 0, 0, immediateOfJump(i), 2);
    default: {
      const distance: i32 = sign(i, 8) | <i32>(field(i, 11, 10) << 3 | field(i, 4, 3) << 1 |
        field(i, 6, 5) << 6 | field(i, 2, 2) << 5);
      return encode(i >> 13 == 6 ? OP_BEQ : OP_BNE, 0, 8 + field(i, 9, 7), 0, distance, 2);
    }
  }
}

/** Of C.ADDI16SP. */
function immediateOfStack(i: u32): i32 {
  return sign(i, 9) | <i32>(field(i, 6, 6) << 4 | field(i, 5, 5) << 6 | field(i, 4, 3) << 7 |
    field(i, 2, 2) << 5);
}

/** Of C.J. */
function immediateOfJump(i: u32): i32 {
  return sign(i, 11) | <i32>(field(i, 11, 11) << 4 | field(i, 10, 9) << 8 | field(i, 8, 8) << 10 |
    field(i, 7, 7) << 6 | field(i, 6, 6) << 7 | field(i, 5, 3) << 1 | field(i, 2, 2) << 5);
}

/** Shifts and register operations on x8 to x15. */
function arithmetic(i: u32, immediate: i32): u64 {
  const rd = 8 + field(i, 9, 7), rs2 = 8 + field(i, 4, 2);
  switch (field(i, 11, 10)) {
    case 0: return encode(OP_SRLI, rd, rd, 0, immediate & 63, 2);
    case 1: return encode(OP_SRAI, rd, rd, 0, immediate & 63, 2);
    case 2: return encode(OP_ANDI, rd, rd, 0, immediate, 2);
  }
  switch (field(i, 12, 12) << 2 | field(i, 6, 5)) {
    case 0: return encode(OP_SUB, rd, rd, rs2, 0, 2);
    case 1: return encode(OP_XOR, rd, rd, rs2, 0, 2);
    case 2: return encode(OP_OR, rd, rd, rs2, 0, 2);
    case 3: return encode(OP_AND, rd, rd, rs2, 0, 2);
    case 4: return encode(OP_SUBW, rd, rd, rs2, 0, 2);
    case 5: return encode(OP_ADDW, rd, rd, rs2, 0, 2);
    default: return illegal(i, 2);
  }
}

/** Loads and stores relative to the stack pointer, moves and jumps to registers. */
function quadrant2(i: u32): u64 {
  const rd = field(i, 11, 7), rs2 = field(i, 6, 2), bit5 = field(i, 12, 12) << 5;
  const doubleLoad: i32 = bit5 | field(i, 6, 5) << 3 | field(i, 4, 2) << 6;
  const wordLoad: i32 = bit5 | field(i, 6, 4) << 2 | field(i, 3, 2) << 6;
  const doubleStore: i32 = field(i, 12, 10) << 3 | field(i, 9, 7) << 6;
  const wordStore: i32 = field(i, 12, 9) << 2 | field(i, 8, 7) << 6;
  switch (i >> 13) {
    case 0: return encode(OP_SLLI, rd, rd, 0, bit5 | rs2, 2);
    case 1: return encode(OP_FLD, rd, 2, 0, doubleLoad, 2);
    case 2: return rd ? encode(OP_LW, rd, 2, 0, wordLoad, 2) : illegal(i, 2);
    case 3: return rd ? encode(OP_LD, rd, 2, 0, doubleLoad, 2) : illegal(i, 2);
    case 4: return moveOrJump(i, rd, rs2);
    case 5: return encode(OP_FSD, 0, 2, rs2, doubleStore, 2);
    case 6: return encode(OP_SW, 0, 2, rs2, wordStore, 2);
    default: return encode(OP_SD, 0, 2, rs2, doubleStore, 2);
  }
}

const EBREAK: i32 = 0x00100073;

/** C.MV, C.ADD, C.JR, C.JALR and C.EBREAK. */
function moveOrJump(i: u32, rd: u32, rs2: u32): u64 {
  const adds = field(i, 12, 12) != 0;
  if (rs2) return encode(OP_ADD, rd, adds ? rd : 0, rs2, 0, 2);
  if (!rd) return adds ? encode(OP_SYSTEM, 0, 0, 0, EBREAK, 2) : illegal(i, 2);
  return adds ? encode(OP_JALR, 1, rd, 0, 0, 2) : encode(OP_JR, 0, rd, 0, 0, 2);
}
