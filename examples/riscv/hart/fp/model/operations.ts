/**
 * The operations of F and D by their definition, over {@linkcode "./exact.ts"}.
 *
 * @module
 */

import {
  canonicalNaN,
  type Datum,
  decode,
  digitsOf,
  exponentOf,
  FLAG,
  type Format,
  infinity,
  isAtLeast,
  MODE,
  type Outcome,
  product,
  type Ratio,
  rootDigitsOf,
  round,
  toUnits,
  zero,
} from "./exact.ts";

/** An operand that is not a NaN. */
type Value = Exclude<Datum, { kind: "nan" }>;
type Finite = Extract<Datum, { kind: "number" }>;

const exact = (bits: bigint): Outcome => ({ bits, flags: 0 });
const invalid = (format: Format): Outcome => ({ bits: canonicalNaN(format), flags: FLAG.NV });
const isZero = (x: Datum) => x.kind === "number" && x.size.numerator === 0n;

/** The result if an operand is a NaN. */
function ofNaNs(format: Format, operands: readonly Datum[]): Outcome | undefined {
  const nans = operands.filter((x) => x.kind === "nan");
  if (nans.length === 0) return undefined;
  return nans.some((x) => x.isSignalling) ? invalid(format) : exact(canonicalNaN(format));
}

/** Rounds a signed ratio that is not zero. */
function rounded(format: Format, isNegative: boolean, size: Ratio, mode: number): Outcome {
  return round(format, isNegative, digitsOf(size), exponentOf(size), mode);
}

/** a b + c. */
export function fused(
  format: Format,
  [a, b, c]: readonly [bigint, bigint, bigint],
  mode: number,
): Outcome {
  const operands = [a, b, c].map((bits) => decode(format, bits));
  const [x, y] = operands;
  const isZeroTimesInfinity = (x!.kind === "infinity" && isZero(y!)) ||
    (y!.kind === "infinity" && isZero(x!));
  if (isZeroTimesInfinity) return invalid(format);
  const nan = ofNaNs(format, operands);
  if (nan) return nan;
  const [left, right, addend] = operands as [Value, Value, Value];
  return sum(format, productOf(left, right), addend, mode);
}

/** The exact product. */
function productOf(a: Value, b: Value): Value {
  const isNegative = a.isNegative !== b.isNegative;
  if (a.kind === "infinity" || b.kind === "infinity") return { kind: "infinity", isNegative };
  return { kind: "number", isNegative, size: product(a.size, b.size) };
}

/** The rounded sum. */
function sum(format: Format, a: Value, b: Value, mode: number): Outcome {
  if (a.kind === "infinity" && b.kind === "infinity" && a.isNegative !== b.isNegative) {
    return invalid(format);
  }
  if (a.kind === "infinity") return exact(infinity(format, a.isNegative));
  if (b.kind === "infinity") return exact(infinity(format, b.isNegative));
  const denominator = a.size.denominator * b.size.denominator;
  const total = signedNumerator(a) * b.size.denominator + signedNumerator(b) * a.size.denominator;
  if (total === 0n) {
    const isNegative = a.isNegative === b.isNegative ? a.isNegative : mode === MODE.RDN;
    return exact(zero(format, isNegative));
  }
  const numerator = total < 0n ? -total : total;
  return rounded(format, total < 0n, { numerator, denominator }, mode);
}

function signedNumerator(x: Finite): bigint {
  return x.isNegative ? -x.size.numerator : x.size.numerator;
}

/** a + b. */
export function add(format: Format, a: bigint, b: bigint, mode: number): Outcome {
  const operands = [decode(format, a), decode(format, b)] as const;
  return ofNaNs(format, operands) ?? sum(format, ...operands as [Value, Value], mode);
}

/** a b. */
export function multiply(format: Format, a: bigint, b: bigint, mode: number): Outcome {
  const operands = [decode(format, a), decode(format, b)];
  const nan = ofNaNs(format, operands);
  if (nan) return nan;
  const [x, y] = operands as [Value, Value];
  if (isZero(x) ? y.kind === "infinity" : isZero(y) && x.kind === "infinity") {
    return invalid(format);
  }
  const result = productOf(x, y);
  if (result.kind === "infinity") return exact(infinity(format, result.isNegative));
  if (isZero(result)) return exact(zero(format, result.isNegative));
  return rounded(format, result.isNegative, result.size, mode);
}

/** a / b. */
export function divide(format: Format, a: bigint, b: bigint, mode: number): Outcome {
  const operands = [decode(format, a), decode(format, b)];
  const nan = ofNaNs(format, operands);
  if (nan) return nan;
  const [x, y] = operands as [Value, Value];
  const isNegative = x.isNegative !== y.isNegative;
  if (x.kind === "infinity") {
    return y.kind === "infinity" ? invalid(format) : exact(infinity(format, isNegative));
  }
  if (y.kind === "infinity") return exact(zero(format, isNegative));
  if (isZero(y)) {
    return isZero(x) ? invalid(format) : { bits: infinity(format, isNegative), flags: FLAG.DZ };
  }
  if (isZero(x)) return exact(zero(format, isNegative));
  const inverse = { numerator: y.size.denominator, denominator: y.size.numerator };
  return rounded(format, isNegative, product(x.size, inverse), mode);
}

/** The square root of a. */
export function squareRoot(format: Format, a: bigint, mode: number): Outcome {
  const x = decode(format, a);
  const nan = ofNaNs(format, [x]);
  if (nan) return nan;
  const value = x as Value;
  if (isZero(value)) return exact(a);
  if (value.isNegative) return invalid(format);
  if (value.kind === "infinity") return exact(a);
  // floor(log2(sqrt(x))) = floor(floor(log2(x)) / 2), and a shift of a bigint rounds down.
  return round(format, false, rootDigitsOf(value.size), exponentOf(value.size) >> 1n, mode);
}

/** To another format. */
export function convert(from: Format, to: Format, a: bigint, mode: number): Outcome {
  const x = decode(from, a);
  const nan = ofNaNs(to, [x]);
  if (nan) return nan;
  const value = x as Value;
  if (value.kind === "infinity") return exact(infinity(to, value.isNegative));
  if (isZero(value)) return exact(zero(to, value.isNegative));
  return rounded(to, value.isNegative, value.size, mode);
}

/** From an integer. */
export function fromInteger(format: Format, x: bigint, mode: number): Outcome {
  if (x === 0n) return exact(0n);
  return rounded(format, x < 0n, { numerator: x < 0n ? -x : x, denominator: 1n }, mode);
}

/** To an integer between the bounds, both inclusive. The result is the integer, not its bits. */
export function toInteger(
  format: Format,
  a: bigint,
  mode: number,
  [least, greatest]: readonly [bigint, bigint],
): Outcome {
  const x = decode(format, a);
  if (x.kind === "nan") return { bits: greatest, flags: FLAG.NV };
  const outside = { bits: x.isNegative ? least : greatest, flags: FLAG.NV };
  if (x.kind === "infinity") return outside;
  const { units, isExact } = toUnits(x.isNegative, digitsOf(x.size), 0n, mode);
  const integer = x.isNegative ? -units : units;
  if (integer < least || integer > greatest) return outside;
  return { bits: integer, flags: isExact ? 0 : FLAG.NX };
}

/** Negative, zero or positive as a is less than, equal to or greater than b. */
function order(a: Value, b: Value): number {
  const rank = (x: Value) => x.kind === "number" ? 0 : x.isNegative ? -1 : 1;
  if (a.kind !== "number" || b.kind !== "number") return rank(a) - rank(b);
  const difference = signedNumerator(a) * b.size.denominator -
    signedNumerator(b) * a.size.denominator;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** A comparison: FEQ, FLT or FLE. */
export function compare(
  format: Format,
  a: bigint,
  b: bigint,
  kind: "eq" | "lt" | "le",
): Outcome {
  const operands = [decode(format, a), decode(format, b)];
  const nans = operands.filter((x) => x.kind === "nan");
  if (nans.length > 0) {
    const isInvalid = kind !== "eq" || nans.some((x) => x.isSignalling);
    return { bits: 0n, flags: isInvalid ? FLAG.NV : 0 };
  }
  const difference = order(...operands as [Value, Value]);
  const holds = { eq: difference === 0, lt: difference < 0, le: difference <= 0 }[kind];
  return exact(holds ? 1n : 0n);
}

/** minimumNumber or maximumNumber. */
export function extreme(format: Format, a: bigint, b: bigint, kind: "min" | "max"): Outcome {
  const x = decode(format, a);
  const y = decode(format, b);
  const flags = [x, y].some((z) => z.kind === "nan" && z.isSignalling) ? FLAG.NV : 0;
  if (x.kind === "nan") {
    return { bits: y.kind === "nan" ? canonicalNaN(format) : b, flags };
  }
  if (y.kind === "nan") return { bits: a, flags };
  const difference = order(x, y) || Number(y.isNegative) - Number(x.isNegative);
  return exact((kind === "min") === (difference < 0) ? a : b);
}

/** FCLASS. */
export function classify(format: Format, a: bigint): bigint {
  const x = decode(format, a);
  if (x.kind === "nan") return x.isSignalling ? 1n << 8n : 1n << 9n;
  const rank = isZero(x) ? 0n : x.kind === "infinity" ? 3n : isNormal(format, x) ? 2n : 1n;
  return 1n << (x.isNegative ? 3n - rank : 4n + rank);
}

function isNormal(format: Format, x: Finite): boolean {
  return isAtLeast(x.size, { numerator: 1n, denominator: 1n << -format.least });
}
