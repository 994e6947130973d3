/**
 * What is known of a function before it runs: where its branches go, how they leave the stack, and
 * which locals still matter at each instruction.
 *
 * @module
 */

import { blockResults, type Code, type Instruction, type Module } from "./decode.ts";

/** The control flow of one function, by index of the instruction. */
export interface ControlFlow {
  /** Where a branch that is taken goes on: an index into the body. */
  readonly target: Int32Array;
  /** How high the stack is below the values that the branch keeps. */
  readonly height: Int32Array;
  /** How many values it keeps. */
  readonly keep: Uint8Array;
  /** The height of the stack before the instruction; -1 where no run arrives. */
  readonly stack: Int32Array;
  /** By local: 1 if its value is read before it is set again. One array more than instructions. */
  readonly live: readonly Uint8Array[];
}

/** A block that is open. */
interface Block {
  readonly kind: string;
  readonly start: number;
  readonly end: number;
  readonly height: number;
  readonly results: number;
}

/** How many values an instruction takes from the stack and gives. */
export function effectOf(
  { opcode, operand }: Instruction,
  module: Module,
): { readonly takes: number; readonly gives: number } {
  switch (opcode.name) {
    case "drop":
    case "local.set":
    case "global.set":
      return { takes: 1, gives: 0 };
    case "local.tee":
      return { takes: 1, gives: 1 };
    case "local.get":
    case "global.get":
      return { takes: 0, gives: 1 };
    case "select":
      return { takes: 3, gives: 1 };
    case "call": {
      const { params, results } = module.functions[Number(operand)]!.signature;
      return { takes: params.length, gives: results.length };
    }
    default:
      return { takes: opcode.takes.length, gives: opcode.gives.length };
  }
}

/** Resolves the control flow of a function. */
export function controlFlow(code: Code, module: Module): ControlFlow {
  const length = code.body.length;
  const flow = {
    target: new Int32Array(length).fill(-1),
    height: new Int32Array(length),
    keep: new Uint8Array(length),
    stack: new Int32Array(length).fill(-1),
  };
  resolve(code, module, flow);
  return { ...flow, live: liveLocals(code, flow) };
}

type Resolved = Omit<ControlFlow, "live">;

function resolve(code: Code, module: Module, flow: Resolved): void {
  const { ends, elses } = matchBlocks(code.body);
  const last = code.body.length - 1;
  const results = code.signature.results.length;
  const open: Block[] = [{ kind: "function", start: -1, end: last, height: 0, results }];
  let height = 0;
  let reachable = true;
  const branch = (at: number, to: Block) => {
    const isLoop = to.kind === "loop";
    flow.target[at] = isLoop ? to.start + 1 : to.end;
    flow.height[at] = to.height;
    flow.keep[at] = isLoop ? 0 : to.results;
  };
  code.body.forEach((instruction, at) => {
    const { name } = instruction.opcode;
    const block = open.at(-1)!;
    if (reachable) flow.stack[at] = height;
    const effect = effectOf(instruction, module);
    height = Math.max(block.height, height - effect.takes) + effect.gives;
    if (name === "block" || name === "loop" || name === "if") {
      const end = ends.get(at)!;
      const count = blockResults(instruction.operand);
      open.push({ kind: name, start: at, end, height, results: count });
      if (name === "if") {
        flow.target[at] = elses.has(at) ? elses.get(at)! + 1 : end;
        flow.height[at] = height;
      }
    } else if (name === "else") {
      branch(at, block);
      height = block.height;
      reachable = true;
    } else if (name === "end") {
      height = block.height + block.results;
      open.pop();
      reachable = true;
    } else if (name === "br" || name === "br_if") {
      branch(at, open.at(-1 - Number(instruction.operand))!);
    } else if (name === "return") branch(at, open[0]!);
    if (name === "br" || name === "return" || name === "unreachable") reachable = false;
  });
}

/** The `end` of each block and the `else` of each `if`, by index of what opens it. */
function matchBlocks(body: readonly Instruction[]) {
  const ends = new Map<number, number>();
  const elses = new Map<number, number>();
  const open: number[] = [];
  body.forEach(({ opcode: { name } }, at) => {
    if (name === "block" || name === "loop" || name === "if") open.push(at);
    else if (name === "else") elses.set(open.at(-1)!, at);
    else if (name === "end" && open.length > 0) ends.set(open.pop()!, at);
  });
  return { ends, elses };
}

function liveLocals(code: Code, flow: Resolved): Uint8Array[] {
  const { body, locals } = code;
  const live = Array.from({ length: body.length + 1 }, () => new Uint8Array(locals.length));
  for (let changed = true; changed;) {
    changed = false;
    for (let at = body.length - 1; at >= 0; at--) {
      const { opcode: { name }, operand } = body[at]!;
      const sets = name === "local.set" || name === "local.tee" ? Number(operand) : -1;
      for (const next of successors(name, at, flow)) {
        changed = merge(live[at]!, live[next]!, sets) || changed;
      }
      if (name === "local.get" && !live[at]![Number(operand)]) {
        live[at]![Number(operand)] = 1;
        changed = true;
      }
    }
  }
  return live;
}

function merge(into: Uint8Array, from: Uint8Array, sets: number): boolean {
  let changed = false;
  for (let local = 0; local < into.length; local++) {
    if (!from[local] || into[local] || local === sets) continue;
    into[local] = 1;
    changed = true;
  }
  return changed;
}

function successors(name: string, at: number, { target }: Resolved): number[] {
  if (name === "return" || name === "unreachable") return [];
  if (name === "br" || name === "else") return [target[at]!];
  return name === "br_if" || name === "if" ? [at + 1, target[at]!] : [at + 1];
}
