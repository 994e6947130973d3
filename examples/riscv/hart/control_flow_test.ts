import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Board, branch, i, jal, RAM, u } from "./test_board.ts";

/** The page where instructions stand. No jump by REACH leaves the RAM. */
const MIDDLE = 0x20000, REACH = 0x1eff0;
const MARK = 0x123;

/** An instruction at an address: what it writes to x1, and where it goes. */
interface Effect {
  readonly x1: bigint;
  readonly next: bigint;
}

interface Step {
  readonly word: number;
  /** `pc` is the instruction's address; `before` the content of x1. */
  readonly effect: (pc: bigint, a: bigint, b: bigint, before: bigint) => Effect;
}

const signed = (x: bigint) => BigInt.asIntN(64, x);
const CONDITIONS: Record<number, (a: bigint, b: bigint) => boolean> = {
  0: (a, b) => a === b,
  1: (a, b) => a !== b,
  4: (a, b) => signed(a) < signed(b),
  5: (a, b) => signed(a) >= signed(b),
  6: (a, b) => a < b,
  7: (a, b) => a >= b,
};

const even = (reach: number) =>
  fc.integer({ min: -reach / 2, max: reach / 2 - 1 }).map((half) => 2 * half);
const upper = fc.integer({ min: -(2 ** 19), max: 2 ** 19 - 1 }).map((value) => value * 4096);

/** An instruction that reads x2 and x3 and writes x1. */
const step: fc.Arbitrary<Step> = fc.oneof(
  upper.map((value) => ({
    word: u(0x37, 1, value),
    effect: (pc: bigint) => ({ x1: BigInt(value), next: pc + 4n }),
  })),
  upper.map((value) => ({
    word: u(0x17, 1, value),
    effect: (pc: bigint) => ({ x1: pc + BigInt(value), next: pc + 4n }),
  })),
  fc.tuple(even(REACH), fc.boolean()).map(([distance, links]) => ({
    word: jal(links ? 1 : 0, distance),
    effect: (pc: bigint, _a: bigint, _b: bigint, before: bigint) => ({
      x1: links ? pc + 4n : before,
      next: pc + BigInt(distance),
    }),
  })),
  fc.tuple(fc.constantFrom(...Object.keys(CONDITIONS).map(Number)), even(4096)).map((
    [funct3, distance],
  ) => ({
    word: branch(funct3, 2, 3, distance),
    effect: (pc: bigint, a: bigint, b: bigint, before: bigint) => ({
      x1: before,
      next: pc + (CONDITIONS[funct3]!(a, b) ? BigInt(distance) : 4n),
    }),
  })),
);

const value = fc.oneof(
  fc.constantFrom(0n, 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const values = fc.oneof(fc.tuple(value, value), value.map((same) => [same, same] as const));
/** An offset on a page, often one from which an instruction crosses to the next. */
const place = fc.oneof(fc.constant(0xffe), fc.nat({ max: 0x7ff }).map((half) => 2 * half));

/** Executes a step at an offset in RAM, then the instruction where it leads: `x4 = MARK`. */
function check(it: Board, offset: number, { word, effect }: Step, a: bigint, b: bigint): void {
  const { hart, view } = it;
  const pc = BigInt(RAM + offset);
  const { x1, next } = effect(pc, a, b, 5n);
  const target = Number(next) - RAM;
  // A jump into itself leaves no room for the second instruction.
  const isApart = Math.abs(target - offset) >= 4;
  if (isApart) view.setUint32(target, i(0x13, 0, 4, 0, MARK), true);
  view.setUint32(offset, word, true);
  hart.flush();
  [5n, a, b, 0n].forEach((content, index) => hart.setX(index + 1, content));
  hart.set("pc", pc);
  hart.run(1);
  assertEquals([hart.x(0), hart.x(1), hart.get("pc")], [0n, BigInt.asUintN(64, x1), next]);
  if (!isApart) return;
  hart.set("pc", pc);
  hart.run(2);
  assertEquals([hart.x(4), hart.get("pc")], [BigInt(MARK), next + 4n], "in one slice");
}

Deno.test("LUI, AUIPC, JAL and branches write and go where the manual says", () => {
  const it = new Board();
  fc.assert(
    fc.property(place, step, values, (offset, step, [a, b]) => {
      check(it, MIDDLE + offset, step, a, b);
    }),
    { seed: 1, numRuns: 4_000 },
  );
});

Deno.test("JALR adds, clears the lowest bit, and links after it has read its base", () => {
  const it = new Board();
  const immediate = fc.integer({ min: -2048, max: 2047 });
  const register = fc.constantFrom(0, 1, 5);
  fc.assert(
    fc.property(place, register, fc.nat({ max: 0xffff }), immediate, (offset, rd, base, add) => {
      const { hart, view } = it;
      const pc = BigInt(RAM + MIDDLE + offset), from = BigInt(RAM + 0x8000 + base);
      view.setUint32(MIDDLE + offset, i(0x67, 0, rd, 5, add), true);
      hart.flush();
      hart.setX(5, from);
      hart.set("pc", pc);
      hart.run(1);
      assertEquals(hart.get("pc"), from + BigInt(add) & ~1n);
      assertEquals(hart.x(rd), rd ? pc + 4n : 0n);
    }),
    { seed: 2, numRuns: 1_000 },
  );
});

Deno.test("JAL and branches reach as far as their formats say", () => {
  const it = new Board();
  for (const distance of [-0x100000, -0x80000, 0x7fffe, 0xffffe, 0x800, 0x1000, -2]) {
    it.runProgram([jal(1, distance)]);
    assertEquals(it.hart.get("pc"), BigInt(RAM + distance));
  }
  for (const distance of [-4096, -2, 0x800, 4094]) {
    it.runProgram([branch(0, 1, 1, distance)]);
    assertEquals(it.hart.get("pc"), BigInt(RAM + distance));
  }
});
