// The soft fused multiply-add, a b + c rounded once; sum and product are cases of it.

import { RDN } from "./flags.as";
import {
  exponentOf,
  infinity,
  invalid,
  isNaN,
  isSignalling,
  magnitude,
  one,
  resultNaN,
  signBit,
  significandOf,
} from "./format.as";
import { round } from "./round.as";

/** a + b = a 1 + b: the same number, sign of zero and exceptions. */
export function softAdd<T>(a: u64, b: u64, rm: u32): u64 {
  return softFused<T>(a, one<T>(), b, rm);
}

/** a b = a b + 0, the zero having the sign of the product. */
export function softMultiply<T>(a: u64, b: u64, rm: u32): u64 {
  return softFused<T>(a, b, (a ^ b) & signBit<T>(), rm);
}

/** a b + c. */
export function softFused<T>(a: u64, b: u64, c: u64, rm: u32): u64 {
  const limit = infinity<T>();
  const x = magnitude<T>(a);
  const y = magnitude<T>(b);
  const z = magnitude<T>(c);
  if (x >= limit || y >= limit || z >= limit) return notFinite<T>(a, b, c);

  const sign = (a ^ b) & signBit<T>();
  if (x == 0 || y == 0) {
    if (z != 0) return c;
    return sign == (c & signBit<T>()) ? c : zeroSum<T>(rm);
  }
  return fused<T>(a, b, c, rm);
}

/** a b + c if an operand is infinite or a NaN. */
function notFinite<T>(a: u64, b: u64, c: u64): u64 {
  const x = magnitude<T>(a);
  const y = magnitude<T>(b);
  // Infinity times zero is invalid even if c is a quiet NaN: IEEE 754 leaves it open, RISC-V does
  // not.
  if ((x == infinity<T>() && y == 0) || (x == 0 && y == infinity<T>())) return invalid<T>();
  if (isNaN<T>(a) || isNaN<T>(b) || isNaN<T>(c)) {
    return isSignalling<T>(c) ? invalid<T>() : resultNaN<T>(a, b);
  }
  if (x != infinity<T>() && y != infinity<T>()) return c;
  const product = ((a ^ b) & signBit<T>()) | infinity<T>();
  return c == (product ^ signBit<T>()) ? invalid<T>() : product;
}

/** The zero that is the sum of two numbers of opposite signs. */
function zeroSum<T>(rm: u32): u64 {
  return rm == RDN ? signBit<T>() : 0;
}

/**
 * a b + c for finite operands, a and b not zero.
 *
 * Product and addend are aligned as 128-bit integers, two words each: bit 126 stands for
 * 2^exponent, and bit 127 takes the carry. A product has at most 106 digits and an addend at most
 * 53, so the one with the smaller exponent loses digits only if it is shifted by more than 21. Bit
 * 0 records the loss. It stays far below the digits that rounding looks at: once the exponents
 * differ by two, a subtraction cancels at most one leading digit.
 */
function fused<T>(a: u64, b: u64, c: u64, rm: u32): u64 {
  const left = significandOf<T>(a);
  const right = significandOf<T>(b) >> 1;
  let high = multiplyHigh(left, right);
  let low = left * right;
  let exponent = exponentOf<T>(a) + exponentOf<T>(b) + 1;
  if (high >> 62 == 0) {
    high = (high << 1) | (low >> 63);
    low <<= 1;
    exponent--;
  }
  let sign = (a ^ b) & signBit<T>();
  if (magnitude<T>(c) != 0) {
    let addendHigh = significandOf<T>(c) >> 1;
    let addendLow: u64 = 0;
    const distance = exponent - exponentOf<T>(c);
    if (distance >= 0) {
      addendLow = lowShiftedRight(addendHigh, 0, distance);
      addendHigh = highShiftedRight(addendHigh, distance);
    } else {
      low = lowShiftedRight(high, low, -distance);
      high = highShiftedRight(high, -distance);
      exponent -= distance;
    }
    if (sign == (c & signBit<T>())) {
      low += addendLow;
      high += addendHigh + u64(low < addendLow);
    } else {
      if (high < addendHigh || (high == addendHigh && low < addendLow)) {
        sign ^= signBit<T>();
        const borrow = u64(addendLow < low);
        low = addendLow - low;
        high = addendHigh - high - borrow;
      } else {
        const borrow = u64(low < addendLow);
        low -= addendLow;
        high -= addendHigh + borrow;
      }
      if ((high | low) == 0) return zeroSum<T>(rm);
    }
  }
  return roundWide<T>(sign, exponent + 1, high, low, rm);
}

/** Rounds high : low / 2^127 * 2^exponent, which is not zero. */
function roundWide<T>(sign: u64, exponent: i32, high: u64, low: u64, rm: u32): u64 {
  if (high == 0) {
    high = low;
    low = 0;
    exponent -= 64;
  }
  const by = clz<u64>(high);
  if (by != 0) {
    high = (high << by) | (low >> (64 - by));
    low <<= by;
  }
  return round<T>(sign, exponent - <i32> by, high | u64(low != 0), rm);
}

/** The upper word of the product of two words. */
function multiplyHigh(a: u64, b: u64): u64 {
  const a0 = a & 0xffff_ffff;
  const a1 = a >> 32;
  const b0 = b & 0xffff_ffff;
  const b1 = b >> 32;
  const middle = a1 * b0 + ((a0 * b0) >> 32);
  return a1 * b1 + (middle >> 32) + ((a0 * b1 + (middle & 0xffff_ffff)) >> 32);
}

/** The upper word of high : low shifted right. */
function highShiftedRight(high: u64, by: i32): u64 {
  return by < 64 ? high >> by : 0;
}

/** The lower word of high : low shifted right; its lowest bit is set if any bit is lost. */
function lowShiftedRight(high: u64, low: u64, by: i32): u64 {
  if (by == 0) return low;
  if (by < 64) return (high << (64 - by)) | (low >> by) | u64(low << (64 - by) != 0);
  if (by == 64) return high | u64(low != 0);
  if (by > 127) return u64((high | low) != 0);
  return (high >> (by - 64)) | u64(((high << (128 - by)) | low) != 0);
}
