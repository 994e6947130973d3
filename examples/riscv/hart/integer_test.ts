import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { INTEGER_INSTRUCTIONS, type IntegerInstruction } from "./integer_model.ts";
import { Board, i, r } from "./test_board.ts";

/** Registers that the programs use: x0 to x7. */
const REGISTERS = 8;

interface Step {
  readonly instruction: IntegerInstruction;
  readonly rd: number;
  readonly a: number;
  readonly b: number;
  readonly immediate: number;
}

const register = fc.nat({ max: REGISTERS - 1 });
const value = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 1n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 63n, 2n ** 64n - 1n),
  fc.nat({ max: 63 }).map((bit) => 1n << BigInt(bit)),
);

function step(instruction: IntegerInstruction): fc.Arbitrary<Step> {
  const bits = instruction.immediateBits ?? 0;
  const immediate = bits === 12
    ? fc.integer({ min: -2048, max: 2047 })
    : fc.nat({ max: 2 ** bits - 1 });
  return fc.record({
    instruction: fc.constant(instruction),
    rd: register,
    a: register,
    b: register,
    immediate,
  });
}

function encode(
  { instruction: { opcode, funct3, upper, immediateBits }, rd, a, b, immediate }: Step,
) {
  return immediateBits === undefined
    ? r(opcode, funct3, upper, rd, a, b)
    : i(opcode, funct3, rd, a, upper | immediate & 0xfff);
}

/** What the manual says of a step. */
function apply(registers: bigint[], { instruction, rd, a, b, immediate }: Step): void {
  const operand = instruction.immediateBits === undefined
    ? registers[b]!
    : BigInt.asUintN(64, BigInt(immediate));
  if (rd) registers[rd] = BigInt.asUintN(64, instruction.compute(registers[a]!, operand));
}

function check(board: Board, values: readonly bigint[], steps: readonly Step[]): void {
  const registers = [0n, ...values];
  registers.forEach((content, index) => board.hart.setX(index, content));
  board.runProgram(steps.map(encode));
  for (const each of steps) apply(registers, each);
  const names = steps.map((each) => each.instruction.name).join(" ");
  assertEquals(registers.map((_, index) => board.hart.x(index)), registers, names);
}

const values = fc.array(value, { minLength: REGISTERS - 1, maxLength: REGISTERS - 1 });

Deno.test("each integer instruction computes what the manual says", () => {
  const board = new Board();
  for (const instruction of INTEGER_INSTRUCTIONS) {
    fc.assert(
      fc.property(values, step(instruction), (content, each) => check(board, content, [each])),
      { seed: 1, numRuns: 60 },
    );
  }
});

Deno.test("random programs of integer instructions agree with the model", () => {
  const board = new Board();
  const any = fc.constantFrom(...INTEGER_INSTRUCTIONS).chain(step);
  fc.assert(
    fc.property(
      values,
      fc.array(any, { minLength: 1, maxLength: 60 }),
      (content, steps) => check(board, content, steps),
    ),
    { seed: 2, numRuns: 300 },
  );
});
