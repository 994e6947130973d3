// Operations that only look at bits or move them, and raise nothing.

import {
  canonicalNaN,
  fractionBits,
  infinity,
  isSignalling,
  magnitude,
  signBit,
} from "./format.as";

/** The single in an f register: the canonical NaN if the register does not hold a boxed one. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function unbox(register: u64): u32 {
  return register >= 0xffff_ffff_0000_0000 ? <u32> register : <u32> canonicalNaN<f32>();
}

/** The f register that holds a single. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function box(x: u32): u64 {
  return 0xffff_ffff_0000_0000 | <u64> x;
}

export function fsgnj32(a: u32, b: u32): u32 {
  return (a & 0x7fff_ffff) | (b & 0x8000_0000);
}

export function fsgnjn32(a: u32, b: u32): u32 {
  return fsgnj32(a, ~b);
}

export function fsgnjx32(a: u32, b: u32): u32 {
  return a ^ (b & 0x8000_0000);
}

export function fsgnj64(a: u64, b: u64): u64 {
  return magnitude<f64>(a) | (b & signBit<f64>());
}

export function fsgnjn64(a: u64, b: u64): u64 {
  return fsgnj64(a, ~b);
}

export function fsgnjx64(a: u64, b: u64): u64 {
  return a ^ (b & signBit<f64>());
}

export function fclass32(a: u32): u64 {
  return classOf<f32>(a);
}

export function fclass64(a: u64): u64 {
  return classOf<f64>(a);
}

/** FCLASS: bits 0 to 7 from -infinity up to +infinity, then a signalling and a quiet NaN. */
function classOf<T>(a: u64): u64 {
  const x = magnitude<T>(a);
  if (x > infinity<T>()) return isSignalling<T>(a) ? 1 << 8 : 1 << 9;
  let rank = 3;
  if (x == 0) rank = 0;
  else if (x >> fractionBits<T>() == 0) rank = 1;
  else if (x != infinity<T>()) rank = 2;
  return <u64> 1 << (a & signBit<T>() ? 3 - rank : 4 + rank);
}
