// Instructions of 32 bits, decoded.
//
// A decoded instruction is 64 bits: bits 7..0 the operation; 15..8 rd times 8, plus the length in
// bytes (2 or 4); 23..16 rs1 times 8; 31..24 rs2 times 8; 63..32 the immediate, signed. Registers are
// stored times 8 because that is their offset in the state. The immediate of `bits` is what to
// compute; that of `bitsImmediate` the same times 64, plus the shift amount.

import { decodeImmediateBits, decodeRegisterBits, decodeWordBits } from "./decode_bits.as";
import {
  OP_ADDI, OP_ADDIW, OP_ADDW, OP_ADD, OP_AMO, OP_AUIPC, OP_BEQ, OP_BITS_IMMEDIATE, OP_BLT, OP_DIVW,
  OP_FENCE, OP_FENCE_I, OP_FLD, OP_FLOAT, OP_FLW, OP_FSD, OP_FSW, OP_ILLEGAL, OP_J, OP_JAL, OP_JALR,
  OP_JR, OP_LB, OP_LOAD_NOTHING, OP_LUI, OP_MUL, OP_MULW, OP_NOP, OP_SB, OP_SLLIW, OP_SLLW, OP_SRA,
  OP_SRAI, OP_SRAIW, OP_SRLIW, OP_SRLW, OP_SRAW, OP_SUB, OP_SUBW, OP_SYSTEM,
} from "./layouts";

/** Puts a decoded instruction together. For a load to x0, `rd` is the logarithm of its size. */
export function encode(op: i32, rd: u32, rs1: u32, rs2: u32, immediate: i32, length: u32): u64 {
  if (!rd) op = withoutDestination(op);
  return <u64>op | (<u64>(rd << 3 | length) << 8) | (<u64>(rs1 << 3) << 16) | (<u64>(rs2 << 3) << 24) |
    (<u64><u32>immediate << 32);
}

/** What an operation is when rd is x0. */
function withoutDestination(op: i32): i32 {
  if (op >= OP_LUI && op <= OP_BITS_IMMEDIATE) return OP_NOP;
  if (op == OP_JAL) return OP_J;
  if (op == OP_JALR) return OP_JR;
  return op;
}

export function illegal(instruction: u32, length: u32): u64 {
  return encode(OP_ILLEGAL, 0, 0, 0, <i32>instruction, length);
}

/** Decodes an instruction of 32 bits. */
export function decode(i: u32): u64 {
  const rd = (i >> 7) & 31, rs1 = (i >> 15) & 31, rs2 = (i >> 20) & 31, funct3 = (i >> 12) & 7;
  const immediate = <i32>i >> 20;
  switch (i & 0x7f) {
    case 0x37: return encode(OP_LUI, rd, 0, 0, <i32>(i & 0xfffff000), 4);
    case 0x17: return encode(OP_AUIPC, rd, 0, 0, <i32>(i & 0xfffff000), 4);
    case 0x6f: return encode(OP_JAL, rd, 0, 0, immediateJ(i), 4);
    case 0x67: return funct3 ? illegal(i, 4) : encode(OP_JALR, rd, rs1, 0, immediate, 4);
    case 0x63: return decodeBranch(i, funct3, rs1, rs2);
    case 0x03: return decodeLoad(i, funct3, rd, rs1, immediate);
    case 0x23: return funct3 > 3 ? illegal(i, 4) : encode(OP_SB + funct3, 0, rs1, rs2, immediateS(i), 4);
    case 0x13: return decodeImmediate(i, funct3, rd, rs1, immediate);
    case 0x1b: return decodeImmediateWord(i, funct3, rd, rs1, immediate);
    case 0x33: return decodeRegister(i, funct3, rd, rs1, rs2);
    case 0x3b: return decodeRegisterWord(i, funct3, rd, rs1, rs2);
    case 0x0f: return funct3 == 0 ? encode(OP_FENCE, 0, 0, 0, 0, 4)
      : funct3 == 1 ? encode(OP_FENCE_I, 0, 0, 0, 0, 4) : illegal(i, 4);
    case 0x2f: return funct3 == 2 || funct3 == 3 ? encode(OP_AMO, 0, 0, 0, <i32>i, 4) : illegal(i, 4);
    case 0x73: return encode(OP_SYSTEM, 0, 0, 0, <i32>i, 4);
    case 0x07: return funct3 == 2 ? encode(OP_FLW, rd, rs1, 0, immediate, 4)
      : funct3 == 3 ? encode(OP_FLD, rd, rs1, 0, immediate, 4) : illegal(i, 4);
    case 0x27: return funct3 == 2 ? encode(OP_FSW, 0, rs1, rs2, immediateS(i), 4)
      : funct3 == 3 ? encode(OP_FSD, 0, rs1, rs2, immediateS(i), 4) : illegal(i, 4);
    case 0x43: case 0x47: case 0x4b: case 0x4f: case 0x53: return encode(OP_FLOAT, 0, 0, 0, <i32>i, 4);
    default: return illegal(i, 4);
  }
}

function immediateS(i: u32): i32 {
  return (<i32>(i & 0xfe000000) >> 20) | <i32>((i >> 7) & 31);
}

function immediateJ(i: u32): i32 {
  return (<i32>(i & 0x80000000) >> 11) | <i32>((i & 0xff000) | ((i >> 9) & 0x800) | ((i >> 20) & 0x7fe));
}

function immediateB(i: u32): i32 {
  return (<i32>(i & 0x80000000) >> 19) | <i32>((i & 0x80) << 4 | ((i >> 20) & 0x7e0) | ((i >> 7) & 0x1e));
}

function decodeBranch(i: u32, funct3: u32, rs1: u32, rs2: u32): u64 {
  if (funct3 == 2 || funct3 == 3) return illegal(i, 4);
  const op = funct3 < 2 ? OP_BEQ + funct3 : OP_BLT + funct3 - 4;
  return encode(op, 0, rs1, rs2, immediateB(i), 4);
}

function decodeLoad(i: u32, funct3: u32, rd: u32, rs1: u32, immediate: i32): u64 {
  if (funct3 == 7) return illegal(i, 4);
  if (!rd) return encode(OP_LOAD_NOTHING, funct3 & 3, rs1, 0, immediate, 4);
  return encode(OP_LB + funct3, rd, rs1, 0, immediate, 4);
}

function decodeImmediate(i: u32, funct3: u32, rd: u32, rs1: u32, immediate: i32): u64 {
  if (funct3 != 1 && funct3 != 5) return encode(OP_ADDI + funct3, rd, rs1, 0, immediate, 4);
  const kind = i >> 26;
  if (kind == 0) return encode(OP_ADDI + funct3, rd, rs1, 0, immediate & 63, 4);
  if (kind == 0x10 && funct3 == 5) return encode(OP_SRAI, rd, rs1, 0, immediate & 63, 4);
  const bits = decodeImmediateBits(i);
  return bits < 0 ? illegal(i, 4) : encode(OP_BITS_IMMEDIATE, rd, rs1, 0, (bits << 6) | (immediate & 63), 4);
}

function decodeImmediateWord(i: u32, funct3: u32, rd: u32, rs1: u32, immediate: i32): u64 {
  const funct7 = i >> 25;
  if (funct3 == 0) return encode(OP_ADDIW, rd, rs1, 0, immediate, 4);
  if (funct3 == 1 && funct7 == 0) return encode(OP_SLLIW, rd, rs1, 0, immediate & 31, 4);
  if (funct3 == 5 && funct7 == 0) return encode(OP_SRLIW, rd, rs1, 0, immediate & 31, 4);
  if (funct3 == 5 && funct7 == 0x20) return encode(OP_SRAIW, rd, rs1, 0, immediate & 31, 4);
  const bits = decodeWordBits(i);
  return bits < 0 ? illegal(i, 4) : encode(OP_BITS_IMMEDIATE, rd, rs1, 0, (bits << 6) | (immediate & 63), 4);
}

function decodeRegister(i: u32, funct3: u32, rd: u32, rs1: u32, rs2: u32): u64 {
  const funct7 = i >> 25;
  if (funct7 == 0) return encode(OP_ADD + funct3, rd, rs1, rs2, 0, 4);
  if (funct7 == 1) return encode(OP_MUL + funct3, rd, rs1, rs2, 0, 4);
  if (funct7 == 0x20 && funct3 == 0) return encode(OP_SUB, rd, rs1, rs2, 0, 4);
  if (funct7 == 0x20 && funct3 == 5) return encode(OP_SRA, rd, rs1, rs2, 0, 4);
  return decodeRegisterBits(i);
}

function decodeRegisterWord(i: u32, funct3: u32, rd: u32, rs1: u32, rs2: u32): u64 {
  let op = -1;
  switch (i >> 25) {
    case 0: op = funct3 == 0 ? OP_ADDW : funct3 == 1 ? OP_SLLW : funct3 == 5 ? OP_SRLW : -1; break;
    case 0x20: op = funct3 == 0 ? OP_SUBW : funct3 == 5 ? OP_SRAW : -1; break;
    case 1: op = funct3 == 0 ? OP_MULW : funct3 >= 4 ? OP_DIVW + funct3 - 4 : -1; break;
  }
  return op < 0 ? decodeRegisterBits(i) : encode(op, rd, rs1, rs2, 0, 4);
}
