import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { EBREAK, expand } from "./compressed_model.ts";
import { AREA, HART } from "./kernel/layouts.ts";
import { Board, RAM } from "./test_board.ts";

const CODE = 0x1000, DATA = 0x20000, DATA_SIZE = 1024;
/** How many instructions fit on a page with the expansions of 4 bytes. */
const PER_PAGE = 1023;
/** An instruction of 32 bits that no extension defines. */
const ILLEGAL = 0xffffffff;
const INITIAL_FS = 1n << 13n;

interface Case {
  readonly half: number;
  readonly expansion: number | undefined;
}

/**
 * Every pattern that is an instruction of 16 bits. The expansion stands 2 bytes before its original,
 * so that both end at the same address; therefore its jumps go 2 bytes further.
 */
const CASES: readonly Case[] = Array.from({ length: 0x10000 }, (_, half) => half)
  .filter((half) => (half & 3) !== 3)
  .map((half) => ({ half, expansion: expand(half, 2) }));

/** A board whose state is set and compared as a whole. */
class Side {
  readonly board = new Board();
  readonly state: BigUint64Array;
  /** The state after reset. */
  readonly reset: BigUint64Array;
  readonly words: Int32Array;
  readonly data: Int32Array;

  constructor() {
    const { memory: { buffer }, area, view } = this.board;
    this.state = new BigUint64Array(buffer, AREA.hart.at(area), HART.size / 8);
    this.reset = this.state.slice();
    this.words = new Int32Array(buffer, AREA.hart.at(area), HART.size / 4);
    this.data = new Int32Array(buffer, view.byteOffset + DATA, DATA_SIZE / 4);
  }

  /** Executes the instruction at an offset in RAM, from a given state. */
  step(state: BigUint64Array, offset: number): void {
    this.state.set(state);
    this.board.hart.set("pc", BigInt(RAM + offset));
    this.board.hart.run(1);
  }
}

/** The state that every instruction starts from: 31 integer registers and 32 of floating point. */
function start({ board: { hart }, state, reset }: Side, values: readonly bigint[]): BigUint64Array {
  state.set(reset);
  values.forEach((value, index) =>
    index < 31 ? hart.setX(index + 1, value) : hart.setF(index - 31, value)
  );
  hart.set("mtvec", BigInt(RAM + 0x800));
  hart.set("mstatus", INITIAL_FS);
  return state.slice();
}

/** The base register of a load or store. */
function baseOf(word: number): number | undefined {
  return [0x03, 0x07, 0x23, 0x27].includes(word & 0x7f) ? word >>> 15 & 31 : undefined;
}

/** Executes an instruction and its expansion. Both leave the same state and the same data. */
function check(original: Side, expanded: Side, initial: BigUint64Array, at: number, each: Case) {
  const state = initial.slice();
  const base = baseOf(each.expansion ?? 0);
  if (base !== undefined) state[base] = BigInt(RAM + DATA) + (state[base]! & 0xffn);
  original.step(state, at);
  expanded.step(state, at - 2);
  if (each.expansion === undefined || each.expansion === EBREAK) {
    const pc = BigInt(RAM + at);
    expanded.board.hart.set("mepc", pc);
    expanded.board.hart.set("mtval", each.expansion ? 0n : BigInt(each.half));
  }
  if (!same(original.words, expanded.words) || !same(original.data, expanded.data)) {
    const name = `${each.half.toString(16)} for ${each.expansion?.toString(16) ?? "illegal"}`;
    assertEquals(original.state, expanded.state, name);
    assertEquals(original.data, expanded.data, name);
  }
}

function same(a: Int32Array, b: Int32Array): boolean {
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** Writes instructions and their expansions to a page of code. */
function load(original: Side, expanded: Side, cases: readonly Case[]): void {
  cases.forEach(({ half, expansion }, index) => {
    original.board.view.setUint16(CODE + 4 * index + 2, half, true);
    expanded.board.view.setUint32(CODE + 4 * index, expansion ?? ILLEGAL, true);
  });
  original.board.hart.flush();
  expanded.board.hart.flush();
}

const value = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 0n, 1n, 2n ** 31n, 2n ** 63n, 2n ** 64n - 1n),
);

Deno.test("each of the 49,152 instructions of 16 bits does what its expansion does", () => {
  const original = new Side(), expanded = new Side();
  fc.assert(
    fc.property(fc.array(value, { minLength: 63, maxLength: 63 }), (values) => {
      const initial = start(original, values);
      for (let first = 0; first < CASES.length; first += PER_PAGE) {
        const cases = CASES.slice(first, first + PER_PAGE);
        load(original, expanded, cases);
        cases.forEach((each, index) =>
          check(original, expanded, initial, CODE + 4 * index + 2, each)
        );
      }
    }),
    { seed: 1, numRuns: 4, endOnFailure: true },
  );
});

Deno.test("the manual reserves 2,409 encodings of 16 bits", () => {
  const reserved = [
    2048, // funct3 100 of quadrant 0
    8, // C.ADDI4SPN of 0
    64, // C.ADDIW to x0
    32, // C.LUI and C.ADDI16SP of 0
    128, // two operations on short registers
    64, // C.LWSP to x0
    64, // C.LDSP to x0
    1, // C.JR to x0
  ];
  assertEquals(
    CASES.filter(({ expansion }) => expansion === undefined).length,
    reserved.reduce((a, b) => a + b),
  );
});

Deno.test("the other 16,384 patterns take 32 bits; those of longer instructions are illegal", () => {
  const side = new Side();
  // SYSTEM is left out, since it changes more than the state that a step sets.
  const halves = Array.from({ length: 0x4000 }, (_, index) => index << 2 | 3)
    .filter((half) => (half & 0x7f) !== 0x73);
  const words = fc.array(value, { minLength: 63, maxLength: 63 });
  const property = fc.property(words, fc.nat({ max: 0xffff }), (values, upper) => {
    const initial = start(side, values);
    for (let first = 0; first < halves.length; first += 1024) {
      const page = halves.slice(first, first + 1024);
      side.board.program(page.map((half) => (half | upper << 16) >>> 0), CODE);
      side.board.hart.flush();
      page.forEach((half, index) => {
        side.step(initial, CODE + 4 * index);
        const isIllegal = side.board.hart.get("mcause") === 2n;
        if ((half & 0x1f) === 0x1f) assertEquals(isIllegal, true, half.toString(16));
        if (isIllegal) {
          assertEquals(side.board.hart.get("mtval"), BigInt((half | upper << 16) >>> 0));
        }
      });
    }
  });
  fc.assert(property, { seed: 2, numRuns: 4 });
});
