/**
 * The instructions that a model is compiled to.
 *
 * @module
 */

/** What an instruction does. Those from `Set` on touch only registers. */
export const Op = {
  Load: 0,
  Store: 1,
  Xchg: 2,
  Cmpxchg: 3,
  Add: 4,
  Sub: 5,
  Notify: 6,
  Wait: 7,
  Set: 8,
  Branch: 9,
  Check: 10,
} as const;

/** One of the instruction kinds. */
export type Op = typeof Op[keyof typeof Op];

/** An operand, compiled: the registers it reads and its value over the registers at `base`. */
export interface Expression {
  readonly registers: readonly number[];
  /** The value, if it depends on no register. */
  readonly constant: number | undefined;
  readonly evaluate: (state: Uint16Array, base: number) => number;
}

/** One compiled step. */
export interface Instruction {
  readonly op: Op;
  readonly plain: boolean;
  readonly written: boolean;
  /** Nobody reads the word: a write to it changes nothing. */
  readonly unread: boolean;
  /** First address of the word or array, and how many. */
  readonly word: number;
  readonly length: number;
  readonly at: Expression;
  readonly value: Expression;
  readonly expected: Expression;
  /** Condition of an awaiting load, of a branch and of a check. */
  readonly condition: Expression | undefined;
  /** The register written, -1 if none. */
  readonly into: number;
  /** Where a branch goes. */
  readonly target: number;
  /** The registers that must be known before the instruction can take effect. */
  readonly reads: readonly number[];
  /** The step as a trace shows it; for a check, what it says. */
  readonly text: string;
}

/** One compiled thread. */
export interface CompiledThread {
  readonly name: string;
  readonly dies: boolean;
  readonly code: readonly Instruction[];
  readonly registers: number;
  /** By instruction (and the end): 1 for each register whose value is still used. */
  readonly live: readonly Uint8Array[];
  /** By instruction: 1 for each address that may be read, 2 for each that may be written, later. */
  readonly future: readonly Uint8Array[];
}

/** A compiled model. */
export interface CompiledProgram {
  readonly initial: readonly number[];
  readonly threads: readonly CompiledThread[];
}

/** Whether the instruction touches shared memory. */
export function touchesMemory(instruction: Instruction): boolean {
  return instruction.op < Op.Set;
}
