/**
 * The first instruction of a block after which the hart and QEMU differ.
 *
 * @module
 */

import { EXIT, type Hart } from "../hart.ts";
import type { Image } from "./image.ts";
import { BLOCK_BYTES } from "./record.ts";
import { hartWith } from "./ours.ts";
import { runOnQemu } from "./qemu.ts";
import { RAM } from "../test_board.ts";

/** Registers in front of an instruction: `pc`, x0 to x31 and f0 to f31, by name. */
type State = ReadonlyMap<string, bigint>;

/** Runs an image of one block step by step on both. @returns A line for a person. */
export async function firstDifference(image: Image): Promise<string> {
  const ours = stepOnHart(image), theirs = await stepOnQemu(image);
  for (let index = 0; index < Math.min(ours.length, theirs.length); index++) {
    const [mine, other] = [ours[index]!, theirs[index]!];
    const name = [...mine.keys()].find((name) => mine.get(name) !== other.get(name));
    if (name === undefined) continue;
    const pc = Number((ours[index - 1] ?? mine).get("pc"));
    const bits = new DataView(image.bytes.buffer).getUint32(pc - RAM, true);
    const instruction = (bits & 3) === 3 ? bits : bits & 0xffff;
    return `after ${instruction.toString(16)} at ${pc.toString(16)}: ${name} is ` +
      `${mine.get(name)!.toString(16)} here, ${other.get(name)!.toString(16)} in QEMU`;
  }
  return "no register differs in front of any instruction: look at CSRs and memory";
}

function isInBlock(image: Image, pc: bigint): boolean {
  const code = BigInt(RAM + image.code[0]!);
  return pc >= code && pc < code + BigInt(BLOCK_BYTES);
}

function stepOnHart(image: Image): State[] {
  const { hart } = hartWith(image);
  const states: State[] = [];
  do {
    if (isInBlock(image, hart.get("pc"))) enter(states, stateOf(hart));
  } while (hart.run(1) === EXIT.BUDGET);
  return states;
}

function stateOf(hart: Hart): State {
  const state = new Map([["pc", hart.get("pc")]]);
  for (let register = 0; register < 32; register++) {
    state.set(`x${register}`, hart.x(register));
    state.set(`f${register}`, hart.f(register));
  }
  return state;
}

async function stepOnQemu(image: Image): Promise<State[]> {
  const file = await Deno.makeTempFile();
  try {
    await runOnQemu(image, ["-singlestep", "-d", "cpu,fpu,nochain", "-D", file]);
    const states: State[] = [];
    for (const text of (await Deno.readTextFile(file)).split(/^ pc +/m).slice(1)) {
      const state = new Map([["pc", BigInt(`0x${text.slice(0, 16)}`)]]);
      for (const [, name, value] of text.matchAll(/([xf]\d+)\/\w+ +([0-9a-f]{16})/g)) {
        state.set(name!, BigInt(`0x${value}`));
      }
      if (isInBlock(image, state.get("pc")!)) enter(states, state);
    }
    return states;
  } finally {
    await Deno.remove(file);
  }
}

/** Adds a state unless it is the last one again, as after a trap. */
function enter(states: State[], state: State): void {
  const last = states.at(-1);
  if (!last || [...state].some(([name, value]) => last.get(name) !== value)) states.push(state);
}
