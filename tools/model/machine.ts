/**
 * The machine that runs a compiled model: one state is an array of small integers, and a thread's
 * part of it holds the steps that are fetched and have not taken effect yet.
 *
 * A state: the shared words; then for each thread its program counter, the address + 1 it sleeps on
 * (0: awake), the number of steps in its window, the window, and its registers.
 *
 * @module
 */

import { usesOf } from "./analyse.ts";
import { ASLEEP, COUNT, FIRST, type Frame, GUESS_JUMP, GUESS_STAY, PC } from "./frame.ts";
import {
  forget,
  guessedBefore,
  instructionAt,
  isFinished,
  isReady,
  push,
  remove,
} from "./frame.ts";
import { type CompiledProgram, type Instruction, Op } from "./ops.ts";
import { touchesMemory } from "./ops.ts";
import { acquires, mayPass } from "./order.ts";

/** Sequential consistency, or the weaker model of `order.ts`. */
export type Memory = "sc" | "weak";

/** How many steps of a thread may be under way at once in the weak model. */
const WINDOW = 6;

/** Why a state is not explored further. */
export type Settled = "ok" | "wrong guess" | { readonly violation: string };

/** Steps states of one program under one memory model. */
export class Machine {
  readonly #frames: readonly Frame[];
  readonly #window: number;
  readonly #initial: Uint16Array;

  constructor(readonly program: CompiledProgram, memory: Memory) {
    this.#window = memory === "sc" ? 1 : WINDOW;
    let start = program.initial.length;
    this.#frames = program.threads.map((thread) => {
      const registers = start + FIRST + this.#window;
      const frame = { thread, start, registers };
      start = registers + thread.registers;
      return frame;
    });
    this.#initial = new Uint16Array(start);
    this.#initial.set(program.initial);
  }

  /** The first state. Its threads are not settled. */
  get initial(): Uint16Array {
    return this.#initial.slice();
  }

  /** Whether every thread has run to its end. */
  finished(state: Uint16Array): boolean {
    return this.#frames.every((frame) => isFinished(state, frame));
  }

  /** Whether a thread has guessed a branch that is still open. */
  guessing(state: Uint16Array): boolean {
    return this.#frames.some(({ start }) => {
      for (let i = 0; i < state[start + COUNT]!; i++) {
        if (state[start + FIRST + i]! & 3) return true;
      }
      return false;
    });
  }

  /** The steps that may take effect next; one alone if no other thread can tell when it does. */
  steps(state: Uint16Array): Step[] {
    const all: Step[] = [];
    for (let index = 0; index < this.#frames.length; index++) {
      const frame = this.#frames[index]!;
      if (state[frame.start + ASLEEP]) continue;
      for (let entry = 0; entry < state[frame.start + COUNT]!; entry++) {
        if (!this.#enabled(state, frame, entry)) continue;
        const step = { thread: index, entry };
        if (this.#alone(state, index, entry)) return [step];
        all.push(step);
      }
      if (this.#openBranch(state, frame)) {
        all.push({ thread: index, entry: STAY }, { thread: index, entry: JUMP });
      }
    }
    for (let index = 0; index < this.#frames.length; index++) {
      const frame = this.#frames[index]!;
      if (frame.thread.dies && !isFinished(state, frame)) {
        all.push({ thread: index, entry: DIE });
      }
    }
    return all;
  }

  /** The access that a step makes, and its address. */
  describe(state: Uint16Array, step: Step): { instruction: Instruction; address: number } {
    const frame = this.#frames[step.thread]!;
    const instruction = instructionAt(state, frame, step.entry);
    return { instruction, address: addressOf(instruction, state, frame.registers) };
  }

  /** Lets a step take effect, in place. The thread is to be settled then. */
  apply(state: Uint16Array, { thread, entry }: Step): void {
    const frame = this.#frames[thread]!;
    if (entry === DIE) {
      state.fill(0, frame.start, frame.registers + frame.thread.registers);
      state[frame.start + PC] = frame.thread.code.length;
    } else if (entry < 0) {
      const pc = state[frame.start + PC]!;
      const guess = entry === JUMP ? GUESS_JUMP : GUESS_STAY;
      push(state, frame, (pc << 2) | guess);
      state[frame.start + PC] = entry === JUMP ? frame.thread.code[pc]!.target : pc + 1;
    } else {
      const instruction = instructionAt(state, frame, entry);
      remove(state, frame, entry);
      this.#access(state, frame, instruction);
    }
  }

  #access(state: Uint16Array, frame: Frame, instruction: Instruction): void {
    const base = frame.registers;
    const address = addressOf(instruction, state, base);
    const held = state[address]!;
    const value = instruction.value.evaluate(state, base);
    if (instruction.op === Op.Wait) {
      if (held === value) state[frame.start + ASLEEP] = address + 1;
      return;
    }
    if (instruction.op === Op.Notify) {
      for (const { start } of this.#frames) {
        if (state[start + ASLEEP] === address + 1) state[start + ASLEEP] = 0;
      }
      return;
    }
    const expected = instruction.op === Op.Cmpxchg ? instruction.expected.evaluate(state, base) : 0;
    if (instruction.into >= 0) state[base + instruction.into] = held;
    if (instruction.unread) return;
    if (instruction.op === Op.Store || instruction.op === Op.Xchg) state[address] = value;
    else if (instruction.op === Op.Add) state[address] = held + value;
    else if (instruction.op === Op.Sub) state[address] = held - value;
    else if (instruction.op === Op.Cmpxchg && held === expected) state[address] = value;
  }

  /** Runs what a thread can do by itself: fetches steps, and works on registers that are known. */
  settle(state: Uint16Array, thread: number): Settled {
    const frame = this.#frames[thread]!;
    for (let rounds = 0;; rounds++) {
      if (rounds > 1000) throw new Error(`Thread ${frame.thread.name} loops without an access`);
      const result = this.#runLocal(state, frame);
      if (result === "idle" && !this.#fetch(state, frame)) break;
      if (result !== "idle" && result !== "ok") return result;
    }
    forget(state, frame);
    return "ok";
  }

  /** Runs one register step of the window. */
  #runLocal(state: Uint16Array, frame: Frame): Settled | "idle" {
    for (let entry = 0; entry < state[frame.start + COUNT]!; entry++) {
      const packed = state[frame.start + FIRST + entry]!;
      const instruction = frame.thread.code[packed >> 2]!;
      if (touchesMemory(instruction) || !isReady(state, frame, entry, instruction)) continue;
      if (instruction.op === Op.Check && guessedBefore(state, frame, entry)) continue;
      remove(state, frame, entry);
      if (instruction.op === Op.Set) {
        const value = instruction.value.evaluate(state, frame.registers);
        state[frame.registers + instruction.into] = value;
        return "ok";
      }
      const holds = instruction.condition!.evaluate(state, frame.registers) !== 0;
      if (instruction.op === Op.Check) return holds ? "ok" : { violation: instruction.text };
      return holds === ((packed & 3) === GUESS_JUMP) ? "ok" : "wrong guess";
    }
    return "idle";
  }

  /** Takes the next instruction into the window, unless nothing could pass what is there. */
  #fetch(state: Uint16Array, frame: Frame): boolean {
    const pc = state[frame.start + PC]!;
    const instruction = frame.thread.code[pc];
    if (!instruction || this.#closed(state, frame, pc)) return false;
    const count = state[frame.start + COUNT]!;
    if (instruction.op === Op.Branch) {
      if (!isReady(state, frame, count, instruction)) return false;
      const jumps = instruction.condition!.evaluate(state, frame.registers) !== 0;
      state[frame.start + PC] = jumps ? instruction.target : pc + 1;
      return true;
    }
    push(state, frame, pc << 2);
    state[frame.start + PC] = pc + 1;
    return true;
  }

  /** Whether the window takes no more: full, behind an acquiring load, or once round a loop. */
  #closed(state: Uint16Array, frame: Frame, pc: number): boolean {
    const count = state[frame.start + COUNT]!;
    if (count === this.#window) return true;
    for (let entry = 0; entry < count; entry++) {
      const other = state[frame.start + FIRST + entry]! >> 2;
      const instruction = frame.thread.code[other]!;
      if (other === pc || (touchesMemory(instruction) && acquires(instruction))) return true;
    }
    return false;
  }

  /** Whether the fetch has stopped at a branch forward that may be guessed. */
  #openBranch(state: Uint16Array, frame: Frame): boolean {
    const pc = state[frame.start + PC]!;
    const branch = frame.thread.code[pc];
    if (branch?.op !== Op.Branch || branch.target <= pc) return false;
    if (this.#window === 1 || this.#closed(state, frame, pc)) return false;
    for (let entry = 0; entry < state[frame.start + COUNT]!; entry++) {
      const earlier = instructionAt(state, frame, entry);
      if (!branch.reads.includes(earlier.into)) continue;
      if (touchesMemory(earlier) && !earlier.plain) return false;
    }
    return true;
  }

  /** Whether an access of the window may take effect now. */
  #enabled(state: Uint16Array, frame: Frame, entry: number): boolean {
    const instruction = instructionAt(state, frame, entry);
    if (!touchesMemory(instruction) || !isReady(state, frame, entry, instruction)) return false;
    if (instruction.op !== Op.Load && guessedBefore(state, frame, entry)) return false;
    const address = addressOf(instruction, state, frame.registers);
    for (let other = 0; other < entry; other++) {
      const earlier = instructionAt(state, frame, other);
      if (!touchesMemory(earlier)) continue;
      if (!mayPass(instruction, earlier)) return false;
      if (earlier.word !== instruction.word) continue;
      if (!isReady(state, frame, other, earlier)) return false;
      if (addressOf(earlier, state, frame.registers) === address) return false;
    }
    return !instruction.condition || awaited(instruction, state, frame.registers, address);
  }

  /** Whether no other thread will ever use the word in conflict with this step. */
  #alone(state: Uint16Array, thread: number, entry: number): boolean {
    const frame = this.#frames[thread]!;
    const instruction = instructionAt(state, frame, entry);
    if (instruction.unread) return true;
    const address = addressOf(instruction, state, frame.registers);
    const conflict = usesOf(instruction) === 1 ? 2 : 3;
    for (const other of this.#frames) {
      if (other === frame) continue;
      const waiting = state[other.start + COUNT]! > 0;
      const pc = waiting ? state[other.start + FIRST]! >> 2 : state[other.start + PC]!;
      if (other.thread.future[pc]![address]! & conflict) return false;
    }
    return true;
  }
}

/** The thread goes the way of not jumping at an open branch. */
const STAY = -1;
/** The thread goes the way of jumping at an open branch. */
const JUMP = -2;
/** The thread dies. */
export const DIE = -3;

/** A thread and the entry of its window that takes effect (below 0: a guess, or its death). */
export interface Step {
  readonly thread: number;
  readonly entry: number;
}

function addressOf(instruction: Instruction, state: Uint16Array, base: number): number {
  const index = instruction.at.evaluate(state, base);
  if (index >= 0 && index < instruction.length) return instruction.word + index;
  throw new RangeError(`Cannot ${instruction.text}[${index}]: it has ${instruction.length} words`);
}

/** Whether the word holds what an awaiting load waits for. */
function awaited(
  instruction: Instruction,
  state: Uint16Array,
  base: number,
  address: number,
): boolean {
  const register = base + instruction.into;
  const saved = state[register]!;
  state[register] = state[address]!;
  const holds = instruction.condition!.evaluate(state, base) !== 0;
  state[register] = saved;
  return holds;
}
