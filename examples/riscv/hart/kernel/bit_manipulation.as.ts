// Zba, Zbb and Zbs: what `bits` and `bitsImmediate` compute.

import {
  BITS_ADD_UW, BITS_ANDN, BITS_BCLR, BITS_BEXT, BITS_BINV, BITS_BSET, BITS_CLZ, BITS_CLZW, BITS_CPOP,
  BITS_CPOPW, BITS_CTZ, BITS_CTZW, BITS_MAX, BITS_MAXU, BITS_MIN, BITS_MINU, BITS_ORC_B, BITS_ORN,
  BITS_REV8, BITS_ROL, BITS_ROLW, BITS_ROR, BITS_RORW, BITS_SEXT_B, BITS_SEXT_H, BITS_SH1ADD,
  BITS_SH1ADD_UW, BITS_SH2ADD, BITS_SH2ADD_UW, BITS_SH3ADD, BITS_SH3ADD_UW, BITS_SLLI_UW, BITS_XNOR,
  BITS_ZEXT_H,
} from "./layouts";

/** The result for operands `a` and `b`; those of one operand take `a`. */
export function bitManipulation(operation: i32, a: u64, b: u64): u64 {
  switch (operation) {
    case BITS_SH1ADD: return b + (a << 1);
    case BITS_SH2ADD: return b + (a << 2);
    case BITS_SH3ADD: return b + (a << 3);
    case BITS_SH1ADD_UW: return b + (<u64><u32>a << 1);
    case BITS_SH2ADD_UW: return b + (<u64><u32>a << 2);
    case BITS_SH3ADD_UW: return b + (<u64><u32>a << 3);
    case BITS_ADD_UW: return b + <u64><u32>a;
    case BITS_SLLI_UW: return <u64><u32>a << b;
    case BITS_ANDN: return a & ~b;
    case BITS_ORN: return a | ~b;
    case BITS_XNOR: return ~(a ^ b);
    case BITS_MAX: return <i64>a > <i64>b ? a : b;
    case BITS_MAXU: return a > b ? a : b;
    case BITS_MIN: return <i64>a < <i64>b ? a : b;
    case BITS_MINU: return a < b ? a : b;
    case BITS_CLZ: return clz<u64>(a);
    case BITS_CTZ: return ctz<u64>(a);
    case BITS_CPOP: return popcnt<u64>(a);
    case BITS_CLZW: return <u64>clz<u32>(<u32>a);
    case BITS_CTZW: return <u64>ctz<u32>(<u32>a);
    case BITS_CPOPW: return <u64>popcnt<u32>(<u32>a);
    case BITS_SEXT_B: return <u64><i64><i8>a;
    case BITS_SEXT_H: return <u64><i64><i16>a;
    case BITS_ZEXT_H: return a & 0xffff;
    case BITS_ORC_B: return orCombineBytes(a);
    case BITS_REV8: return bswap<u64>(a);
    case BITS_ROL: return rotl<u64>(a, b);
    case BITS_ROR: return rotr<u64>(a, b);
    case BITS_ROLW: return <u64><i64><i32>rotl<u32>(<u32>a, <u32>b);
    case BITS_RORW: return <u64><i64><i32>rotr<u32>(<u32>a, <u32>b);
    case BITS_BCLR: return a & ~(<u64>1 << (b & 63));
    case BITS_BEXT: return (a >> (b & 63)) & 1;
    case BITS_BINV: return a ^ (<u64>1 << (b & 63));
    case BITS_BSET: return a | (<u64>1 << (b & 63));
    default: return 0;
  }
}

/** Each byte that is not zero becomes 0xff. */
function orCombineBytes(a: u64): u64 {
  const LOW_BITS: u64 = 0x7f7f7f7f7f7f7f7f;
  const high = (((a & LOW_BITS) + LOW_BITS) | a) & ~LOW_BITS;
  return (high >> 7) * 0xff;
}
