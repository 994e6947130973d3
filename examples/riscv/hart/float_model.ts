/**
 * The floating-point instructions that compute: how each is encoded, and its definition.
 *
 * @module
 */

import { DOUBLE, SINGLE } from "./fp/model/exact.ts";
import { type Operation, OPERATIONS } from "./fp/model/suite.ts";
import { r } from "./test_board.ts";

/** An instruction of F or D without memory. */
export interface FloatInstruction extends Operation {
  /** Where the result goes: a boxed single, a double, or an integer register. */
  readonly result: "s" | "d" | "x";
  /** Encodes it; `rm` only counts where {@linkcode Operation.hasMode} is true. */
  readonly encode: (rd: number, sources: readonly number[], rm: number) => number;
}

const FUSED: Record<string, number> = { fmadd: 0x43, fmsub: 0x47, fnmsub: 0x4b, fnmadd: 0x4f };

/** funct7 without the format, and funct3 where it is no rounding mode. */
const BINARY: Record<string, [number, number?]> = {
  fadd: [0x00],
  fsub: [0x04],
  fmul: [0x08],
  fdiv: [0x0c],
  fsgnj: [0x10, 0],
  fsgnjn: [0x10, 1],
  fsgnjx: [0x10, 2],
  fmin: [0x14, 0],
  fmax: [0x14, 1],
  fle: [0x50, 0],
  flt: [0x50, 1],
  feq: [0x50, 2],
};

/** funct7 with the format, rs2, and funct3 where it is no rounding mode. */
const UNARY: Record<string, [number, number, number?]> = {
  fsqrt32: [0x2c, 0],
  fsqrt64: [0x2d, 0],
  fclass32: [0x70, 0, 1],
  fclass64: [0x71, 0, 1],
  fcvtsd: [0x20, 1],
  fcvtds: [0x21, 0],
  ...conversions(),
};

/** Between a format and the integers: fcvtws, fcvtsw and so on. */
function conversions(): Record<string, [number, number]> {
  const result: Record<string, [number, number]> = {};
  (["s", "d"] as const).forEach((format, bits) =>
    (["w", "wu", "l", "lu"] as const).forEach((integer, number) => {
      result[`fcvt${integer}${format}`] = [0x60 | bits, number];
      result[`fcvt${format}${integer}`] = [0x68 | bits, number];
    })
  );
  return result;
}

function encoder(name: string): FloatInstruction["encode"] {
  const unary = UNARY[name];
  if (unary) {
    const [funct7, rs2, funct3] = unary;
    return (rd, [a], rm) => r(0x53, funct3 ?? rm, funct7, rd, a!, rs2);
  }
  const format = name.endsWith("64") ? 1 : 0;
  const stem = name.slice(0, -2);
  const opcode = FUSED[stem];
  if (opcode) return (rd, [a, b, c], rm) => r(opcode, rm, c! << 2 | format, rd, a!, b!);
  const [funct7, funct3] = BINARY[stem]!;
  return (rd, [a, b], rm) => r(0x53, funct3 ?? rm, funct7 | format, rd, a!, b!);
}

function resultOf({ name, width }: Operation): FloatInstruction["result"] {
  if (/^(feq|flt|fle|fclass|fcvt(w|l)u?[sd]$)/.test(name)) return "x";
  return width === 32 ? "s" : "d";
}

/** All of them. */
export const FLOAT_INSTRUCTIONS: readonly FloatInstruction[] = OPERATIONS.map((operation) => ({
  ...operation,
  result: resultOf(operation),
  encode: encoder(operation.name),
}));

const BOXED = 0xffffffffn << 32n;
export const CANONICAL_NAN = { s: 0x7fc00000n, d: 0x7ff8n << 48n } as const;

/** The register that holds a single. */
export function box(single: bigint): bigint {
  return BOXED | BigInt.asUintN(SINGLE.width, single);
}

/** The single in a register; a register that holds none gives the canonical NaN. */
export function unbox(register: bigint): bigint {
  return register >= BOXED ? BigInt.asUintN(SINGLE.width, register) : CANONICAL_NAN.s;
}

/** An instruction's effect on a register of 64 bits, from the registers that it reads. */
export function compute(
  { operands, result, define }: FloatInstruction,
  registers: readonly bigint[],
  mode: number,
): { value: bigint; flags: number } {
  const values = operands.map((kind, index) =>
    kind === "s" ? unbox(registers[index]!) : registers[index]!
  );
  const { bits, flags } = define(values, mode);
  return { value: result === "s" ? box(bits) : BigInt.asUintN(DOUBLE.width, bits), flags };
}
