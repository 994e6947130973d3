// The arithmetic of D.

import { softFused } from "./fused.as";
import { add, divide, multiply, squareRoot } from "./native.as";

const SIGN: u64 = 0x8000_0000_0000_0000;

export function fadd64(a: u64, b: u64, rm: u32): u64 {
  return add<f64>(a, b, rm);
}

export function fsub64(a: u64, b: u64, rm: u32): u64 {
  return add<f64>(a, b ^ SIGN, rm);
}

export function fmul64(a: u64, b: u64, rm: u32): u64 {
  return multiply<f64>(a, b, rm);
}

export function fdiv64(a: u64, b: u64, rm: u32): u64 {
  return divide<f64>(a, b, rm);
}

export function fsqrt64(a: u64, rm: u32): u64 {
  return squareRoot<f64>(a, rm);
}

/** a b + c. */
export function fmadd64(a: u64, b: u64, c: u64, rm: u32): u64 {
  return softFused<f64>(a, b, c, rm);
}

/** a b - c. */
export function fmsub64(a: u64, b: u64, c: u64, rm: u32): u64 {
  return fmadd64(a, b, c ^ SIGN, rm);
}

/** -(a b) + c. */
export function fnmsub64(a: u64, b: u64, c: u64, rm: u32): u64 {
  return fmadd64(a ^ SIGN, b, c, rm);
}

/** -(a b) - c. */
export function fnmadd64(a: u64, b: u64, c: u64, rm: u32): u64 {
  return fmadd64(a ^ SIGN, b, c ^ SIGN, rm);
}
