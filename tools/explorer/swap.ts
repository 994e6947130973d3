/**
 * The mistake of two accesses in the wrong order.
 *
 * A function's code is cut into statements: the shortest runs of instructions, within one block, that
 * leave the stack as high as they found it. Of two statements that access memory, with none between
 * them that does, the first is moved behind the second.
 *
 * @module
 */

import { controlFlow } from "./control_flow.ts";
import type { Code, Module } from "./decode.ts";
import type { Mistake } from "./rebuild.ts";

interface Statement {
  readonly from: number;
  readonly to: number;
  /** Index of its first access, -1 if it has none. */
  readonly access: number;
}

/** Every pair of neighbouring accesses, with the first one moved behind the second. */
export function* swapAccesses(code: Code, module: Module): Generator<Mistake> {
  for (const statements of blocksOf(code, module)) {
    const accessing = statements.filter(({ access }) => access >= 0);
    for (let i = 0; i + 1 < accessing.length; i++) {
      const [first, second] = [accessing[i]!, accessing[i + 1]!];
      const bytes = (from: number, to: number) => {
        return [...module.bytes.subarray(code.body[from]!.start, code.body[to - 1]!.end)];
      };
      const name = (index: number) => code.body[index]!.opcode.name;
      yield {
        from: first.from,
        to: second.to,
        bytes: [...bytes(first.to, second.to), ...bytes(first.from, first.to)].flat(),
        says: `${name(first.access)} moved behind ${name(second.access)}`,
        at: [first.access, second.access],
      };
    }
  }
}

/** The statements of every block. */
function blocksOf(code: Code, module: Module): Statement[][] {
  const { stack } = controlFlow(code, module);
  const blocks: Statement[][] = [];
  /** Reads the block whose first instruction is at `start`; the index of its `end` or `else`. */
  const read = (start: number): number => {
    const statements: Statement[] = [];
    blocks.push(statements);
    const base = stack[start]!;
    let from = start;
    for (let at = start;;) {
      const { name } = code.body[at]!.opcode;
      const ends = name === "end" || name === "else";
      if (ends) {
        if (from < at) statements.push(statementOf(code, from, at));
        return at;
      }
      at = name === "block" || name === "loop" || name === "if" ? skip(at) : at + 1;
      if (stack[at] !== base || base < 0) continue;
      statements.push(statementOf(code, from, at));
      from = at;
    }
  };
  /** Reads the blocks that open at an index; the index behind their end. */
  const skip = (open: number): number => {
    let at = read(open + 1);
    if (code.body[at]!.opcode.name === "else") at = read(at + 1);
    return at + 1;
  };
  read(0);
  return blocks;
}

function statementOf(code: Code, from: number, to: number): Statement {
  const access = code.body.slice(from, to).findIndex(({ opcode }) => opcode.access);
  return { from, to, access: access < 0 ? -1 : from + access };
}
