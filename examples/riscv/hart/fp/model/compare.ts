/**
 * Runs every operation on given operands, in every rounding mode, and compares result and
 * exceptions with the definition.
 *
 * @module
 */

import type { FloatingPoint } from "../program.ts";
import { MODE } from "./exact.ts";
import type { Operands } from "./operands.ts";
import { type Operation, OPERATIONS } from "./suite.ts";

/** Exceptions that have accrued before: with NX there, some operations may go another way. */
const BEFORE = [0, 1] as const;

/**
 * Compares all operations on these operands.
 *
 * @returns The number of calls compared.
 * @throws {Error} At the first difference.
 */
export function compareAll(fp: FloatingPoint, operands: Operands): number {
  let compared = 0;
  for (const operation of OPERATIONS) {
    const modes = operation.hasMode ? Object.values(MODE) : [MODE.RNE];
    for (const mode of modes) {
      compared += compare(fp, operation, operandsOf(operation, operands), mode);
    }
  }
  return compared;
}

/** The operands that the operation takes: the first ones of their kind. */
function operandsOf(operation: Operation, operands: Operands): bigint[] {
  return operation.operands.map((kind, index) => operands[kind][index]!);
}

function compare(
  fp: FloatingPoint,
  operation: Operation,
  operands: readonly bigint[],
  mode: number,
): number {
  const expected = operation.define(operands, mode);
  const bits = BigInt.asUintN(operation.width, expected.bits);
  for (const before of BEFORE) {
    fp.setFlags(before);
    const result = BigInt.asUintN(operation.width, call(fp, operation, operands, mode));
    const flags = fp.flags();
    if (result !== bits || flags !== (expected.flags | before)) {
      const hex = (x: bigint) => `0x${x.toString(16)}`;
      throw new Error(
        `${operation.name}(${
          operands.map(hex).join(", ")
        }) in mode ${mode}, flags ${before} before: ` +
          `${hex(result)} and flags ${flags} instead of ${hex(bits)} and ${
            expected.flags | before
          }`,
      );
    }
  }
  return BEFORE.length;
}

function call(
  fp: FloatingPoint,
  operation: Operation,
  operands: readonly bigint[],
  mode: number,
): bigint {
  const converted = operation.operands.map((kind, index) =>
    kind === "s" ? Number(operands[index]) : operands[index]!
  );
  const run = fp[operation.name] as (...operands: (number | bigint)[]) => number | bigint;
  return BigInt(operation.hasMode ? run(...converted, mode) : run(...converted));
}
