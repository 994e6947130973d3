/**
 * A thread's part of a state, and its window: the steps that are fetched and have not taken effect
 * yet, oldest first.
 *
 * @module
 */

import type { CompiledThread, Instruction } from "./ops.ts";

/** Offset of the program counter in a frame. */
export const PC = 0;
/** Offset of the address + 1 that the thread sleeps on. */
export const ASLEEP = 1;
/** Offset of the number of steps in the window. */
export const COUNT = 2;
/** Offset of the window. */
export const FIRST = 3;

/** A window entry is a program counter times four, plus which way a branch was guessed. */
export const GUESS_STAY = 1;
/** See `GUESS_STAY`. */
export const GUESS_JUMP = 2;

/** A thread's part of the state, as offsets. */
export interface Frame {
  readonly thread: CompiledThread;
  readonly start: number;
  readonly registers: number;
}

/** Whether the thread has run to its end. */
export function isFinished(state: Uint16Array, { thread, start }: Frame): boolean {
  return state[start + PC] === thread.code.length && state[start + COUNT] === 0 &&
    state[start + ASLEEP] === 0;
}

/** Whether no earlier step of the window writes what this one uses, or uses what it writes. */
export function isReady(
  state: Uint16Array,
  frame: Frame,
  entry: number,
  instruction: Instruction,
): boolean {
  for (let other = 0; other < entry; other++) {
    const earlier = instructionAt(state, frame, other);
    if (earlier.into >= 0 && instruction.reads.includes(earlier.into)) return false;
    if (instruction.into < 0) continue;
    if (earlier.into === instruction.into || earlier.reads.includes(instruction.into)) {
      return false;
    }
  }
  return true;
}

/** Whether a branch before a step of the window is a guess. */
export function guessedBefore(state: Uint16Array, frame: Frame, entry: number): boolean {
  for (let other = 0; other < entry; other++) {
    if (state[frame.start + FIRST + other]! & 3) return true;
  }
  return false;
}

/** Sets the registers that are not used again to 0. */
export function forget(state: Uint16Array, frame: Frame): void {
  const { thread, start, registers } = frame;
  const live = thread.live[state[start + PC]!]!;
  for (let register = 0; register < thread.registers; register++) {
    if (live[register] || state[registers + register] === 0) continue;
    let used = false;
    for (let entry = 0; entry < state[start + COUNT]!; entry++) {
      used ||= instructionAt(state, frame, entry).reads.includes(register);
    }
    if (!used) state[registers + register] = 0;
  }
}

/** The instruction of a step of the window. */
export function instructionAt(state: Uint16Array, frame: Frame, entry: number): Instruction {
  return frame.thread.code[state[frame.start + FIRST + entry]! >> 2]!;
}

/** Appends a step to the window. */
export function push(state: Uint16Array, { start }: Frame, packed: number): void {
  state[start + FIRST + state[start + COUNT]!++] = packed;
}

/** Takes a step out of the window. */
export function remove(state: Uint16Array, { start }: Frame, entry: number): void {
  const count = --state[start + COUNT]!;
  for (let i = entry; i < count; i++) state[start + FIRST + i] = state[start + FIRST + i + 1]!;
  state[start + FIRST + count] = 0;
}
