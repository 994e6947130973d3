// Loops for the bench: a call from JavaScript costs more than most operations.

import { fadd64, fdiv64, fmadd32, fmadd64, fmul64, fsqrt64 } from "../fp.as";
import { fcvtld, fcvtsd } from "../fp.as";

// In every loop the last bits of an operand change, so that no result can be kept.

/** What the loop itself costs, with the engine's addition and no exceptions. */
export function loopPlain(count: u32, a: u64, b: u64): u64 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    sum ^= reinterpret<u64>(reinterpret<f64>(a ^ (i & 15)) + reinterpret<f64>(b));
  }
  return sum;
}

export function loopAdd64(count: u32, a: u64, b: u64, rm: u32): u64 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < count; i++) sum ^= fadd64(a ^ (i & 15), b, rm);
  return sum;
}

export function loopMul64(count: u32, a: u64, b: u64, rm: u32): u64 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < count; i++) sum ^= fmul64(a ^ (i & 15), b, rm);
  return sum;
}

export function loopDiv64(count: u32, a: u64, b: u64, rm: u32): u64 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < count; i++) sum ^= fdiv64(a ^ (i & 15), b, rm);
  return sum;
}

export function loopSqrt64(count: u32, a: u64, _b: u64, rm: u32): u64 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < count; i++) sum ^= fsqrt64(a ^ (i & 15), rm);
  return sum;
}

export function loopFma64(count: u32, a: u64, b: u64, rm: u32): u64 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < count; i++) sum ^= fmadd64(a ^ (i & 15), b, a, rm);
  return sum;
}

/** The upper words of `a` and `b` are not used. */
export function loopFma32(count: u32, a: u64, b: u64, rm: u32): u64 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < count; i++) sum ^= fmadd32(<u32> a ^ (i & 15), <u32> b, <u32> a, rm);
  return sum;
}

export function loopToSingle(count: u32, a: u64, _b: u64, rm: u32): u64 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < count; i++) sum ^= fcvtsd(a ^ (i & 15), rm);
  return sum;
}

export function loopToLong(count: u32, a: u64, _b: u64, rm: u32): u64 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < count; i++) sum ^= fcvtld(a ^ (i & 15), rm);
  return sum;
}
