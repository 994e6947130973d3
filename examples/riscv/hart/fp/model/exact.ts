/**
 * IEEE 754 as its text has it: the exact result, as a rational number or a root of one, is rounded
 * once. Slow, obvious, and written without a look at the modules that it judges.
 *
 * @module
 */

/** A binary format: digits of the significand, and the exponents of normal numbers. */
export interface Format {
  readonly width: 32 | 64;
  readonly precision: bigint;
  readonly least: bigint;
  readonly greatest: bigint;
}

/** binary32. */
export const SINGLE: Format = { width: 32, precision: 24n, least: -126n, greatest: 127n };
/** binary64. */
export const DOUBLE: Format = { width: 64, precision: 53n, least: -1022n, greatest: 1023n };

/** Exceptions as `fflags` numbers them. */
export const FLAG = { NX: 1, UF: 2, OF: 4, DZ: 8, NV: 16 } as const;

/** Rounding modes as `frm` numbers them. */
export const MODE = { RNE: 0, RTZ: 1, RDN: 2, RUP: 3, RMM: 4 } as const;

/** A result and the exceptions that it raises. */
export interface Outcome {
  readonly bits: bigint;
  readonly flags: number;
}

/** What bits mean. */
export type Datum =
  | { readonly kind: "number"; readonly isNegative: boolean; readonly size: Ratio }
  | { readonly kind: "infinity"; readonly isNegative: boolean }
  | { readonly kind: "nan"; readonly isSignalling: boolean };

/** numerator / denominator: the first not negative, the second positive. */
export interface Ratio {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** A magnitude, digit by digit: floor(magnitude / 2^at), and whether nothing is left over. */
export type Magnitude = (at: bigint) => { readonly units: bigint; readonly isExact: boolean };

/** 2^exponent as a ratio. */
export function power(exponent: bigint): Ratio {
  return exponent >= 0n
    ? { numerator: 1n << exponent, denominator: 1n }
    : { numerator: 1n, denominator: 1n << -exponent };
}

/** a b. */
export function product(a: Ratio, b: Ratio): Ratio {
  return {
    numerator: a.numerator * b.numerator,
    denominator: a.denominator * b.denominator,
  };
}

/** The digits of a ratio. */
export function digitsOf(ratio: Ratio): Magnitude {
  return (at) => {
    const scaled = product(ratio, power(-at));
    return {
      units: scaled.numerator / scaled.denominator,
      isExact: scaled.numerator % scaled.denominator === 0n,
    };
  };
}

/** The digits of the square root of a ratio. */
export function rootDigitsOf(ratio: Ratio): Magnitude {
  return (at) => {
    const square = digitsOf(ratio)(2n * at);
    const units = integerRoot(square.units);
    return { units, isExact: square.isExact && units * units === square.units };
  };
}

/** floor(sqrt(x)), by Newton's method from above. */
function integerRoot(x: bigint): bigint {
  if (x < 2n) return x;
  let root = 1n << BigInt((x.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + x / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** Takes bits apart. */
export function decode(format: Format, bits: bigint): Datum {
  const fractionBits = format.precision - 1n;
  const isNegative = bits >> BigInt(format.width - 1) === 1n;
  const fraction = bits & ((1n << fractionBits) - 1n);
  const field = (bits >> fractionBits) & (2n * format.greatest + 1n);
  if (field === 2n * format.greatest + 1n) {
    if (fraction === 0n) return { kind: "infinity", isNegative };
    return { kind: "nan", isSignalling: fraction >> (fractionBits - 1n) === 0n };
  }
  const significand = field === 0n ? fraction : fraction + (1n << fractionBits);
  const exponent = (field === 0n ? 1n : field) - format.greatest - fractionBits;
  const size = product({ numerator: significand, denominator: 1n }, power(exponent));
  return { kind: "number", isNegative, size };
}

/** The bits of an infinity. */
export function infinity(format: Format, isNegative: boolean): bigint {
  return signed(format, isNegative, (2n * format.greatest + 1n) << (format.precision - 1n));
}

/** The bits of a zero. */
export function zero(format: Format, isNegative: boolean): bigint {
  return signed(format, isNegative, 0n);
}

/** The bits of the canonical NaN. */
export function canonicalNaN(format: Format): bigint {
  return infinity(format, false) | (1n << (format.precision - 2n));
}

function signed(format: Format, isNegative: boolean, magnitude: bigint): bigint {
  return isNegative ? magnitude | (1n << BigInt(format.width - 1)) : magnitude;
}

/** Rounds an exact magnitude, not zero, whose leading digit stands for 2^exponent. */
export function round(
  format: Format,
  isNegative: boolean,
  magnitude: Magnitude,
  exponent: bigint,
  mode: number,
): Outcome {
  const { precision, least, greatest } = format;
  const atLeast = exponent < least ? least : exponent;
  const at = atLeast - precision + 1n;
  const { units, isExact } = toUnits(isNegative, magnitude, at, mode);

  // The largest finite number is 2^precision - 1 of its units, or this many of the present ones.
  const coarser = greatest - precision + 1n - at;
  if (coarser < 0n || units > ((1n << precision) - 1n) << coarser) {
    return overflow(format, isNegative, mode);
  }

  // Tiny after rounding: rounded as if the exponent had no bound, it is below 2^least.
  const free = toUnits(isNegative, magnitude, exponent - precision + 1n, mode).units;
  const isTiny = exponent < least && free < 1n << (least - exponent + precision - 1n);
  const flags = isExact ? 0 : isTiny ? FLAG.NX | FLAG.UF : FLAG.NX;
  return { bits: signed(format, isNegative, encode(format, units, at)), flags };
}

/** Rounds to a multiple of 2^at. */
export function toUnits(
  isNegative: boolean,
  magnitude: Magnitude,
  at: bigint,
  mode: number,
): { readonly units: bigint; readonly isExact: boolean } {
  const { units, isExact } = magnitude(at - 1n);
  const below = units / 2n;
  const isHalf = units % 2n === 1n;
  if (isExact && !isHalf) return { units: below, isExact: true };
  const goesUp = {
    [MODE.RNE]: isHalf && (!isExact || below % 2n === 1n),
    [MODE.RTZ]: false,
    [MODE.RDN]: isNegative,
    [MODE.RUP]: !isNegative,
    [MODE.RMM]: isHalf,
  }[mode]!;
  return { units: goesUp ? below + 1n : below, isExact: false };
}

/** What lies beyond the largest finite number: infinity, or that number, as the mode has it. */
function overflow(format: Format, isNegative: boolean, mode: number): Outcome {
  const stays = mode === MODE.RTZ || mode === (isNegative ? MODE.RUP : MODE.RDN);
  const bits = infinity(format, isNegative) - (stays ? 1n : 0n);
  return { bits, flags: FLAG.OF | FLAG.NX };
}

/** The bits of units 2^at, which the format has. */
function encode(format: Format, units: bigint, at: bigint): bigint {
  const fractionBits = format.precision - 1n;
  const hidden = 1n << fractionBits;
  if (units < hidden) return units;
  const exponent = units === 2n * hidden ? at + 1n : at;
  const significand = units === 2n * hidden ? hidden : units;
  const field = exponent + fractionBits + format.greatest;
  return (field << fractionBits) + significand - hidden;
}

/** The exponent of the leading digit of a ratio that is not zero. */
export function exponentOf(ratio: Ratio): bigint {
  const length = (x: bigint) => BigInt(x.toString(16).length * 4);
  let exponent = length(ratio.numerator) - length(ratio.denominator) - 5n;
  while (isAtLeast(ratio, power(exponent + 1n))) exponent++;
  return exponent;
}

/** a >= b. */
export function isAtLeast(a: Ratio, b: Ratio): boolean {
  return a.numerator * b.denominator >= b.numerator * a.denominator;
}
