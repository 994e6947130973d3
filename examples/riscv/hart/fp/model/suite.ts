/**
 * Every operation of `fp.as.ts` with its definition: what a test calls, and what it must give.
 *
 * @module
 */

import { DOUBLE, type Format, type Outcome, SINGLE } from "./exact.ts";
import * as definition from "./operations.ts";

/** Where an operand is taken from: a single, a double, or an integer register. */
export type OperandKind = "s" | "d" | "x";

/** An operation and its definition. */
export interface Operation {
  readonly name: string;
  readonly operands: readonly OperandKind[];
  /** Whether it takes a rounding mode as last argument. */
  readonly hasMode: boolean;
  /** Bits of the result: 32 or 64. */
  readonly width: 32 | 64;
  /** The result, of which only the lowest `width` bits count, and the exceptions. */
  readonly define: (operands: readonly bigint[], mode: number) => Outcome;
}

/** The integers that a conversion knows: their bits, and whether they are signed. */
const INTEGERS = {
  w: { bits: 32, isSigned: true },
  wu: { bits: 32, isSigned: false },
  l: { bits: 64, isSigned: true },
  lu: { bits: 64, isSigned: false },
} as const;

/** All operations that compute. */
export const OPERATIONS: readonly Operation[] = [
  ...operationsOf(SINGLE, "s"),
  ...operationsOf(DOUBLE, "d"),
  {
    name: "fcvtsd",
    operands: ["d"],
    hasMode: true,
    width: 32,
    define: ([a], mode) => definition.convert(DOUBLE, SINGLE, a!, mode),
  },
  {
    name: "fcvtds",
    operands: ["s"],
    hasMode: false,
    width: 64,
    define: ([a]) => definition.convert(SINGLE, DOUBLE, a!, 0),
  },
];

function operationsOf(format: Format, kind: "s" | "d"): Operation[] {
  return [
    ...arithmetic(format, kind),
    ...comparisons(format, kind),
    ...toIntegers(format, kind),
    ...fromIntegers(format, kind),
  ];
}

function arithmetic(format: Format, kind: OperandKind): Operation[] {
  const { width } = format;
  const sign = 1n << BigInt(width - 1);
  const fused = (name: string, product: bigint, addend: bigint): Operation => ({
    name: `${name}${width}`,
    operands: [kind, kind, kind],
    hasMode: true,
    width,
    define: ([a, b, c], mode) => definition.fused(format, [a! ^ product, b!, c! ^ addend], mode),
  });
  const binary = (name: string, define: Operation["define"]): Operation => ({
    name: `${name}${width}`,
    operands: [kind, kind],
    hasMode: true,
    width,
    define,
  });
  return [
    binary("fadd", ([a, b], mode) => definition.add(format, a!, b!, mode)),
    binary("fsub", ([a, b], mode) => definition.add(format, a!, b! ^ sign, mode)),
    binary("fmul", ([a, b], mode) => definition.multiply(format, a!, b!, mode)),
    binary("fdiv", ([a, b], mode) => definition.divide(format, a!, b!, mode)),
    {
      ...binary("fsqrt", ([a], mode) => definition.squareRoot(format, a!, mode)),
      operands: [kind],
    },
    fused("fmadd", 0n, 0n),
    fused("fmsub", 0n, sign),
    fused("fnmsub", sign, 0n),
    fused("fnmadd", sign, sign),
  ];
}

function comparisons(format: Format, kind: OperandKind): Operation[] {
  const { width } = format;
  const sign = 1n << BigInt(width - 1);
  const binary = (name: string, to: 32 | 64, define: Operation["define"]): Operation => ({
    name: `${name}${width}`,
    operands: [kind, kind],
    hasMode: false,
    width: to,
    define,
  });
  const bits = (bits: bigint): Outcome => ({ bits, flags: 0 });
  return [
    ...(["eq", "lt", "le"] as const).map((relation) =>
      binary(`f${relation}`, 64, ([a, b]) => definition.compare(format, a!, b!, relation))
    ),
    ...(["min", "max"] as const).map((which) =>
      binary(`f${which}`, width, ([a, b]) => definition.extreme(format, a!, b!, which))
    ),
    binary("fsgnj", width, ([a, b]) => bits((a! & ~sign) | (b! & sign))),
    binary("fsgnjn", width, ([a, b]) => bits((a! & ~sign) | (~b! & sign))),
    binary("fsgnjx", width, ([a, b]) => bits(a! ^ (b! & sign))),
    {
      ...binary("fclass", 64, ([a]) => bits(definition.classify(format, a!))),
      operands: [kind],
    },
  ];
}

function toIntegers(format: Format, kind: OperandKind): Operation[] {
  return Object.entries(INTEGERS).map(([name, { bits, isSigned }]) => {
    const count = 1n << BigInt(bits);
    const bounds = isSigned ? [-count / 2n, count / 2n - 1n] as const : [0n, count - 1n] as const;
    return {
      name: `fcvt${name}${kind}`,
      operands: [kind],
      hasMode: true,
      width: 64,
      define([a], mode) {
        const { bits: integer, flags } = definition.toInteger(format, a!, mode, bounds);
        // A register holds every 32-bit integer sign-extended, an unsigned one too.
        return { bits: BigInt.asIntN(bits, integer), flags };
      },
    };
  });
}

function fromIntegers(format: Format, kind: OperandKind): Operation[] {
  return Object.entries(INTEGERS).map(([name, { bits, isSigned }]) => ({
    name: `fcvt${kind}${name}`,
    operands: ["x"],
    hasMode: !(kind === "d" && bits === 32),
    width: format.width,
    define([x], mode) {
      const integer = isSigned ? BigInt.asIntN(bits, x!) : BigInt.asUintN(bits, x!);
      return definition.fromInteger(format, integer, mode);
    },
  }));
}
