/**
 * The mutants of a kernel: its module with one small mistake each, of the kinds that people make.
 *
 * - an operand is off by one: a constant, the offset of a field (by one field), a local, a label
 * - an operator or a comparison is another one
 * - a branch or a choice goes the other way
 * - an access is left out: what it would have read is 0
 * - a value is not kept, a branch is not taken
 * - two accesses that follow one another have changed places (`swap.ts`)
 * - an atomic access is plain (`make_plain.ts`)
 *
 * @module
 */

import { type Code, decode, type Instruction, type Module } from "./decode.ts";
import { encodeInstruction } from "./encode.ts";
import { type Opcode, opcodeNamed } from "./instructions.ts";
import { makePlain } from "./make_plain.ts";
import { type Mistake, rebuild } from "./rebuild.ts";
import { swapAccesses } from "./swap.ts";

/** A kernel with one mistake. */
export interface Mutant {
  /** The function, the mistake, and which one of its kind in the function: its name in lists. */
  readonly name: string;
  /** The function it is in. */
  readonly code: Code;
  /** Byte offsets, in the original module, of the instructions that it concerns. */
  readonly at: readonly number[];
  /** The module's bytes. */
  readonly bytes: Uint8Array;
}

/** All mutants of a kernel that are valid modules. */
export function* mutants(module: Module): Generator<Mutant> {
  for (const code of module.functions) {
    const counts = new Map<string, number>();
    for (const mistake of mistakesIn(code, module)) {
      const bytes = rebuild(module, code, mistake);
      if (!WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)) continue;
      const count = (counts.get(mistake.says) ?? 0) + 1;
      counts.set(mistake.says, count);
      const name = `${code.name}: ${mistake.says}${count > 1 ? ` (${count})` : ""}`;
      const at = mistake.at.map((index) => code.body[index]!.start);
      yield { name, code, at, bytes };
    }
  }
}

/** The module of a mutant. */
export function moduleOf({ bytes }: Mutant): Module {
  return decode(bytes);
}

function* mistakesIn(code: Code, module: Module): Generator<Mistake> {
  for (const [index, instruction] of code.body.entries()) {
    for (const [says, bytes] of replacements(instruction, code, module)) {
      yield { from: index, to: index + 1, bytes, says, at: [index] };
    }
    yield* makePlain(code, index);
  }
  yield* swapAccesses(code, module);
}

/** What may stand in place of one instruction: the mistake in words, and the bytes. */
type Replacement = [says: string, bytes: number[]];

function replacements(instruction: Instruction, code: Code, module: Module): Replacement[] {
  return [
    ...offByOne(instruction, code, module),
    ...otherOperator(instruction),
    ...otherWay(instruction),
    ...dropped(instruction),
  ];
}

const encode = (name: string, operand: number | bigint = 0) =>
  encodeInstruction(opcodeNamed(name), operand);

function offByOne({ opcode, operand }: Instruction, code: Code, module: Module): Replacement[] {
  const to = (value: number | bigint): Replacement => {
    return [`${opcode.name} ${operand} -> ${value}`, encodeInstruction(opcode, value)];
  };
  if (opcode.name.endsWith(".const")) {
    if (typeof operand === "bigint") return [to(operand + 1n), to(operand - 1n)];
    return [to(operand + 1), to(operand - 1)];
  }
  const index = Number(operand);
  switch (opcode.immediate) {
    case "memory": {
      const field = opcode.access!.bytes;
      return [index + field, index - field].filter((offset) => offset >= 0).map(to);
    }
    case "label":
      return [index + 1, index - 1].filter((depth) => depth >= 0).map(to);
    case "local":
      return neighbours(index, code.locals.length, (other) => {
        return code.locals[other] === code.locals[index];
      }).map(to);
    case "function":
      return neighbours(index, module.functions.length, (other) => {
        const [one, two] = [module.functions[index]!.signature, module.functions[other]!.signature];
        return one.params === two.params && one.results === two.results;
      }).map(to);
    default:
      return [];
  }
}

/** The nearest indices below and above that fit. */
function neighbours(index: number, count: number, fits: (other: number) => boolean): number[] {
  const all = Array.from({ length: count }, (_, other) => other).filter(fits);
  return [all.findLast((other) => other < index), all.find((other) => other > index)]
    .filter((other) => other !== undefined);
}

/** Each operator and what it is mistaken for. */
const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  add: ["sub"],
  sub: ["add"],
  mul: ["add"],
  div: ["mul"],
  and: ["or", "xor"],
  or: ["and", "xor"],
  xor: ["and", "or"],
  xchg: ["add"],
  shl: ["shr_u"],
  shr_u: ["shl", "shr_s"],
  eq: ["ne"],
  ne: ["eq"],
  lt: ["le", "gt"],
  le: ["lt", "ge"],
  gt: ["ge", "lt"],
  ge: ["gt", "le"],
  lt_u: ["le_u", "gt_u", "lt_s"],
  le_u: ["lt_u", "ge_u", "le_s"],
  gt_u: ["ge_u", "lt_u", "gt_s"],
  ge_u: ["gt_u", "le_u", "ge_s"],
  lt_s: ["le_s", "gt_s", "lt_u"],
  le_s: ["lt_s", "ge_s", "le_u"],
  gt_s: ["ge_s", "lt_s", "gt_u"],
  ge_s: ["gt_s", "le_s", "ge_u"],
  extend_i32_u: ["extend_i32_s"],
  extend_i32_s: ["extend_i32_u"],
  convert_i64_u: ["convert_i64_s"],
  convert_i32_u: ["convert_i32_s"],
  trunc_sat_f64_u: ["trunc_sat_f64_s"],
  trunc_sat_f64_s: ["trunc_sat_f64_u"],
};

function otherOperator({ opcode, operand }: Instruction): Replacement[] {
  const dot = opcode.name.lastIndexOf(".");
  const [prefix, operator] = [opcode.name.slice(0, dot + 1), opcode.name.slice(dot + 1)];
  const others = (OPERATORS[operator] ?? []).map((other): Replacement => {
    const name = prefix + other;
    return [`${opcode.name} -> ${name}`, encode(name, operand)];
  });
  if (operator !== "eqz") return others;
  return [[`${opcode.name} negated`, [...encodeInstruction(opcode), ...encode("i32.eqz")]]];
}

/** A branch, or a choice between two values, on the opposite of its condition. */
function otherWay({ opcode, operand }: Instruction): Replacement[] {
  if (!["br_if", "if", "select"].includes(opcode.name)) return [];
  const negated = [...encode("i32.eqz"), ...encodeInstruction(opcode, operand)];
  return [[`${opcode.name} negated`, negated]];
}

/** What an instruction leaves when it is left out, if that may still be valid. */
const LEFT_OUT: Readonly<Record<string, readonly number[]>> = {
  "local.set": encode("drop"),
  "local.tee": [],
  "global.set": encode("drop"),
  "br": [],
  "br_if": encode("drop"),
  "return": [],
};

function dropped({ opcode }: Instruction): Replacement[] {
  const rest = LEFT_OUT[opcode.name];
  if (rest) return [[`${opcode.name} left out`, [...rest]]];
  if (!opcode.access) return [];
  const drops = [...opcode.takes].flatMap(() => encode("drop"));
  return [[`${opcode.name} left out`, [...drops, ...zero(opcode)]]];
}

/** What pushes the zero that an access would have given. */
function zero({ gives }: Opcode): number[] {
  if (gives === "i") return encode("i32.const");
  if (gives === "l") return encode("i64.const", 0n);
  return gives === "d" ? encode("f64.const") : [];
}
