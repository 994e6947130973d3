// The native path: the engine's operation, and the exact sign of its error from a few more.
//
// An engine rounds to nearest, ties to even, and reports no exceptions. Away from both ends of the
// range the only possible exception is inexactness. The error of a sum is itself a number of the
// format, and is computed. A product is inexact if the integer product of the significands has a
// digit that the result has no place for. A quotient or a root is exact if it solves its equation
// in integers: quotient * b = a, or root * root = a. The two sides differ by less than 2^63, since
// the result is off by at most half a unit, so comparing them modulo 2^64 is enough.

import { flags, NX, raise, RNE } from "./flags.as";
import {
  bias,
  exponentField,
  fractionBits,
  fromBits,
  integerSignificand,
  isNormal,
  signBit,
  toBits,
} from "./format.as";
import { softDivide, softSquareRoot } from "./divide.as";
import { softAdd, softMultiply } from "./fused.as";

/** Whether the result neither overflowed nor came close to underflow. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function isSafe<T>(result: u64): bool {
  return <u32> (exponentField<T>(result) - 2) < <u32> (2 * bias<T>() - 1);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
export function add<T>(a: u64, b: u64, rm: u32): u64 {
  // Below half the range, neither the sum nor a step of its error overflows. A subnormal sum is
  // exact.
  const limit = 2 * bias<T>();
  if (rm != RNE || exponentField<T>(a) >= limit || exponentField<T>(b) >= limit) {
    return softAdd<T>(a, b, rm);
  }
  const x = fromBits<T>(a);
  const y = fromBits<T>(b);
  const sum: T = x + y;
  if (!(flags() & NX) && sumError<T>(x, y, sum) != 0) raise(NX);
  return toBits<T>(sum);
}

/** x + y - sum, exactly: Knuth's TwoSum. */
// @ts-ignore: a decorator of AssemblyScript
@inline
export function sumError<T>(x: T, y: T, sum: T): T {
  const part: T = sum - x;
  return (x - (sum - part)) + (y - part);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
export function multiply<T>(a: u64, b: u64, rm: u32): u64 {
  if (rm == RNE && isNormal<T>(a) && isNormal<T>(b)) {
    const product = toBits<T>(fromBits<T>(a) * fromBits<T>(b));
    if (isSafe<T>(product)) {
      if (!(flags() & NX) && isProductInexact<T>(a, b, product)) raise(NX);
      return product;
    }
  }
  return softMultiply<T>(a, b, rm);
}

/** Whether any digit of the exact product is lost. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function isProductInexact<T>(a: u64, b: u64, product: u64): bool {
  const carry = exponentField<T>(product) + bias<T>() - exponentField<T>(a) - exponentField<T>(b);
  const lost = fractionBits<T>() + carry;
  return (integerSignificand<T>(a) * integerSignificand<T>(b)) << (64 - lost) != 0;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
export function divide<T>(a: u64, b: u64, rm: u32): u64 {
  if (rm == RNE && isNormal<T>(a) && isNormal<T>(b)) {
    const quotient = toBits<T>(fromBits<T>(a) / fromBits<T>(b));
    if (isSafe<T>(quotient)) {
      if (!(flags() & NX) && isQuotientInexact<T>(a, b, quotient)) raise(NX);
      return quotient;
    }
  }
  return softDivide<T>(a, b, rm);
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function isQuotientInexact<T>(a: u64, b: u64, quotient: u64): bool {
  const exponent = exponentField<T>(a) - exponentField<T>(b) + bias<T>();
  const by = fractionBits<T>() + (exponent - exponentField<T>(quotient));
  const product = integerSignificand<T>(quotient) * integerSignificand<T>(b);
  return product != integerSignificand<T>(a) << by;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
export function squareRoot<T>(a: u64, rm: u32): u64 {
  if (rm != RNE || !isNormal<T>(a) || (a & signBit<T>()) != 0) return softSquareRoot<T>(a, rm);
  const root = toBits<T>(sqrt<T>(fromBits<T>(a)));
  if (!(flags() & NX) && isRootInexact<T>(a, root)) raise(NX);
  return root;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function isRootInexact<T>(a: u64, root: u64): bool {
  const by = fractionBits<T>() + (exponentField<T>(a) + bias<T>() - 2 * exponentField<T>(root));
  const significand = integerSignificand<T>(root);
  return significand * significand != integerSignificand<T>(a) << by;
}
