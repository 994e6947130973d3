// Soft division and square root, digit by digit.

import { DZ, raise } from "./flags.as";
import {
  exponentOf,
  fractionBits,
  infinity,
  invalid,
  isNaN,
  magnitude,
  resultNaN,
  signBit,
  significandOf,
} from "./format.as";
import { round } from "./round.as";

/** a / b. */
export function softDivide<T>(a: u64, b: u64, rm: u32): u64 {
  const x = magnitude<T>(a);
  const y = magnitude<T>(b);
  if (isNaN<T>(a) || isNaN<T>(b)) return resultNaN<T>(a, b);
  const sign = (a ^ b) & signBit<T>();
  if (x == infinity<T>()) return y == infinity<T>() ? invalid<T>() : sign | infinity<T>();
  if (y == infinity<T>()) return sign;
  if (y == 0) {
    if (x == 0) return invalid<T>();
    raise(DZ);
    return sign | infinity<T>();
  }
  return x == 0 ? sign : quotient<T>(a, b, rm);
}

/** a / b for finite numbers, neither zero: long division by digits of eleven bits. */
function quotient<T>(a: u64, b: u64, rm: u32): u64 {
  let exponent = exponentOf<T>(a) - exponentOf<T>(b);
  // Eleven bits are free above a significand of 53, so a remainder can take another digit.
  let remainder = significandOf<T>(a) >> 11;
  const divisor = significandOf<T>(b) >> 11;
  if (remainder < divisor) {
    remainder <<= 1;
    exponent--;
  }
  remainder -= divisor;
  let quotient: u64 = 1;
  for (let digit = 0; digit < 5; digit++) {
    remainder <<= 11;
    quotient = (quotient << 11) | (remainder / divisor);
    remainder %= divisor;
  }
  return round<T>((a ^ b) & signBit<T>(), exponent, (quotient << 8) | u64(remainder != 0), rm);
}

/** The square root of a. */
export function softSquareRoot<T>(a: u64, rm: u32): u64 {
  if (isNaN<T>(a)) return resultNaN<T>(a, a);
  if (magnitude<T>(a) == 0) return a;
  if (a & signBit<T>()) return invalid<T>();
  return a == infinity<T>() ? a : root<T>(a, rm);
}

/**
 * The root of a positive finite number, bit by bit.
 *
 * Bit 60 stands for 1. After n steps, remainder = (radicand - root^2) 2^n and twice = 2 root. The
 * next bit belongs to the root if (2 root + bit) bit <= radicand - root^2.
 */
function root<T>(a: u64, rm: u32): u64 {
  const exponent = exponentOf<T>(a);
  let remainder = significandOf<T>(a) >> (exponent & 1 ? 2 : 3);
  let root: u64 = 0;
  let twice: u64 = 0;
  // One bit more than the precision, and whether there is a remainder, decide the rounding.
  const last: u64 = <u64> 1 << (59 - fractionBits<T>());
  for (let bit: u64 = 1 << 60; bit >= last; bit >>= 1) {
    if (twice + bit <= remainder) {
      remainder -= twice + bit;
      twice += bit << 1;
      root |= bit;
    }
    remainder <<= 1;
  }
  return round<T>(0, exponent >> 1, (root << 3) | u64(remainder != 0), rm);
}
