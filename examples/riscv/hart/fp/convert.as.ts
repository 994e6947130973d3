// Conversions, between formats and to and from integers.

import { NV, NX, raise, RDN, RNE, RTZ, RUP } from "./flags.as";
import {
  canonicalNaN,
  exponentField,
  exponentOf,
  fractionBits,
  infinity,
  isNaN,
  magnitude,
  resultNaN,
  signBit,
  significandOf,
  toBits,
} from "./format.as";
import { round } from "./round.as";

// ---- between formats --------------------------------------------------------------------------

/** Single to double. */
export function fcvtds(a: u32): u64 {
  if (isNaN<f32>(a)) {
    resultNaN<f32>(a, a);
    return canonicalNaN<f64>();
  }
  return reinterpret<u64>(<f64> reinterpret<f32>(a));
}

/** Double to single. */
export function fcvtsd(a: u64, rm: u32): u32 {
  const field = exponentField<f64>(a);
  if (rm == RNE && field >= 1023 - 126 && field < 1023 + 127) {
    const x = reinterpret<f64>(a);
    const result = <f32> x;
    if (<f64> result != x) raise(NX);
    return reinterpret<u32>(result);
  }
  if (isNaN<f64>(a)) {
    resultNaN<f64>(a, a);
    return <u32> canonicalNaN<f32>();
  }
  const sign = (a & signBit<f64>()) >> 32;
  if (magnitude<f64>(a) == 0) return <u32> sign;
  if (magnitude<f64>(a) == infinity<f64>()) return <u32> (sign | infinity<f32>());
  return <u32> round<f32>(sign, exponentOf<f64>(a), significandOf<f64>(a), rm);
}

// ---- from integers ----------------------------------------------------------------------------

export function fcvtsw(x: u64, rm: u32): u32 {
  return <u32> fromSigned<f32>(<i32> x, rm);
}

export function fcvtswu(x: u64, rm: u32): u32 {
  return <u32> fromMagnitude<f32>(0, <u32> x, rm);
}

export function fcvtsl(x: u64, rm: u32): u32 {
  return <u32> fromSigned<f32>(<i64> x, rm);
}

export function fcvtslu(x: u64, rm: u32): u32 {
  return <u32> fromMagnitude<f32>(0, x, rm);
}

/** Exact: no rounding mode. */
export function fcvtdw(x: u64): u64 {
  return reinterpret<u64>(<f64> <i32> x);
}

/** Exact: no rounding mode. */
export function fcvtdwu(x: u64): u64 {
  return reinterpret<u64>(<f64> <u32> x);
}

export function fcvtdl(x: u64, rm: u32): u64 {
  return fromSigned<f64>(<i64> x, rm);
}

export function fcvtdlu(x: u64, rm: u32): u64 {
  return fromMagnitude<f64>(0, x, rm);
}

function fromSigned<T>(x: i64, rm: u32): u64 {
  return x < 0 ? fromMagnitude<T>(signBit<T>(), -x, rm) : fromMagnitude<T>(0, x, rm);
}

function fromMagnitude<T>(sign: u64, x: u64, rm: u32): u64 {
  if (x >> (fractionBits<T>() + 1) == 0) return sign | toBits<T>(<T> x);
  const by = clz<u64>(x);
  return round<T>(sign, 63 - <i32> by, x << by, rm);
}

// ---- to integers ------------------------------------------------------------------------------

export function fcvtws(a: u32, rm: u32): u64 {
  return toWord(<f64> reinterpret<f32>(a), rm);
}

export function fcvtwd(a: u64, rm: u32): u64 {
  return toWord(reinterpret<f64>(a), rm);
}

export function fcvtwus(a: u32, rm: u32): u64 {
  return toUnsignedWord(<f64> reinterpret<f32>(a), rm);
}

export function fcvtwud(a: u64, rm: u32): u64 {
  return toUnsignedWord(reinterpret<f64>(a), rm);
}

export function fcvtls(a: u32, rm: u32): u64 {
  return toLong(<f64> reinterpret<f32>(a), rm);
}

export function fcvtld(a: u64, rm: u32): u64 {
  return toLong(reinterpret<f64>(a), rm);
}

export function fcvtlus(a: u32, rm: u32): u64 {
  return toUnsignedLong(<f64> reinterpret<f32>(a), rm);
}

export function fcvtlud(a: u64, rm: u32): u64 {
  return toUnsignedLong(reinterpret<f64>(a), rm);
}

function toWord(x: f64, rm: u32): u64 {
  const rounded = integral(x, rm);
  if (!(rounded >= -2147483648.0 && rounded < 2147483648.0)) {
    return saturated(x, i32.MIN_VALUE, i32.MAX_VALUE);
  }
  noteInexact(x, rounded);
  return <i64> <i32> rounded;
}

function toUnsignedWord(x: f64, rm: u32): u64 {
  const rounded = integral(x, rm);
  if (!(rounded >= 0 && rounded < 4294967296.0)) return saturated(x, 0, -1);
  noteInexact(x, rounded);
  return <i64> <i32> <u32> rounded;
}

function toLong(x: f64, rm: u32): u64 {
  const rounded = integral(x, rm);
  if (!(rounded >= -9223372036854775808.0 && rounded < 9223372036854775808.0)) {
    return saturated(x, i64.MIN_VALUE, i64.MAX_VALUE);
  }
  noteInexact(x, rounded);
  return <i64> rounded;
}

function toUnsignedLong(x: f64, rm: u32): u64 {
  const rounded = integral(x, rm);
  if (!(rounded >= 0 && rounded < 18446744073709551616.0)) return saturated(x, 0, -1);
  noteInexact(x, rounded);
  return <u64> rounded;
}

/** x rounded to an integer, still a double. Each step is exact, or is the rounding itself. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function integral(x: f64, rm: u32): f64 {
  if (rm == RTZ) return trunc(x);
  if (rm == RNE) return nearest(x);
  if (rm == RDN) return floor(x);
  if (rm == RUP) return ceil(x);
  const whole = trunc(x);
  return abs(x - whole) >= 0.5 ? whole + copysign<f64>(1, x) : whole;
}

/** The result for a number out of range: the bound on its side. A NaN counts as +infinity. */
function saturated(x: f64, least: i64, greatest: i64): u64 {
  raise(NV);
  return x < 0 ? least : greatest;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function noteInexact(x: f64, rounded: f64): void {
  if (x != rounded) raise(NX);
}
