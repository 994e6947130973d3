// Instructions of Zba, Zbb and Zbs, decoded.

import { encode, illegal } from "./decode.as";
import {
  BITS_ADD_UW, BITS_ANDN, BITS_BCLR, BITS_BEXT, BITS_BINV, BITS_BSET, BITS_CLZ, BITS_CLZW, BITS_CPOP,
  BITS_CPOPW, BITS_CTZ, BITS_CTZW, BITS_MAX, BITS_MAXU, BITS_MIN, BITS_MINU, BITS_ORC_B, BITS_ORN,
  BITS_REV8, BITS_ROL, BITS_ROLW, BITS_ROR, BITS_RORW, BITS_SEXT_B, BITS_SEXT_H, BITS_SH1ADD,
  BITS_SH1ADD_UW, BITS_SH2ADD, BITS_SH2ADD_UW, BITS_SH3ADD, BITS_SH3ADD_UW, BITS_SLLI_UW, BITS_XNOR,
  BITS_ZEXT_H, OP_BITS,
} from "./layouts";

/** What an OP-IMM shift that is not a plain one computes, -1 if it is illegal. */
export function decodeImmediateBits(i: u32): i32 {
  const funct12 = i >> 20, isLeft = ((i >> 12) & 7) == 1;
  if (!isLeft && funct12 == 0x287) return BITS_ORC_B;
  if (!isLeft && funct12 == 0x6b8) return BITS_REV8;
  switch (i >> 26) {
    case 0x0a: return isLeft ? BITS_BSET : -1;
    case 0x12: return isLeft ? BITS_BCLR : BITS_BEXT;
    case 0x1a: return isLeft ? BITS_BINV : -1;
    case 0x18: return isLeft ? unary(funct12) : BITS_ROR;
    default: return -1;
  }
}

function unary(funct12: u32): i32 {
  switch (funct12) {
    case 0x600: return BITS_CLZ;
    case 0x601: return BITS_CTZ;
    case 0x602: return BITS_CPOP;
    case 0x604: return BITS_SEXT_B;
    case 0x605: return BITS_SEXT_H;
    default: return -1;
  }
}

/** The same for OP-IMM-32. */
export function decodeWordBits(i: u32): i32 {
  const funct12 = i >> 20, funct3 = (i >> 12) & 7;
  if (funct3 == 5) return (i >> 25) == 0x30 ? BITS_RORW : -1;
  if (funct3 != 1) return -1;
  if (i >> 26 == 2) return BITS_SLLI_UW;
  return funct12 == 0x600 ? BITS_CLZW : funct12 == 0x601 ? BITS_CTZW
    : funct12 == 0x602 ? BITS_CPOPW : -1;
}

/** Decodes an OP or OP-32 instruction that is not of the base or of M. */
export function decodeRegisterBits(i: u32): u64 {
  const key = ((i >> 25) << 3) | ((i >> 12) & 7), rs2 = (i >> 20) & 31;
  const bits = i & 8 ? wordBits(key, rs2) : doubleBits(key);
  return bits < 0 ? illegal(i, 4) : encode(OP_BITS, (i >> 7) & 31, (i >> 15) & 31, rs2, bits, 4);
}

/** By funct7 and funct3, of OP. */
function doubleBits(key: u32): i32 {
  switch (key) {
    case 0x05 << 3 | 4: return BITS_MIN;
    case 0x05 << 3 | 5: return BITS_MINU;
    case 0x05 << 3 | 6: return BITS_MAX;
    case 0x05 << 3 | 7: return BITS_MAXU;
    case 0x10 << 3 | 2: return BITS_SH1ADD;
    case 0x10 << 3 | 4: return BITS_SH2ADD;
    case 0x10 << 3 | 6: return BITS_SH3ADD;
    case 0x14 << 3 | 1: return BITS_BSET;
    case 0x20 << 3 | 4: return BITS_XNOR;
    case 0x20 << 3 | 6: return BITS_ORN;
    case 0x20 << 3 | 7: return BITS_ANDN;
    case 0x24 << 3 | 1: return BITS_BCLR;
    case 0x24 << 3 | 5: return BITS_BEXT;
    case 0x30 << 3 | 1: return BITS_ROL;
    case 0x30 << 3 | 5: return BITS_ROR;
    case 0x34 << 3 | 1: return BITS_BINV;
    default: return -1;
  }
}

/** By funct7 and funct3, of OP-32. */
function wordBits(key: u32, rs2: u32): i32 {
  switch (key) {
    case 0x04 << 3 | 0: return BITS_ADD_UW;
    case 0x04 << 3 | 4: return rs2 ? -1 : BITS_ZEXT_H;
    case 0x10 << 3 | 2: return BITS_SH1ADD_UW;
    case 0x10 << 3 | 4: return BITS_SH2ADD_UW;
    case 0x10 << 3 | 6: return BITS_SH3ADD_UW;
    case 0x30 << 3 | 1: return BITS_ROLW;
    case 0x30 << 3 | 5: return BITS_RORW;
    default: return -1;
  }
}
