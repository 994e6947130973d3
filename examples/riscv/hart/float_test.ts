import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { MODE } from "./fp/model/exact.ts";
import { type Operands, operands } from "./fp/model/operands.ts";
import { box, compute, FLOAT_INSTRUCTIONS, type FloatInstruction } from "./float_model.ts";
import { Board, csr, i, r, RAM, s } from "./test_board.ts";

const FFLAGS = 1, FRM = 2, FCSR = 3;
const FS = 3n << 13n, INITIAL = 1n << 13n;
const DATA = 0x20000, HANDLER = 0x800;
const ONE = 0x3ff0n << 48n;

/** A board whose floating point is on. */
function board(): Board {
  const result = new Board();
  result.hart.set("mstatus", INITIAL);
  result.hart.set("mtvec", BigInt(RAM + HANDLER));
  return result;
}

/** How an instruction is executed. */
interface Setting {
  readonly operands: Operands;
  /** Four registers: the result's, then those of the operands. */
  readonly registers: readonly number[];
  /** Whether the first single is boxed. */
  readonly isBoxed: boolean;
  readonly isDynamic: boolean;
  readonly mode: number;
  /** frm where the instruction names its mode. */
  readonly otherMode: number;
  readonly flagsBefore: number;
}

const setting: fc.Arbitrary<Setting> = fc.record({
  operands: operands(),
  registers: fc.array(fc.integer({ min: 1, max: 31 }), { minLength: 4, maxLength: 4 }),
  isBoxed: fc.boolean(),
  isDynamic: fc.boolean(),
  mode: fc.constantFrom(...Object.values(MODE)),
  otherMode: fc.nat({ max: 7 }),
  flagsBefore: fc.nat({ max: 31 }),
});

/** Puts the operands into registers, a later one over an earlier one. Returns what each holds. */
function fill(
  { hart }: Board,
  { operands: kinds }: FloatInstruction,
  { operands, registers, isBoxed }: Setting,
): bigint[] {
  const sources = registers.slice(1, 1 + kinds.length);
  kinds.forEach((kind, index) => {
    const value = operands[kind][index]!;
    if (kind === "x") hart.setX(sources[index]!, value);
    else hart.setF(sources[index]!, kind === "s" && (isBoxed || index) ? box(value) : value);
  });
  return kinds.map((kind, index) =>
    kind === "x" ? hart.x(sources[index]!) : hart.f(sources[index]!)
  );
}

function check(it: Board, instruction: FloatInstruction, setting: Setting): void {
  const { hart } = it;
  const { registers: [rd, ...sources], isDynamic, mode, otherMode, flagsBefore } = setting;
  hart.set("mstatus", INITIAL);
  hart.set("roundingMode", isDynamic ? mode : otherMode);
  hart.set("floatFlags", flagsBefore);
  const expected = compute(instruction, fill(it, instruction, setting), mode);
  const before = registersOf(it);
  it.runProgram([instruction.encode(rd!, sources, isDynamic ? 7 : mode)]);
  before[instruction.result === "x" ? rd! : 32 + rd!] = expected.value;
  assertEquals(registersOf(it), before, instruction.name);
  assertEquals(hart.get("floatFlags"), flagsBefore | expected.flags, instruction.name);
  assertEquals(hart.get("mstatus") & FS, FS, instruction.name);
}

/** Integer registers, then those of floating point. */
function registersOf({ hart }: Board): bigint[] {
  return Array.from({ length: 64 }, (_, at) => at < 32 ? hart.x(at) : hart.f(at - 32));
}

/** Runs one instruction. Returns the cause of its trap, if it trapped, and checks its value. */
function trapOf(it: Board, word: number): bigint | undefined {
  it.hart.set("mcause", 0n);
  it.hart.set("mtval", 0n);
  it.runProgram([word]);
  return it.hart.get("pc") === BigInt(RAM + HANDLER) ? it.hart.get("mcause") : undefined;
}

Deno.test("each floating-point instruction gives the result and the flags of its definition", () => {
  const it = board();
  for (const instruction of FLOAT_INSTRUCTIONS) {
    fc.assert(
      fc.property(setting, (setting) => check(it, instruction, setting)),
      { seed: 1, numRuns: 400 },
    );
  }
});

Deno.test("moves between registers keep all bits, NaNs and unboxed singles too", () => {
  const it = board();
  it.hart.setF(3, 0x0123456789abcdefn);
  it.hart.setX(4, 0xfedcba987fa00001n);
  it.runProgram([
    r(0x53, 0, 0x70, 5, 3, 0), // fmv.x.w x5, f3
    r(0x53, 0, 0x71, 6, 3, 0), // fmv.x.d x6, f3
    r(0x53, 0, 0x78, 7, 4, 0), // fmv.w.x f7, x4
    r(0x53, 0, 0x79, 8, 4, 0), // fmv.d.x f8, x4
  ]);
  assertEquals(it.hart.x(5), 0xffffffff89abcdefn);
  assertEquals(it.hart.x(6), 0x0123456789abcdefn);
  assertEquals(it.hart.f(7), 0xffffffff7fa00001n);
  assertEquals(it.hart.f(8), 0xfedcba987fa00001n);
  assertEquals(it.hart.get("floatFlags"), 0);
});

Deno.test("loads box singles, stores take the low bits, at every alignment and across pages", () => {
  const it = board();
  const value = 0x0123456789abcdefn;
  for (const offset of [0, 1, 4, 0xffa, 0xffd, 0xffe]) {
    it.hart.set("mstatus", INITIAL);
    it.hart.setX(5, BigInt(RAM + DATA + offset + 2048));
    it.hart.setF(31, value);
    it.runProgram([s(0x27, 3, 5, 31, -2048)]);
    assertEquals(it.view.getBigUint64(DATA + offset, true), value);
    it.runProgram([i(0x07, 2, 30, 5, -2048), i(0x07, 3, 0, 5, -2048)]);
    assertEquals([it.hart.f(30), it.hart.f(0)], [0xffffffff89abcdefn, value]);
    assertEquals(it.hart.get("mstatus") & FS, FS, "a load makes FS dirty");
    it.hart.setF(31, ~value & 2n ** 64n - 1n);
    it.hart.set("mstatus", INITIAL);
    it.runProgram([s(0x27, 2, 5, 31, -2048)]);
    assertEquals(it.view.getBigUint64(DATA + offset, true), 0x0123456776543210n);
    assertEquals(it.hart.get("mstatus") & FS, INITIAL, "a store does not");
  }
});

Deno.test("a load of a device fills a floating-point register", () => {
  const it = board();
  it.hart.setX(5, 0x10000000n);
  it.program([i(0x07, 2, 6, 5, 4), i(0x07, 3, 7, 5, 8), s(0x27, 2, 5, 7, 12)]);
  it.hart.run(3);
  assertEquals(it.hart.mmio, { address: 0x10000004n, size: 4, value: 0n });
  it.hart.answer(0x89abcdefn);
  it.hart.run(2);
  assertEquals(it.hart.mmio, { address: 0x10000008n, size: 8, value: 0n });
  it.hart.answer(0x0123456789abcdefn);
  it.hart.run(1);
  assertEquals(it.hart.mmio, { address: 0x1000000cn, size: 4, value: 0x89abcdefn });
  assertEquals([it.hart.f(6), it.hart.f(7)], [0xffffffff89abcdefn, 0x0123456789abcdefn]);
  assertEquals(it.hart.get("mstatus") & FS, FS);
});

Deno.test("fcsr holds frm and fflags, and shows flags of the same slice", () => {
  const it = board();
  it.hart.setX(5, 2n ** 64n - 1n);
  it.runProgram([csr(1, 6, FCSR, 5), csr(2, 7, FCSR, 0), csr(2, 8, FRM, 0), csr(2, 9, FFLAGS, 0)]);
  assertEquals([6, 7, 8, 9].map((at) => it.hart.x(at)), [0n, 0xffn, 7n, 31n]);
  assertEquals(it.hart.get("mstatus") & FS, FS);
  it.hart.setX(5, 0x1fn);
  it.hart.set("mstatus", INITIAL);
  it.runProgram([csr(3, 0, FFLAGS, 5), csr(7, 0, FRM, 4)]); // csrrci frm, 4
  assertEquals([it.hart.get("floatFlags"), it.hart.get("roundingMode")], [0, 3]);
  assertEquals(it.hart.get("mstatus") & FS, FS);
  it.hart.setF(1, ONE);
  it.hart.setF(2, 1n);
  it.runProgram([r(0x53, 7, 1, 3, 1, 2), csr(2, 6, FCSR, 0), csr(6, 7, FFLAGS, 0)]);
  assertEquals(it.hart.f(3), ONE + 1n, "rounded up, as frm says");
  assertEquals([it.hart.x(6), it.hart.x(7)], [0x61n, 1n]);
});

Deno.test("writing any of the floating-point CSRs makes FS dirty, reading does not", () => {
  const it = board();
  for (const number of [FFLAGS, FRM, FCSR]) {
    it.hart.set("mstatus", INITIAL);
    it.runProgram([csr(2, 6, number, 0)]);
    assertEquals(it.hart.get("mstatus") & FS, INITIAL);
    it.runProgram([csr(1, 0, number, 0)]);
    assertEquals(it.hart.get("mstatus") & FS, FS);
  }
});

const COMPUTING = FLOAT_INSTRUCTIONS.map(({ encode }) => encode(1, [2, 3, 4], 0));
const MEMORY = [i(0x07, 2, 1, 5, 0), i(0x07, 3, 1, 5, 0), s(0x27, 2, 5, 1, 0), s(0x27, 3, 5, 1, 0)];
const MOVES = [0x70, 0x71, 0x78, 0x79].map((funct7) => r(0x53, 0, funct7, 1, 2, 0));
const CSRS = [FFLAGS, FRM, FCSR].flatMap((number) => [csr(2, 1, number, 0), csr(5, 0, number, 1)]);

Deno.test("all of it is illegal while FS is off, and changes nothing", () => {
  const it = board();
  it.hart.setX(5, BigInt(RAM + DATA));
  for (const word of [...COMPUTING, ...MEMORY, ...MOVES, ...CSRS]) {
    const name = word.toString(16);
    it.hart.set("mstatus", INITIAL);
    const saved = registersOf(it);
    assertEquals(trapOf(it, word), undefined, name);
    saved.forEach((value, at) => at < 32 ? it.hart.setX(at, value) : it.hart.setF(at - 32, value));
    it.hart.set("mstatus", 0n);
    it.hart.set("floatFlags", 0);
    assertEquals(trapOf(it, word), 2n, name);
    assertEquals([0n, BigInt(word)].includes(it.hart.get("mtval")), true, name);
    assertEquals(registersOf(it), saved, name);
    assertEquals([it.hart.get("mstatus") & FS, it.hart.get("floatFlags")], [0n, 0], name);
  }
});

Deno.test("reserved rounding modes are illegal, also those of frm", () => {
  const it = board();
  for (const { encode, hasMode, name } of FLOAT_INSTRUCTIONS) {
    if (!hasMode) continue;
    for (const [rm, frm, cause] of [[5, 0, 2n], [6, 0, 2n], [7, 5, 2n], [7, 6, 2n], [7, 7, 2n]]) {
      const word = encode(1, [2, 3, 4], Number(rm));
      it.hart.set("mstatus", INITIAL);
      it.hart.set("roundingMode", Number(frm));
      assertEquals([trapOf(it, word), it.hart.get("mtval")], [cause, BigInt(word)], name);
      assertEquals(it.hart.get("mstatus") & FS, INITIAL, name);
    }
  }
  for (const { encode, hasMode, name } of FLOAT_INSTRUCTIONS) {
    it.hart.set("roundingMode", 7);
    it.hart.set("mstatus", INITIAL);
    if (!hasMode) assertEquals(trapOf(it, encode(1, [2, 3, 4], 0)), undefined, name);
  }
});

Deno.test("encodings that no extension defines are illegal", () => {
  const it = board();
  const words = [
    ...[2, 3].flatMap((format) =>
      COMPUTING.map((word) => (word & ~(3 << 25) | format << 25) >>> 0)
    ),
    r(0x53, 0, 0x2c, 1, 2, 1), // fsqrt with rs2
    r(0x53, 3, 0x10, 1, 2, 3), // fsgnj with funct3 3
    r(0x53, 2, 0x14, 1, 2, 3), // fmin with funct3 2
    r(0x53, 3, 0x50, 1, 2, 3), // fle with funct3 3
    r(0x53, 0, 0x20, 1, 2, 0), // fcvt.s.s
    r(0x53, 0, 0x21, 1, 2, 1), // fcvt.d.d
    r(0x53, 0, 0x60, 1, 2, 4), // fcvt to an integer that does not exist
    r(0x53, 0, 0x69, 1, 2, 4),
    r(0x53, 2, 0x70, 1, 2, 0), // fclass with funct3 2
    r(0x53, 0, 0x71, 1, 2, 1), // fmv.x.d with rs2
    r(0x53, 1, 0x78, 1, 2, 0), // fmv.w.x with funct3 1
    i(0x07, 1, 1, 5, 0), // Zfh
    i(0x07, 4, 1, 5, 0), // Q
    s(0x27, 1, 5, 1, 0),
    s(0x27, 4, 5, 1, 0),
  ];
  for (const word of words) {
    assertEquals([trapOf(it, word), it.hart.get("mtval")], [2n, BigInt(word)], word.toString(16));
  }
});
