/**
 * The mistake of an atomic access that is plain. A read-modify-write becomes what it amounts to then:
 * a load, the operation and a store.
 *
 * @module
 */

import type { Code } from "./decode.ts";
import { encodeInstruction } from "./encode.ts";
import { opcodeNamed } from "./instructions.ts";
import type { Mistake } from "./rebuild.ts";

/** The plain form of the atomic access at an index, if there is one. */
export function* makePlain(code: Code, index: number): Generator<Mistake> {
  const { opcode, operand } = code.body[index]!;
  const { access } = opcode;
  if (!access?.atomic) return;
  const plain = opcode.name.match(/^i(32|64)\.atomic\.(load|store|rmw\.\w+)$/);
  if (!plain) return;
  const prefix = `i${plain[1]}`;
  const verb = plain[2]!;
  const says = `${opcode.name} made plain`;
  const edit = { from: index, to: index + 1, says, at: [index] };
  if (verb === "load" || verb === "store") {
    yield { ...edit, bytes: encodeInstruction(opcodeNamed(`${prefix}.${verb}`), operand) };
    return;
  }
  const first = code.locals.length;
  const body = verb === "rmw.cmpxchg"
    ? compareExchange(first, prefix, operand)
    : readModifyWrite(first, prefix, operand, verb.slice("rmw.".length));
  yield { ...edit, bytes: body, locals: `i${access.type.repeat(3)}` };
}

type Operand = number | bigint;

/** Encodes a sequence of instructions, each a name and an operand. */
function sequence(...instructions: [name: string, operand?: Operand][]): number[] {
  return instructions.flatMap(([name, operand]) => encodeInstruction(opcodeNamed(name), operand));
}

function readModifyWrite(
  first: number,
  prefix: string,
  offset: Operand,
  operator: string,
): number[] {
  const [address, value, old] = [first, first + 1, first + 2];
  const combine: [string][] = operator === "xchg" ? [] : [[`${prefix}.${operator}`]];
  return sequence(
    ["local.set", value],
    ["local.tee", address],
    [`${prefix}.load`, offset],
    ["local.set", old],
    ["local.get", address],
    ...operator === "xchg" ? [] : [["local.get", old] as [string, number]],
    ["local.get", value],
    ...combine,
    [`${prefix}.store`, offset],
    ["local.get", old],
  );
}

function compareExchange(first: number, prefix: string, offset: Operand): number[] {
  const [address, value, expected, old] = [first, first + 1, first + 2, first + 3];
  return sequence(
    ["local.set", value],
    ["local.set", expected],
    ["local.tee", address],
    [`${prefix}.load`, offset],
    ["local.tee", old],
    ["local.get", expected],
    [`${prefix}.eq`],
    ["if", 0x40],
    ["local.get", address],
    ["local.get", value],
    [`${prefix}.store`, offset],
    ["end"],
    ["local.get", old],
  );
}
