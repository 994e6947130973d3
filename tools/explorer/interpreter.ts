/**
 * Runs the code of a kernel from one access of memory to the next. What lies between two accesses
 * touches only the thread's own locals and stack, so no other thread can see when it runs.
 *
 * @module
 */

import { compute, Trap, type Value } from "./arithmetic.ts";
import { type ControlFlow, controlFlow } from "./control_flow.ts";
import type { Code, Instruction, Module } from "./decode.ts";

/** Ends a run that never comes to an access. */
const LONGEST_RUN = 100_000;

/** A function that is being run. */
export interface Frame {
  /** The function. */
  readonly code: Code;
  /** Index of the next instruction; in a caller, that of its call. */
  at: number;
  /** The values of its locals. */
  readonly locals: Value[];
  /** Its operands, the top last. */
  readonly stack: Value[];
}

/** Why a run stops: before an access, or because the outermost function returns. */
export type Stop =
  | { readonly access: Instruction }
  | { readonly access?: undefined; readonly result: Value | undefined };

/** What the embedder gives a module: its imported globals by name, and how large the memory is. */
export interface Environment {
  /** Values of imported globals, as `env.NAME`. */
  readonly globals?: Readonly<Record<string, Value>>;
  /** Pages of the memory, for `memory.size`. */
  readonly pages?: number;
}

/** Runs functions of one module. */
export class Interpreter {
  /** The values of the globals at the start, by index. */
  readonly globals: readonly Value[];
  readonly #module: Module;
  readonly #pages: number;
  readonly #flows = new Map<Code, ControlFlow>();
  readonly #executed: Set<number>;

  /**
   * Prepares to run a module.
   *
   * @param module The module.
   * @param environment What it imports.
   * @param executed Receives the byte offset of every instruction that is run.
   * @throws {RangeError} If a global that the module imports is not given.
   */
  constructor(module: Module, environment: Environment = {}, executed: Set<number> = new Set()) {
    this.#module = module;
    this.#pages = environment.pages ?? 1;
    this.#executed = executed;
    this.globals = module.globals.map(({ value, type }) => {
      if (typeof value !== "string") return value;
      const given = environment.globals?.[value];
      if (given === undefined) throw new RangeError(`The kernel imports the global ${value}`);
      return type === "l" ? BigInt.asIntN(64, BigInt(given)) : Number(given);
    });
  }

  /**
   * The frames of a call that has not begun.
   *
   * @param name The exported function.
   * @param args Its arguments.
   * @throws {RangeError} If the module exports no such function.
   */
  call(name: string, args: readonly Value[]): Frame[] {
    const code = this.#module.exports.get(name);
    if (!code) throw new RangeError(`The kernel exports no function "${name}"`);
    return [this.#enter(code, args)];
  }

  /** Copies frames, so that a run of the copy leaves them as they are. */
  copy(frames: readonly Frame[]): Frame[] {
    return frames.map((frame) => {
      return { ...frame, locals: frame.locals.slice(), stack: frame.stack.slice() };
    });
  }

  /** What distinguishes these frames from others: a local that is set before it is read does not. */
  keyOf(frames: readonly Frame[]): string {
    return frames.map(({ code, at, locals, stack }, depth) => {
      const live = this.#flowOf(code).live[depth === frames.length - 1 ? at : at + 1]!;
      const values = locals.map((value, local) => live[local] ? value : "");
      return `${code.index}:${at}:${values}:${stack}`;
    }).join("|");
  }

  /** Gives the access at which the frames stopped its result, if it has one. */
  finishAccess(frames: readonly Frame[], result: Value | undefined): void {
    const frame = frames.at(-1)!;
    const { opcode } = frame.code.body[frame.at]!;
    frame.stack.length -= opcode.takes.length;
    if (result !== undefined) frame.stack.push(result);
    frame.at++;
  }

  /**
   * Runs until the next access or the end, in place.
   *
   * @param frames The functions that are being run, the outermost first.
   * @param globals The values of the globals.
   * @throws {Trap} If the code traps, or comes to no access for too long.
   */
  run(frames: Frame[], globals: Value[]): Stop {
    for (let steps = 0; steps < LONGEST_RUN; steps++) {
      const frame = frames.at(-1)!;
      const instruction = frame.code.body[frame.at]!;
      this.#executed.add(instruction.start);
      if (instruction.opcode.access) return { access: instruction };
      if (frame.at === frame.code.body.length - 1) {
        const result = frame.stack.pop();
        frames.pop();
        const caller = frames.at(-1);
        if (!caller) return { result };
        if (result !== undefined) caller.stack.push(result);
        caller.at++;
      } else if (instruction.opcode.name === "call") {
        const callee = this.#module.functions[Number(instruction.operand)]!;
        const count = callee.signature.params.length;
        frames.push(this.#enter(callee, frame.stack.splice(frame.stack.length - count)));
      } else this.#step(frame, instruction, globals);
    }
    throw new Trap(`it runs ${LONGEST_RUN} instructions without an access of memory`);
  }

  #enter(code: Code, args: readonly Value[]): Frame {
    const locals = [...code.locals].map((type, index) => coerce(args[index] ?? 0, type));
    return { code, at: 0, locals, stack: [] };
  }

  #flowOf(code: Code): ControlFlow {
    let flow = this.#flows.get(code);
    if (!flow) this.#flows.set(code, flow = controlFlow(code, this.#module));
    return flow;
  }

  /** One instruction other than a call, an access and the last `end`. */
  #step(frame: Frame, { opcode, operand }: Instruction, globals: Value[]): void {
    const { stack, locals } = frame;
    const index = Number(operand);
    switch (opcode.name) {
      case "nop":
      case "block":
      case "loop":
      case "end":
        break;
      case "unreachable":
        throw new Trap("unreachable code is reached");
      case "if":
        if (stack.pop() === 0) return this.#branch(frame);
        break;
      case "br_if":
        if (stack.pop() !== 0) return this.#branch(frame);
        break;
      case "else":
      case "br":
      case "return":
        return this.#branch(frame);
      case "drop":
        stack.pop();
        break;
      case "select": {
        const condition = stack.pop();
        const other = stack.pop()!;
        if (condition === 0) stack[stack.length - 1] = other;
        break;
      }
      case "local.get":
        stack.push(locals[index]!);
        break;
      case "local.set":
        locals[index] = stack.pop()!;
        break;
      case "local.tee":
        locals[index] = stack.at(-1)!;
        break;
      case "global.get":
        stack.push(globals[index]!);
        break;
      case "global.set":
        globals[index] = stack.pop()!;
        break;
      case "i32.const":
      case "i64.const":
      case "f64.const":
        stack.push(operand);
        break;
      case "memory.size":
        stack.push(this.#pages);
        break;
      default: {
        const second = opcode.takes.length === 2 ? stack.pop() : undefined;
        stack.push(compute(opcode.name, opcode.gives, stack.pop()!, second));
      }
    }
    frame.at++;
  }

  #branch(frame: Frame): void {
    const { target, height, keep } = this.#flowOf(frame.code);
    const kept = frame.stack.splice(frame.stack.length - keep[frame.at]!);
    frame.stack.length = height[frame.at]!;
    frame.stack.push(...kept);
    frame.at = target[frame.at]!;
  }
}

/** A value as JavaScript passes it to WebAssembly. */
function coerce(value: Value, type: string): Value {
  if (type === "l") return BigInt.asIntN(64, BigInt(value));
  return type === "i" ? Number(value) | 0 : Number(value);
}
