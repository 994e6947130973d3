/**
 * What the numeric instructions compute. An i32 is a signed number, an i64 a signed bigint, an f64 a
 * number.
 *
 * @module
 */

/** A value on the stack. */
export type Value = number | bigint;

/** A condition that ends a run of the kernel, as a trap does. */
export class Trap extends Error {
  static {
    this.prototype.name = "Trap";
  }
}

type Numeric = (a: never, b: never) => Value | boolean;

const unsigned = (value: bigint) => BigInt.asUintN(64, value);

function divide<T extends Value>(by: T, zero: T, quotient: () => T): T {
  if (by === zero) throw new Trap("integer divide by zero");
  return quotient();
}

const I32: Record<string, (a: number, b: number) => number | boolean> = {
  eqz: (a) => a === 0,
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt_s: (a, b) => a < b,
  lt_u: (a, b) => a >>> 0 < b >>> 0,
  gt_s: (a, b) => a > b,
  gt_u: (a, b) => a >>> 0 > b >>> 0,
  le_s: (a, b) => a <= b,
  le_u: (a, b) => a >>> 0 <= b >>> 0,
  ge_s: (a, b) => a >= b,
  ge_u: (a, b) => a >>> 0 >= b >>> 0,
  clz: (a) => Math.clz32(a),
  ctz: (a) => a === 0 ? 32 : 31 - Math.clz32(a & -a),
  popcnt: (a) => [...(a >>> 0).toString(2)].filter((bit) => bit === "1").length,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => Math.imul(a, b),
  div_s: (a, b) =>
    divide(b, 0, () => {
      if (a === -0x8000_0000 && b === -1) throw new Trap("integer overflow");
      return Math.trunc(a / b);
    }),
  div_u: (a, b) => divide(b, 0, () => Math.floor((a >>> 0) / (b >>> 0))),
  rem_s: (a, b) => divide(b, 0, () => a % b),
  rem_u: (a, b) => divide(b, 0, () => (a >>> 0) % (b >>> 0)),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << b,
  shr_s: (a, b) => a >> b,
  shr_u: (a, b) => a >>> b,
};

function trailingZeros(value: bigint): bigint {
  if (value === 0n) return 64n;
  let count = 0n;
  while (!(value >> count & 1n)) count++;
  return count;
}

const I64: Record<string, (a: bigint, b: bigint) => bigint | boolean> = {
  eqz: (a) => a === 0n,
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt_s: (a, b) => a < b,
  lt_u: (a, b) => unsigned(a) < unsigned(b),
  gt_s: (a, b) => a > b,
  gt_u: (a, b) => unsigned(a) > unsigned(b),
  le_s: (a, b) => a <= b,
  le_u: (a, b) => unsigned(a) <= unsigned(b),
  ge_s: (a, b) => a >= b,
  ge_u: (a, b) => unsigned(a) >= unsigned(b),
  clz: (a) => a === 0n ? 64n : BigInt(64 - unsigned(a).toString(2).length),
  ctz: trailingZeros,
  popcnt: (a) => BigInt([...unsigned(a).toString(2)].filter((bit) => bit === "1").length),
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div_s: (a, b) =>
    divide(b, 0n, () => {
      if (a === -(2n ** 63n) && b === -1n) throw new Trap("integer overflow");
      return a / b;
    }),
  div_u: (a, b) => divide(b, 0n, () => unsigned(a) / unsigned(b)),
  rem_s: (a, b) => divide(b, 0n, () => a % b),
  rem_u: (a, b) => divide(b, 0n, () => unsigned(a) % unsigned(b)),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << (b & 63n),
  shr_s: (a, b) => a >> (b & 63n),
  shr_u: (a, b) => unsigned(a) >> (b & 63n),
};

const F64: Record<string, (a: number, b: number) => number | boolean> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  gt: (a, b) => a > b,
  le: (a, b) => a <= b,
  ge: (a, b) => a >= b,
  abs: (a) => Math.abs(a),
  neg: (a) => -a,
  ceil: (a) => Math.ceil(a),
  floor: (a) => Math.floor(a),
  trunc: (a) => Math.trunc(a),
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
};

/** A double as an integer of the range, the nearest end of it if it lies outside. */
function saturate(value: number, lowest: bigint, highest: bigint): bigint {
  if (Number.isNaN(value)) return 0n;
  if (value <= Number(lowest)) return lowest;
  return value >= Number(highest) ? highest : BigInt(Math.trunc(value));
}

const CONVERSIONS: Record<string, Numeric> = {
  "i32.wrap_i64": (a: bigint) => Number(BigInt.asIntN(32, a)),
  "i64.extend_i32_s": (a: number) => BigInt(a),
  "i64.extend_i32_u": (a: number) => BigInt(a >>> 0),
  "f64.convert_i32_s": (a: number) => a,
  "f64.convert_i32_u": (a: number) => a >>> 0,
  "f64.convert_i64_s": (a: bigint) => Number(a),
  "f64.convert_i64_u": (a: bigint) => Number(unsigned(a)),
  "i32.trunc_sat_f64_s": (a: number) => Number(saturate(a, -(2n ** 31n), 2n ** 31n - 1n)),
  "i32.trunc_sat_f64_u": (a: number) => Number(saturate(a, 0n, 2n ** 32n - 1n)),
  "i64.trunc_sat_f64_s": (a: number) => saturate(a, -(2n ** 63n), 2n ** 63n - 1n),
  "i64.trunc_sat_f64_u": (a: number) => saturate(a, 0n, 2n ** 64n - 1n),
};

const ALL = new Map<string, Numeric>(Object.entries(CONVERSIONS));
for (const [prefix, table] of [["i32", I32], ["i64", I64], ["f64", F64]] as const) {
  for (const [name, of] of Object.entries(table)) ALL.set(`${prefix}.${name}`, of as Numeric);
}

/**
 * Computes a numeric instruction.
 *
 * @param name Its name.
 * @param gives The type of its result.
 * @param a The deeper operand.
 * @param b The other one, if it takes two.
 * @throws {Trap} On a division by zero or its overflow.
 */
export function compute(name: string, gives: string, a: Value, b: Value | undefined): Value {
  const of = ALL.get(name) as ((a: Value, b: Value | undefined) => Value | boolean) | undefined;
  if (!of) throw new RangeError(`The explorer does not compute ${name}`);
  return normalize(of(a, b), gives);
}

function normalize(value: Value | boolean, type: string): Value {
  if (typeof value === "bigint") return BigInt.asIntN(64, value);
  return type === "i" ? Number(value) | 0 : Number(value);
}
