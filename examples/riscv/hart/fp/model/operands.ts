/**
 * Operands for tests, more often than chance would have it at the borders: subnormals, the largest
 * numbers, runs of ones, sums that cancel, products half way between two numbers.
 *
 * @module
 */

import fc from "fast-check";
import { DOUBLE, type Format, SINGLE } from "./exact.ts";
import { multiply } from "./operations.ts";

/** Operands of all kinds: as many as an operation may take of each. */
export interface Operands {
  readonly s: readonly bigint[];
  readonly d: readonly bigint[];
  readonly x: readonly bigint[];
}

/** Operands for one run of every operation. */
export function operands(): fc.Arbitrary<Operands> {
  return fc.record({ s: triple(SINGLE), d: triple(DOUBLE), x: integer().map((x) => [x]) });
}

/** The bits of a 64-bit integer, often close to a power of two. */
function integer(): fc.Arbitrary<bigint> {
  const random = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
  const place = fc.bigInt({ min: 0n, max: 64n });
  const near = fc.bigInt({ min: -3n, max: 3n });
  return fc.oneof(
    fc.tuple(random, place).map(([x, by]) => x >> by),
    fc.tuple(place, place, near).map(([a, b, delta]) => (1n << a) + (1n << b) + delta),
    fc.tuple(place, near).map(([a, delta]) => -(1n << a) + delta),
  ).map((x) => BigInt.asUintN(64, x));
}

/** Three numbers of a format, related by chance. */
function triple(format: Format): fc.Arbitrary<bigint[]> {
  const digits = Number(format.precision);
  return fc.tuple(
    fc.tuple(number(format), number(format), number(format)),
    fc.constantFrom(...RELATIONS),
    fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -3 - 2 * digits, max: digits })),
  ).map(([numbers, relate, [ulps, exponent]]) =>
    relate(format, numbers, BigInt(ulps), BigInt(exponent)).map((bits) =>
      BigInt.asUintN(format.width, bits)
    )
  );
}

/** Makes operands depend on one another; `ulps` is small and `exponent` about the precision. */
type Relation = (
  format: Format,
  numbers: readonly [bigint, bigint, bigint],
  ulps: bigint,
  exponent: bigint,
) => bigint[];

const RELATIONS: readonly Relation[] = [
  (_, [a, b, c]) => [a, b, c],
  // Sums that cancel, all but some units.
  (format, [a, , c], ulps) => [a, (a ^ signOf(format)) + ulps, c],
  // Sums of numbers some digits apart.
  (format, [a, b, c], _, exponent) => [a, withField(format, b, fieldOf(format, a) + exponent), c],
  // Fused sums that cancel, all but some units of the product.
  (format, [a, b], ulps) => [a, b, (productOf(format, a, b) ^ signOf(format)) + ulps],
  // Fused sums of numbers some digits apart: half way if the addend is a power of two.
  (format, [a, b, c], _, exponent) => {
    const field = fieldOf(format, productOf(format, a, b)) + exponent;
    return [a, b, withField(format, c, field)];
  },
  // Products, and sums with them, close to overflow.
  (format, [a, b, c], ulps) => {
    const field = 3n * format.greatest - fieldOf(format, a) + ulps;
    return [a, withField(format, b, field), withField(format, c, 2n * format.greatest + ulps)];
  },
  // Products close to underflow.
  (format, [a, b, c], _, exponent) => {
    const field = format.greatest - fieldOf(format, a) + exponent / 2n;
    return [a, withField(format, b, field), withField(format, c, 1n + exponent / 2n)];
  },
  // Quotients close to underflow and overflow.
  (format, [a, b, c], ulps, exponent) => {
    const field = fieldOf(format, a) + (ulps < 0n ? format.greatest : -format.greatest);
    return [a, withField(format, b, field + exponent / 8n), c];
  },
  // Squares, and exact quotients if the factors are short.
  (format, [a, , c], ulps) => [productOf(format, a, a) + ulps, a, c],
  (format, [a, b, c], ulps) => [productOf(format, a, b) + ulps, b, c],
  // Fused sums half way between two numbers but for a digit far below, the product being
  // (1 + x) (1 - x + x^2) = 1 + x^3.
  (format, _, ulps, exponent) => {
    const x = (format.precision - 1n) / 2n + (ulps > 0n ? 0n : ulps);
    const unit = 1n << (format.precision - 1n);
    const left = format.greatest * unit + (unit >> x);
    const right = (format.greatest - 1n) * unit + unit - 2n * (unit >> x) + 2n * (unit >> 2n * x);
    const addend = (format.greatest + format.precision + (exponent & 1n)) * unit;
    return [left, right, ulps & 1n ? addend : addend | signOf(format)];
  },
  // Fused sums close to the largest single, all but some units, and as close to 1/2 unit above.
  (format, [a, b], ulps, exponent) => {
    const largest = infinityOf(format) - 1n;
    const field = 2n * format.greatest - format.precision + (exponent & 3n) - 1n;
    const addend = withField(format, ulps & 1n ? 0n : b, field);
    return [largest + (ulps > 0n ? 0n : ulps), withField(format, 0n, format.greatest), addend]
      .map((bits) => bits ^ (a & signOf(format)));
  },
  // Doubles close to the largest single.
  (format, [a, b, c], ulps, exponent) => [
    withField(format, ((a >> 1n) & signOf(format)) | (infinityOf(format) - 1n), 1150n) -
    (ulps > 0n ? 1n << 28n : 1n << (exponent & 31n)),
    b,
    c,
  ],
  // Doubles close to the singles, and to the integers, of which conversions must choose one.
  (format, [a, b, c], ulps) => [
    ((a >> 28n) << 28n) + ulps,
    withField(format, b, 896n + ulps),
    c,
  ],
  (format, [a, b, c], _, exponent) => [
    withField(format, a, format.greatest + 33n + exponent / 2n),
    b,
    c,
  ],
];

/** A number, or an infinity or a NaN. */
function number(format: Format): fc.Arbitrary<bigint> {
  const top = 2n * format.greatest + 1n;
  const middle = format.greatest;
  const field = fc.oneof(
    fc.constantFrom(0n, 0n, 1n, 2n, middle - 1n, middle, middle + 1n, top - 2n, top - 1n, top),
    fc.bigInt({ min: middle - 64n, max: middle + 64n }),
    fc.bigInt({ min: 0n, max: top }),
  );
  return fc.tuple(fc.boolean(), field, fraction(format)).map(([isNegative, field, fraction]) =>
    (isNegative ? signOf(format) : 0n) | (field << (format.precision - 1n)) | fraction
  );
}

/** A fraction: random, short, or runs of ones and zeros. */
function fraction(format: Format): fc.Arbitrary<bigint> {
  const bits = format.precision - 1n;
  const mask = (1n << bits) - 1n;
  const random = fc.bigInt({ min: 0n, max: mask });
  const place = fc.bigInt({ min: 0n, max: bits });
  return fc.oneof(
    random,
    fc.constantFrom(0n, 1n, mask, mask - 1n, 1n << (bits - 1n), (1n << (bits - 1n)) - 1n),
    fc.tuple(random, place).map(([x, by]) => x << by),
    fc.tuple(random, place).map(([x, by]) => x >> by),
    fc.tuple(place, place).map(([a, b]) => (1n << a) - (1n << b)),
    fc.tuple(place, place).map(([a, b]) => (1n << a) | (1n << b)),
  ).map((x) => x & mask);
}

function signOf(format: Format): bigint {
  return 1n << BigInt(format.width - 1);
}

function infinityOf(format: Format): bigint {
  return (2n * format.greatest + 1n) << (format.precision - 1n);
}

function fieldOf(format: Format, bits: bigint): bigint {
  return (bits >> (format.precision - 1n)) & (2n * format.greatest + 1n);
}

/** The number with another exponent, the nearest that there is. */
function withField(format: Format, bits: bigint, field: bigint): bigint {
  const top = 2n * format.greatest;
  const possible = field < 0n ? 0n : field > top ? top : field;
  return bits ^ ((fieldOf(format, bits) ^ possible) << (format.precision - 1n));
}

function productOf(format: Format, a: bigint, b: bigint): bigint {
  return multiply(format, a, b, 0).bits;
}
