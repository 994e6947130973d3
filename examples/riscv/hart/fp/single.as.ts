// The arithmetic of F.

import { NX, raise, RNE } from "./flags.as";
import { exponentField, isNormal } from "./format.as";
import { softFused } from "./fused.as";
import { add, divide, multiply, squareRoot, sumError } from "./native.as";

const SIGN: u32 = 0x8000_0000;

export function fadd32(a: u32, b: u32, rm: u32): u32 {
  return <u32> add<f32>(a, b, rm);
}

export function fsub32(a: u32, b: u32, rm: u32): u32 {
  return <u32> add<f32>(a, b ^ SIGN, rm);
}

export function fmul32(a: u32, b: u32, rm: u32): u32 {
  return <u32> multiply<f32>(a, b, rm);
}

export function fdiv32(a: u32, b: u32, rm: u32): u32 {
  return <u32> divide<f32>(a, b, rm);
}

export function fsqrt32(a: u32, rm: u32): u32 {
  return <u32> squareRoot<f32>(a, rm);
}

/** a b + c. */
export function fmadd32(a: u32, b: u32, c: u32, rm: u32): u32 {
  if (rm == RNE && isNormal<f32>(a) && isNormal<f32>(b) && isNormal<f32>(c)) {
    const sum = fusedRoundedToOdd(a, b, c);
    const result = <f32> sum;
    const field = exponentField<f64>(reinterpret<u64>(sum));
    if (field >= 1023 - 126 && field < 1023 + 127) {
      if (<f64> result != sum) raise(NX);
      return reinterpret<u32>(result);
    }
  }
  return <u32> softFused<f32>(a, b, c, rm);
}

/**
 * a b + c as a double, the last bit set if it is inexact.
 *
 * The product of two singles is exact in a double. Rounded to odd, a sum of 53 digits lies on the
 * same side of every single, and of every midpoint of two, as the exact one does: rounding it again
 * gives what rounding once would (Boldo and Melquiond, 2008).
 */
// @ts-ignore: a decorator of AssemblyScript
@inline
function fusedRoundedToOdd(a: u32, b: u32, c: u32): f64 {
  const product = <f64> reinterpret<f32>(a) * <f64> reinterpret<f32>(b);
  const addend = <f64> reinterpret<f32>(c);
  const sum = product + addend;
  const error = sumError<f64>(product, addend, sum);
  const bits = reinterpret<u64>(sum);
  if (error == 0 || bits & 1) return sum;
  // An even sum was rounded: its odd neighbour on the side of the error is the result.
  return reinterpret<f64>(bits + ((error > 0) == (sum > 0) ? 1 : -1));
}

/** a b - c. */
export function fmsub32(a: u32, b: u32, c: u32, rm: u32): u32 {
  return fmadd32(a, b, c ^ SIGN, rm);
}

/** -(a b) + c. */
export function fnmsub32(a: u32, b: u32, c: u32, rm: u32): u32 {
  return fmadd32(a ^ SIGN, b, c, rm);
}

/** -(a b) - c. */
export function fnmadd32(a: u32, b: u32, c: u32, rm: u32): u32 {
  return fmadd32(a ^ SIGN, b, c ^ SIGN, rm);
}
