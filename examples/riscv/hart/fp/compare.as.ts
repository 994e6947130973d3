// Comparisons, minimum and maximum.

import { NV, raise } from "./flags.as";
import { canonicalNaN, fromBits, isNaN, isSignalling, signBit } from "./format.as";

export function feq32(a: u32, b: u32): u64 {
  return equal<f32>(a, b);
}

export function feq64(a: u64, b: u64): u64 {
  return equal<f64>(a, b);
}

export function flt32(a: u32, b: u32): u64 {
  return ordered<f32>(a, b) ? u64(fromBits<f32>(a) < fromBits<f32>(b)) : 0;
}

export function flt64(a: u64, b: u64): u64 {
  return ordered<f64>(a, b) ? u64(fromBits<f64>(a) < fromBits<f64>(b)) : 0;
}

export function fle32(a: u32, b: u32): u64 {
  return ordered<f32>(a, b) ? u64(fromBits<f32>(a) <= fromBits<f32>(b)) : 0;
}

export function fle64(a: u64, b: u64): u64 {
  return ordered<f64>(a, b) ? u64(fromBits<f64>(a) <= fromBits<f64>(b)) : 0;
}

export function fmin32(a: u32, b: u32): u32 {
  return <u32> extreme<f32>(a, b, 0);
}

export function fmin64(a: u64, b: u64): u64 {
  return extreme<f64>(a, b, 0);
}

export function fmax32(a: u32, b: u32): u32 {
  return <u32> extreme<f32>(a, b, signBit<f32>());
}

export function fmax64(a: u64, b: u64): u64 {
  return extreme<f64>(a, b, signBit<f64>());
}

/** Quiet: only a signalling NaN is invalid. */
function equal<T>(a: u64, b: u64): u64 {
  if (isSignalling<T>(a) || isSignalling<T>(b)) raise(NV);
  return u64(fromBits<T>(a) == fromBits<T>(b));
}

/** Whether neither is a NaN. Signalling: any NaN is invalid. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function ordered<T>(a: u64, b: u64): bool {
  if (!isNaN<T>(a) && !isNaN<T>(b)) return true;
  raise(NV);
  return false;
}

/**
 * minimumNumber with `flip` 0, maximumNumber with `flip` the sign bit, of IEEE 754-2019: a number
 * wins over a NaN, even a signalling one, which is invalid nevertheless; -0 is less than +0.
 */
function extreme<T>(a: u64, b: u64, flip: u64): u64 {
  if (isSignalling<T>(a) || isSignalling<T>(b)) raise(NV);
  if (isNaN<T>(a)) return isNaN<T>(b) ? canonicalNaN<T>() : b;
  if (isNaN<T>(b)) return a;
  return isBelow<T>(a ^ flip, b ^ flip) ? a : b;
}

/** The total order of numbers: by magnitude upwards if positive, downwards if negative. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function isBelow<T>(a: u64, b: u64): bool {
  const isNegative = (a & signBit<T>()) != 0;
  if (((a ^ b) & signBit<T>()) != 0) return isNegative;
  return isNegative ? a > b : a < b;
}
