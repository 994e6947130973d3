/**
 * Runs a kernel's function to its end with no other thread, as the real engine would.
 *
 * @module
 */

import { type Access, accessOf, pushed, writes } from "./access.ts";
import { Trap, type Value } from "./arithmetic.ts";
import type { Code, Module } from "./decode.ts";
import { Interpreter } from "./interpreter.ts";
import { Memory } from "./memory.ts";

/** Accesses after which a run counts as one that never ends. */
const LONGEST_RUN = 20_000;

/**
 * Calls a function.
 *
 * @param module The kernel.
 * @param code The function.
 * @param args Its arguments.
 * @param u8 The memory, which it changes; its length is a multiple of 8.
 * @param globals The values of the kernel's globals, which it changes.
 * @returns Its result; "trap"; or "runs for ever".
 */
export function runAlone(
  module: Module,
  code: Code,
  args: readonly Value[],
  u8: Uint8Array,
  globals: Value[],
): Value | undefined | "trap" | "runs for ever" {
  const interpreter = new Interpreter(module);
  const words = new Int32Array(u8.buffer, u8.byteOffset, u8.length / 4);
  const memory = new Memory(words, everyWord(words.length));
  const frames = interpreter.call(code.name, args);
  try {
    for (let accesses = 0; accesses < LONGEST_RUN; accesses++) {
      const stop = interpreter.run(frames, globals);
      if (!stop.access) return stop.result;
      const access = accessOf(stop.access, frames.at(-1)!.stack);
      checkBounds(access, u8.length);
      make(memory, words, access);
      interpreter.finishAccess(frames, pushed(stop.access, memory.low, memory.high));
    }
  } catch (error) {
    if (error instanceof Trap) return "trap";
    throw error;
  }
  return "runs for ever";
}

const everyWordOf = new Map<number, Int32Array>();

/** The places of the words in a state that holds all of them. */
function everyWord(length: number): Int32Array {
  let places = everyWordOf.get(length);
  if (!places) everyWordOf.set(length, places = new Int32Array(length).map((_, index) => index));
  return places;
}

function checkBounds({ kind, atomic, address, bytes, expectedLow }: Access, length: number): void {
  if (kind === "fence") return;
  const last = Math.max(address, kind === "copy" ? expectedLow : 0) + bytes;
  if (last > length) throw new Trap("out of bounds");
  if (atomic && address % bytes !== 0) throw new Trap("not aligned");
}

/** Makes an access; a notify finds nobody asleep, and a wait would sleep for ever. */
function make(memory: Memory, words: Int32Array, access: Access): void {
  if (access.kind === "notify") memory.low = memory.high = 0;
  else if (access.kind === "wait") throw new Trap("a wait alone");
  else if (writes(access.kind)) memory.change(words, access);
  else memory.load(words, access.address, access.bytes);
}
