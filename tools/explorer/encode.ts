/**
 * Encodes instructions, functions and small modules: for mutants and for tests.
 *
 * @module
 */

import { type Opcode, opcodeNamed } from "./instructions.ts";
import { encodeSigned, encodeUnsigned } from "./leb.ts";

/** The bytes of an instruction. */
export function encodeInstruction(opcode: Opcode, operand: number | bigint = 0): number[] {
  const { code } = opcode;
  const bytes = code < 0x100 ? [code] : [code >>> 8, ...encodeUnsigned(code & 0xff)];
  return [...bytes, ...encodeImmediate(opcode, operand)];
}

function encodeImmediate({ immediate, access }: Opcode, operand: number | bigint): number[] {
  switch (immediate) {
    case "none":
      return [];
    case "i32":
    case "i64":
      return encodeSigned(BigInt(operand));
    case "f64":
      return [...new Uint8Array(new Float64Array([Number(operand)]).buffer)];
    case "memory":
      return [Math.log2(access!.bytes), ...encodeUnsigned(Number(operand))];
    case "two bytes":
      return [0, 0];
    default:
      return encodeUnsigned(Number(operand));
  }
}

/** A function to assemble: its types (`i`, `l`, `d`) and its instructions without the last `end`. */
export interface Source {
  /** Types of the parameters. */
  readonly params?: string;
  /** Type of the result, if it has one. */
  readonly results?: string;
  /** Types of the further locals. */
  readonly locals?: string;
  /** Instructions in the names of the text format, each with its operand behind it. */
  readonly body: string;
}

const TYPE_BYTES: Record<string, number> = { i: 0x7f, l: 0x7e, d: 0x7c };
const BLOCK_TYPES: Record<string, number> = { ...TYPE_BYTES, void: 0x40 };

/**
 * Assembles a module that imports a shared memory as `env.memory` and exports its functions.
 *
 * @param functions The functions by name.
 * @example
 * ```ts ignore
 * assemble({ get: { params: "i", results: "i", body: "local.get 0  i32.atomic.load 0" } });
 * ```
 */
export function assemble(functions: Readonly<Record<string, Source>>): Uint8Array {
  const sources = Object.entries(functions);
  const types = (text: string) => vector([...text].map((type) => [TYPE_BYTES[type]!]));
  const signatures = sources.map(([_, { params = "", results = "" }]) => {
    return [0x60, ...types(params), ...types(results)];
  });
  const exported = sources.map(([name], index) => [...text(name), 0, ...encodeUnsigned(index)]);
  const memory = [...text("env"), ...text("memory"), 2, 3, 1, ...encodeUnsigned(65536)];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(signatures)),
    ...section(2, vector([memory])),
    ...section(3, vector(sources.map((_, index) => encodeUnsigned(index)))),
    ...section(7, vector(exported)),
    ...section(10, vector(sources.map(([_, source]) => encodeCode(source)))),
  ]);
}

function encodeCode({ locals = "", body }: Source): number[] {
  const declared = vector([...locals].map((type) => [1, TYPE_BYTES[type]!]));
  const words = body.trim().split(/\s+/);
  const bytes: number[] = [];
  for (let at = 0; at < words.length; at++) {
    const opcode = opcodeNamed(words[at]!);
    const operand = opcode.immediate === "none" ? "0" : words[++at]!;
    bytes.push(...encodeInstruction(opcode, operandOf(opcode, operand)));
  }
  const code = [...declared, ...bytes, 0x0b];
  return [...encodeUnsigned(code.length), ...code];
}

function operandOf({ immediate }: Opcode, text: string): number | bigint {
  if (immediate === "block") return BLOCK_TYPES[text]!;
  return immediate === "i64" ? BigInt(text) : Number(text);
}

function section(id: number, contents: number[]): number[] {
  return [id, ...encodeUnsigned(contents.length), ...contents];
}

function vector(items: number[][]): number[] {
  return [...encodeUnsigned(items.length), ...items.flat()];
}

function text(name: string): number[] {
  return vector([...new TextEncoder().encode(name)].map((byte) => [byte]));
}
