/**
 * The guest's side of a litmus test: what each hart runs, again and again on new words, in step with
 * the others; and where the words, the results and the code lie.
 *
 * @module
 */

import { assemble, type Line } from "../assembler.ts";
import type { Hart } from "../hart.ts";
import { type Board, i, r, RAM, s } from "../test_board.ts";
import type { Litmus, Step, Word } from "./tests.ts";

/** Times that a test is repeated, each with words and results of its own. */
export const ROUNDS = 800;

// Offsets in RAM.
const BARRIER = 0x2000;
const RESULTS = 0x4000;
const RESULT_BYTES = 16;
const WORDS = 0x14000;
/** Both words of a round, each with a cache line of its own. */
const ROUND_BYTES = 128;
const CODE_BYTES = 0x400;

// Registers: the words, the results, rounds left, the barrier, harts, arrivals that are awaited, rounds
// until the next barrier.
const WORD = 8, RESULT = 9, LEFT = 18, BARRIER_AT = 19, HARTS = 20, AWAITED = 21, STEP = 22;
const ONE = 6, ADDRESS = 5, SPARE = 7, LOADED = 10;
const ACQUIRE_RELEASE = 3;
const FENCE = 0x0ff0000f;

/**
 * Writes a hart's code and sets its registers.
 *
 * @param inStep Rounds between two barriers. With 1 the harts meet in each round if each has a core;
 * harts that share a core mostly wait.
 */
export function prepare(board: Board, index: number, test: Litmus, inStep: number): void {
  const { hart } = board;
  const steps = test.harts[index]!;
  board.program(loop(steps, inStep), index * CODE_BYTES);
  const resultOf = RAM + RESULTS + index * ROUNDS * RESULT_BYTES;
  const registers: [number, number][] = [
    ...[[WORD, RAM + WORDS], [RESULT, resultOf], [LEFT, ROUNDS]] as [number, number][],
    ...[[BARRIER_AT, RAM + BARRIER], [HARTS, test.harts.length], [AWAITED, 0]] as [
      number,
      number,
    ][],
    [ONE, 1],
  ];
  for (const [register, value] of registers) hart.setX(register, BigInt(value));
  hart.set("pc", BigInt(RAM + index * CODE_BYTES));
  hart.flush();
}

/** Sets the barrier, the words and the results to zero. No hart runs. */
export function clear({ view }: Board): void {
  const end = WORDS + ROUNDS * ROUND_BYTES;
  new Uint8Array(view.buffer, view.byteOffset + BARRIER, end - BARRIER).fill(0);
}

/** How often each outcome was seen, by what the loads gave. */
export function outcomes({ view }: Board, test: Litmus): Map<string, number> {
  const seen = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    const outcome = test.harts.flatMap((steps, index) =>
      steps.filter(({ kind }) => kind === "load").map((_, load) =>
        view.getUint32(RESULTS + (index * ROUNDS + round) * RESULT_BYTES + load * 8, true)
      )
    ).join();
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
  }
  return seen;
}

/** Now and then arrives and waits for all; takes the steps, keeps what they loaded, goes on to the next round. */
function loop(steps: readonly Step[], inStep: number): readonly number[] {
  return assemble([
    { label: "barrier" },
    i(0x13, 0, STEP, 0, inStep),
    r(0x33, 0, 0, AWAITED, AWAITED, HARTS),
    r(0x2f, 3, ACQUIRE_RELEASE, 0, BARRIER_AT, ONE), // amoadd.d.aqrl
    { label: "wait" },
    i(0x03, 3, SPARE, BARRIER_AT, 0),
    { branch: "wait", bits: r(0x63, 4, 0, 0, SPARE, AWAITED) },
    FENCE,
    { label: "round" },
    ...body(steps),
    ...[0, 1].map((load) => s(0x23, 3, RESULT, LOADED + load, load * 8)),
    i(0x13, 0, WORD, WORD, ROUND_BYTES),
    i(0x13, 0, RESULT, RESULT, RESULT_BYTES),
    i(0x13, 0, LEFT, LEFT, -1),
    i(0x13, 0, STEP, STEP, -1),
    { branch: "round", bits: r(0x63, 1, 0, 0, STEP, 0) },
    { branch: "barrier", bits: r(0x63, 1, 0, 0, LEFT, 0) },
    s(0x23, 3, 0, 0, 0), // where no memory is: the hart leaves
  ]).code;
}

/** The steps' instructions. They leave what they load in the registers from LOADED on. */
export function body(steps: readonly Step[]): Line[] {
  let loads = 0;
  return steps.flatMap((step, index) => {
    if (step.kind === "fence") return [FENCE];
    const offset = step.word === "x" ? 0 : 64;
    const address = i(0x13, 0, ADDRESS, WORD, offset);
    if (step.kind === "load") {
      const rd = LOADED + loads++;
      if (step.how === "plain") return [i(0x03, 3, rd, WORD, offset)];
      const funct5 = step.how === "amo" ? 8 : 2; // amoor with x0, or lr
      return [address, r(0x2f, 3, funct5 << 2 | ACQUIRE_RELEASE, rd, ADDRESS, 0)];
    }
    if (step.how === "plain") return [s(0x23, 3, WORD, ONE, offset)];
    if (step.how === "amo") return [address, r(0x2f, 3, 1 << 2 | ACQUIRE_RELEASE, 0, ADDRESS, ONE)];
    return [
      address,
      { label: `retry ${index}` },
      r(0x2f, 3, 2 << 2 | ACQUIRE_RELEASE, SPARE, ADDRESS, 0),
      r(0x2f, 3, 3 << 2 | ACQUIRE_RELEASE, SPARE, ADDRESS, ONE),
      { branch: `retry ${index}`, bits: r(0x63, 1, 0, 0, SPARE, 0) },
    ];
  });
}

/** One round of one hart for a schedule that is forced: only its steps. @returns Their number. */
export function prepareOnce(board: Board, index: number, steps: readonly Step[]): number {
  const { code } = assemble(body(steps));
  board.program(code, index * CODE_BYTES);
  board.hart.setX(WORD, BigInt(RAM + WORDS));
  board.hart.setX(ONE, 1n);
  return code.length;
}

/** Starts a hart of `prepareOnce` again. */
export function rewind({ hart }: Board, index: number): void {
  hart.set("pc", BigInt(RAM + index * CODE_BYTES));
}

/** What a hart's loads gave. */
export function loaded(hart: Hart, steps: readonly Step[]): number[] {
  const loads = steps.filter(({ kind }) => kind === "load").length;
  return Array.from({ length: loads }, (_, load) => Number(hart.x(LOADED + load)));
}

/** Sets both words of the first round to zero. */
export function clearWords({ view }: Board): void {
  for (const word of ["x", "y"] as Word[]) {
    view.setBigUint64(WORDS + (word === "x" ? 0 : 64), 0n, true);
  }
}
