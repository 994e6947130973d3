/**
 * What a thread will still use, by instruction: the two facts that keep the state space small. A
 * register that is not used again is set to 0, so that states which differ in it alone are one; and
 * an access to a word that no other thread will use again in conflict is run at once.
 *
 * @module
 */

import { type Instruction, Op, touchesMemory } from "./ops.ts";

/** The word may be read later. */
export const READ = 1;
/** The word may be written later. */
export const WRITTEN = 2;

/** Computes, for each instruction and for the end, the live registers and the words still used. */
export function analyse(
  code: readonly Instruction[],
  registers: number,
  addresses: number,
): { live: Uint8Array[]; future: Uint8Array[] } {
  const live = Array.from({ length: code.length + 1 }, () => new Uint8Array(registers));
  const future = Array.from({ length: code.length + 1 }, () => new Uint8Array(addresses));
  for (let changed = true; changed;) {
    changed = false;
    for (let index = code.length - 1; index >= 0; index--) {
      const instruction = code[index]!;
      for (const next of successors(instruction, index)) {
        changed = mergeLive(live[index]!, live[next]!, instruction) || changed;
        changed = merge(future[index]!, future[next]!) || changed;
      }
      changed = addUses(live[index]!, future[index]!, instruction) || changed;
    }
  }
  return { live, future };
}

function successors(instruction: Instruction, index: number): number[] {
  if (instruction.op !== Op.Branch) return [index + 1];
  if (instruction.condition?.constant) return [instruction.target];
  return [index + 1, instruction.target];
}

function mergeLive(into: Uint8Array, from: Uint8Array, instruction: Instruction): boolean {
  let changed = false;
  for (let register = 0; register < into.length; register++) {
    if (!from[register] || into[register] || register === instruction.into) continue;
    into[register] = 1;
    changed = true;
  }
  return changed;
}

function merge(into: Uint8Array, from: Uint8Array): boolean {
  let changed = false;
  for (let index = 0; index < into.length; index++) {
    const both = into[index]! | from[index]!;
    changed ||= both !== into[index];
    into[index] = both;
  }
  return changed;
}

function addUses(live: Uint8Array, future: Uint8Array, instruction: Instruction): boolean {
  let changed = false;
  for (const register of instruction.reads) {
    changed ||= !live[register];
    live[register] = 1;
  }
  if (!touchesMemory(instruction) || instruction.unread) return changed;
  const fixed = instruction.at.constant;
  const first = instruction.word + (fixed ?? 0);
  const last = fixed === undefined ? instruction.word + instruction.length - 1 : first;
  for (let address = first; address <= last && address < future.length; address++) {
    const both = future[address]! | usesOf(instruction);
    changed ||= both !== future[address];
    future[address] = both;
  }
  return changed;
}

/** How an access uses its word. A wait counts as a read, and a notify as a write, of its word. */
export function usesOf(instruction: Instruction): number {
  if (instruction.op === Op.Load || instruction.op === Op.Wait) return READ;
  if (instruction.op === Op.Store || instruction.op === Op.Notify) return WRITTEN;
  return READ | WRITTEN;
}
