// Rounding: the one place where a result of the soft path gets its last bit, and where it may
// overflow, underflow or be inexact.

import { NX, OF, raise, RDN, RMM, RNE, RTZ, RUP, UF } from "./flags.as";
import { bias, fractionBits, infinity } from "./format.as";

/**
 * Rounds a number to the format and raises what IEEE 754 demands.
 *
 * The number is significand / 2^63 * 2^exponent, with bit 63 set. Bit 0 is set too if any digit
 * below it is not zero. `sign` is the sign bit in its place.
 */
export function round<T>(sign: u64, exponent: i32, significand: u64, rm: u32): u64 {
  let field = exponent + bias<T>();
  let tiny = false;
  if (field < 1) {
    // RISC-V detects tininess after rounding: the number is tiny unless, rounded as if the exponent
    // had no lower bound, it reaches the smallest normal number, which takes the exponent just
    // below.
    tiny = field < 0 || integerOf<T>(sign, significand, rm) >> (fractionBits<T>() + 1) == 0;
    significand = shiftRightSticky(significand, 1 - field);
    field = 1;
  }
  if (significand << (fractionBits<T>() + 1)) raise(tiny ? NX | UF : NX);
  // The hidden bit, and a carry out of it, add to the exponent. A subnormal has no hidden bit.
  const result = (<u64> (field - 1) << fractionBits<T>()) + integerOf<T>(sign, significand, rm);
  return result < infinity<T>() ? sign | result : overflow<T>(sign, rm);
}

/** Shifts right; the lowest bit is set if any bit is lost. */
export function shiftRightSticky(x: u64, by: i32): u64 {
  if (by == 0) return x;
  if (by > 63) return u64(x != 0);
  return (x >> by) | u64(x << (64 - by) != 0);
}

/** The significand rounded to an integer of 24 or 53 bits, or one more by a carry. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function integerOf<T>(sign: u64, significand: u64, rm: u32): u64 {
  const integer = significand >> (63 - fractionBits<T>());
  const rest = significand << (fractionBits<T>() + 1);
  return integer + u64(isRoundedUp(sign, integer & 1, rest, rm));
}

/** Whether to add one to the magnitude. `rest` is what follows it, its first digit in bit 63. */
function isRoundedUp(sign: u64, odd: u64, rest: u64, rm: u32): bool {
  const half: u64 = 0x8000_0000_0000_0000;
  if (rm == RNE) return rest > half || (rest == half && odd != 0);
  if (rm == RMM) return rest >= half;
  return rest != 0 && rm == (sign != 0 ? RDN : RUP);
}

/** Infinity, or the largest finite number if the mode rounds towards zero on this side. */
function overflow<T>(sign: u64, rm: u32): u64 {
  raise(OF | NX);
  const isCut = rm == RTZ || rm == (sign != 0 ? RUP : RDN);
  return sign | (infinity<T>() - u64(isCut));
}
