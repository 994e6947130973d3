/**
 * Turns a model's rows into instructions over numbered words and registers.
 *
 * @module
 */

import { analyse } from "./analyse.ts";
import {
  type CompiledProgram,
  type CompiledThread,
  type Expression,
  type Instruction,
  Op,
} from "./ops.ts";
import { type Access, type AccessKind, type Body, type Flow, isAccess } from "./program.ts";
import type { Operand, Program, Row, Thread } from "./program.ts";

const OPS: Readonly<Record<AccessKind, Op>> = {
  load: Op.Load,
  store: Op.Store,
  xchg: Op.Xchg,
  cmpxchg: Op.Cmpxchg,
  add: Op.Add,
  sub: Op.Sub,
  notify: Op.Notify,
  wait: Op.Wait,
};

/** Where a word lies, and who uses it in the whole program. */
interface Word {
  readonly address: number;
  readonly length: number;
  readonly writers: readonly { readonly thread: Thread; readonly at: number | undefined }[];
  readonly read: boolean;
}

/** Compiles a model. Throws if it names a word or a label that does not exist. */
export function compile(program: Program): CompiledProgram {
  const initial: number[] = [];
  const words = new Map<string, Word>();
  const accesses = program.threads.flatMap((thread) =>
    thread.body.filter(isAccess).map((access) => ({ thread, access }))
  );
  for (const [name, contents] of Object.entries(program.words)) {
    const values = typeof contents === "number" ? [contents] : contents;
    const own = accesses.filter(({ access }) => access.word === name);
    words.set(name, {
      address: initial.length,
      length: values.length,
      writers: own.filter(({ access }) => writes(access)).map(({ thread, access: { at = 0 } }) => {
        return { thread, at: typeof at === "number" ? at : undefined };
      }),
      read: own.some(({ access }) => observes(access)),
    });
    initial.push(...values);
  }
  const threads = program.threads.map((thread) => {
    return compileThread(thread, words, initial.length);
  });
  return { initial, threads };
}

function writes(access: Access): boolean {
  return !["load", "wait", "notify"].includes(access.access);
}

/** Whether the access lets its thread, or the scheduler, see what the word holds. */
function observes(access: Access): boolean {
  return access.into !== undefined || access.until !== undefined ||
    access.access === "cmpxchg" || access.access === "wait";
}

function compileThread(
  thread: Thread,
  words: ReadonlyMap<string, Word>,
  addresses: number,
): CompiledThread {
  const rows = thread.body.flatMap(guard);
  const registers = new Map<string, number>();
  const labels = new Map<string, number>();
  let position = 0;
  for (const row of rows) {
    if ("label" in row) labels.set(row.label, position);
    else position++;
  }
  const compiler = new RowCompiler(thread, words, labels, registers);
  const code = rows.filter((row) => !("label" in row)).map((row) => compiler.compile(row));
  const { live, future } = analyse(code, registers.size, addresses);
  const dies = thread.dies ?? false;
  return { name: thread.name, dies, code, registers: registers.size, live, future };
}

/** An access with a condition is a branch around it. */
function guard(row: Row, index: number): Body {
  if (!isAccess(row) || row.when === undefined) return [row];
  const after = `after ${index}`;
  const skip = { of: [row.when], by: (holds: number) => Number(!holds) };
  return [{ jump: after, when: skip }, row, { label: after }];
}

/** Compiles the rows of one thread. */
class RowCompiler {
  readonly #thread: Thread;
  readonly #words: ReadonlyMap<string, Word>;
  readonly #labels: ReadonlyMap<string, number>;
  readonly #registers: Map<string, number>;

  constructor(
    thread: Thread,
    words: ReadonlyMap<string, Word>,
    labels: ReadonlyMap<string, number>,
    registers: Map<string, number>,
  ) {
    this.#thread = thread;
    this.#words = words;
    this.#labels = labels;
    this.#registers = registers;
  }

  compile(row: Row): Instruction {
    return isAccess(row) ? this.#access(row) : this.#flow(row);
  }

  #access(row: Access): Instruction {
    const word = this.#words.get(row.word);
    if (!word) throw new Error(`Cannot compile "${row.access} ${row.word}": no such word`);
    const at = this.#expression(row.at ?? 0);
    const value = this.#expression(row.value ?? 0);
    const expected = this.#expression(row.expected ?? 0);
    const condition = row.until === undefined ? undefined : this.#expression(row.until);
    const into = row.into === undefined ? -1 : this.#register(row.into);
    const awaited = condition?.registers.filter((register) => register !== into) ?? [];
    return {
      ...LOCAL,
      op: OPS[row.access],
      plain: row.plain ?? false,
      written: word.writers.some(({ thread, at: place }) => {
        return thread !== this.#thread &&
          (place ?? at.constant ?? 0) === (at.constant ?? place ?? 0);
      }),
      unread: !word.read,
      word: word.address,
      length: word.length,
      ...{ at, value, expected, condition, into },
      reads: [...at.registers, ...value.registers, ...expected.registers, ...awaited],
      text: `${row.plain ? "plain " : ""}${row.access} ${row.word}`,
    };
  }

  #flow(row: Flow): Instruction {
    if ("set" in row) {
      const value = this.#expression(row.to);
      const into = this.#register(row.set);
      return { ...LOCAL, op: Op.Set, value, into, reads: value.registers };
    }
    if ("check" in row) {
      const condition = this.#expression(row.check);
      return { ...LOCAL, op: Op.Check, condition, reads: condition.registers, text: row.says };
    }
    if ("label" in row) throw new Error("Cannot compile a label");
    const target = this.#labels.get(row.jump);
    if (target === undefined) throw new Error(`Cannot compile a jump: no label "${row.jump}"`);
    const condition = this.#expression(row.when ?? 1);
    return { ...LOCAL, op: Op.Branch, condition, target, reads: condition.registers };
  }

  #register(name: string): number {
    const known = this.#registers.get(name);
    if (known !== undefined) return known;
    this.#registers.set(name, this.#registers.size);
    return this.#registers.size - 1;
  }

  #expression(operand: Operand): Expression {
    if (typeof operand === "number") return constant(operand);
    if (typeof operand === "string") {
      const register = this.#register(operand);
      const evaluate = (state: Uint16Array, base: number) => state[base + register]!;
      return { registers: [register], constant: undefined, evaluate };
    }
    const { by } = operand;
    const of = operand.of.map((inner) => this.#expression(inner));
    if (of.every((inner) => inner.constant !== undefined)) {
      return constant(by(...of.map((inner) => inner.constant!)));
    }
    return {
      registers: of.flatMap((inner) => inner.registers),
      constant: undefined,
      evaluate: (state, base) => by(...of.map((inner) => inner.evaluate(state, base))),
    };
  }
}

function constant(value: number): Expression {
  return { registers: [], constant: value, evaluate: () => value };
}

const LOCAL: Instruction = {
  op: Op.Set,
  plain: false,
  written: false,
  unread: false,
  word: 0,
  length: 0,
  at: constant(0),
  value: constant(0),
  expected: constant(0),
  condition: undefined,
  into: -1,
  target: -1,
  reads: [],
  text: "",
};
