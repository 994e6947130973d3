// The two formats of IEEE 754. `T` is f32 or f64 throughout this folder, and the bits of either are
// held in a u64: every `sizeof<T>()` is decided when the module is compiled.
//
// An unpacked number is `sign`, the sign bit in its place; `exponent`; and `significand`, with bit
// 63 set. Its magnitude is significand / 2^63 * 2^exponent, for subnormals as well.

import { NV, raise } from "./flags.as";

/** The bits of the fraction, without the hidden one: 23 or 52. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function fractionBits<T>(): u64 {
  return sizeof<T>() == 4 ? 23 : 52;
}

/** The bias of the exponent, and the largest exponent of a finite number: 127 or 1023. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function bias<T>(): i32 {
  return sizeof<T>() == 4 ? 127 : 1023;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
export function signBit<T>(): u64 {
  return sizeof<T>() == 4 ? 0x8000_0000 : 0x8000_0000_0000_0000;
}

/** The bits of +infinity, which are also the mask of the exponent. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function infinity<T>(): u64 {
  return sizeof<T>() == 4 ? 0x7f80_0000 : 0x7ff0_0000_0000_0000;
}

/** RISC-V's only NaN result. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function canonicalNaN<T>(): u64 {
  return sizeof<T>() == 4 ? 0x7fc0_0000 : 0x7ff8_0000_0000_0000;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
export function one<T>(): u64 {
  return sizeof<T>() == 4 ? 0x3f80_0000 : 0x3ff0_0000_0000_0000;
}

/** The number with these bits. Not for NaNs, whose payload an engine may change. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function fromBits<T>(x: u64): T {
  if (sizeof<T>() == 4) return <T> reinterpret<f32>(<u32> x);
  return <T> reinterpret<f64>(x);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
export function toBits<T>(x: T): u64 {
  if (sizeof<T>() == 4) return <u64> reinterpret<u32>(<f32> x);
  return reinterpret<u64>(<f64> x);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
export function magnitude<T>(x: u64): u64 {
  return x & (signBit<T>() - 1);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
export function isNaN<T>(x: u64): bool {
  return magnitude<T>(x) > infinity<T>();
}

/** Whether `x` is a signalling NaN: one whose topmost bit of the fraction is clear. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function isSignalling<T>(x: u64): bool {
  return isNaN<T>(x) && (x & (<u64> 1 << (fractionBits<T>() - 1))) == 0;
}

/** The exponent field. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function exponentField<T>(x: u64): i32 {
  return <i32> ((x & infinity<T>()) >> fractionBits<T>());
}

/** Whether `x` is neither zero, subnormal, infinite nor NaN. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function isNormal<T>(x: u64): bool {
  return <u32> (exponentField<T>(x) - 1) < <u32> (2 * bias<T>());
}

/** The significand of a normal number as an integer of 24 or 53 bits. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function integerSignificand<T>(x: u64): u64 {
  const hidden: u64 = <u64> 1 << fractionBits<T>();
  return (x & (hidden - 1)) | hidden;
}

/** The exponent of a finite number other than zero. */
export function exponentOf<T>(x: u64): i32 {
  const field = exponentField<T>(x);
  if (field != 0) return field - bias<T>();
  return 64 - bias<T>() - <i32> fractionBits<T>() - <i32> clz<u64>(magnitude<T>(x));
}

/** The significand, bit 63 set, of a finite number other than zero. */
export function significandOf<T>(x: u64): u64 {
  if (exponentField<T>(x) != 0) return integerSignificand<T>(x) << (63 - fractionBits<T>());
  const fraction = magnitude<T>(x);
  return fraction << clz<u64>(fraction);
}

/** The result of an invalid operation. */
export function invalid<T>(): u64 {
  raise(NV);
  return canonicalNaN<T>();
}

/** The result of an operation of which an operand is a NaN: only a signalling one is invalid. */
export function resultNaN<T>(a: u64, b: u64): u64 {
  if (isSignalling<T>(a) || isSignalling<T>(b)) raise(NV);
  return canonicalNaN<T>();
}
