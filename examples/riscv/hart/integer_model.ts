/**
 * The integer instructions as the manual describes them: slow, on BigInt, with nothing of the kernel.
 *
 * @module
 */

/** An instruction without memory or control flow: how it is encoded and what it computes. */
export interface IntegerInstruction {
  readonly name: string;
  readonly opcode: number;
  readonly funct3: number;
  /** Of the R format; for immediates, the fixed upper bits of the 12-bit immediate. */
  readonly upper: number;
  /** Width of the immediate that varies: 12, 6 or 5 bits; 0 if all is fixed; absent for R. */
  readonly immediateBits?: number;
  /** From rs1 and rs2 or the immediate, both as 64-bit patterns. Any integer: it is truncated. */
  readonly compute: (a: bigint, b: bigint) => bigint;
}

const unsigned = (x: bigint, bits = 64) => BigInt.asUintN(bits, x);
const signed = (x: bigint, bits = 64) => BigInt.asIntN(bits, x);
/** The result of a 32-bit operation, sign-extended. */
const word = (x: bigint) => signed(x, 32);
const bool = (x: boolean) => x ? 1n : 0n;

function divide(a: bigint, b: bigint): bigint {
  return b === 0n ? -1n : a / b;
}

function remainder(a: bigint, b: bigint): bigint {
  return b === 0n ? a : a % b;
}

function bits(x: bigint, width: number): string {
  return unsigned(x, width).toString(2).padStart(width, "0");
}

const leadingZeros = (x: bigint, width: number) =>
  BigInt(bits(x, width).indexOf("1") < 0 ? width : bits(x, width).indexOf("1"));
const trailingZeros = (x: bigint, width: number) =>
  BigInt(
    bits(x, width).lastIndexOf("1") < 0 ? width : width - 1 - bits(x, width).lastIndexOf("1"),
  );
const ones = (x: bigint, width: number) => BigInt(bits(x, width).replaceAll("0", "").length);

/** Rotates right by concatenating the number with itself. */
function rotate(x: bigint, by: bigint, width: number): bigint {
  const twice = BigInt("0b" + bits(x, width) + bits(x, width));
  return unsigned(twice >> (by % BigInt(width)), width);
}

function bytesOf(x: bigint): number[] {
  return Array.from({ length: 8 }, (_, index) => Number((x >> BigInt(8 * index)) & 255n));
}

function fromBytes(bytes: readonly number[]): bigint {
  return bytes.reduce((sum, byte, index) => sum | BigInt(byte) << BigInt(8 * index), 0n);
}

type Compute = IntegerInstruction["compute"];
const low = (b: bigint, width: number) => unsigned(b, width);

const SHARED: Record<string, Compute> = {
  add: (a, b) => a + b,
  slt: (a, b) => bool(signed(a) < signed(b)),
  sltu: (a, b) => bool(a < b),
  xor: (a, b) => a ^ b,
  or: (a, b) => a | b,
  and: (a, b) => a & b,
  sll: (a, b) => a << low(b, 6),
  srl: (a, b) => a >> low(b, 6),
  sra: (a, b) => signed(a) >> low(b, 6),
  addw: (a, b) => word(a + b),
  sllw: (a, b) => word(a << low(b, 5)),
  srlw: (a, b) => word(unsigned(a, 32) >> low(b, 5)),
  sraw: (a, b) => word(signed(a, 32) >> low(b, 5)),
  rol: (a, b) => rotate(a, 64n - low(b, 6), 64),
  ror: (a, b) => rotate(a, low(b, 6), 64),
  rolw: (a, b) => word(rotate(a, 32n - low(b, 5), 32)),
  rorw: (a, b) => word(rotate(a, low(b, 5), 32)),
  bclr: (a, b) => a & ~(1n << low(b, 6)),
  bext: (a, b) => a >> low(b, 6) & 1n,
  binv: (a, b) => a ^ 1n << low(b, 6),
  bset: (a, b) => a | 1n << low(b, 6),
};

/** Opcode, funct3, funct7 and the computation. */
const REGISTER: Record<string, [number, number, number, Compute]> = {
  add: [0x33, 0, 0, SHARED["add"]!],
  sub: [0x33, 0, 0x20, (a, b) => a - b],
  sll: [0x33, 1, 0, SHARED["sll"]!],
  slt: [0x33, 2, 0, SHARED["slt"]!],
  sltu: [0x33, 3, 0, SHARED["sltu"]!],
  xor: [0x33, 4, 0, SHARED["xor"]!],
  srl: [0x33, 5, 0, SHARED["srl"]!],
  sra: [0x33, 5, 0x20, SHARED["sra"]!],
  or: [0x33, 6, 0, SHARED["or"]!],
  and: [0x33, 7, 0, SHARED["and"]!],
  addw: [0x3b, 0, 0, SHARED["addw"]!],
  subw: [0x3b, 0, 0x20, (a, b) => word(a - b)],
  sllw: [0x3b, 1, 0, SHARED["sllw"]!],
  srlw: [0x3b, 5, 0, SHARED["srlw"]!],
  sraw: [0x3b, 5, 0x20, SHARED["sraw"]!],
  mul: [0x33, 0, 1, (a, b) => a * b],
  mulh: [0x33, 1, 1, (a, b) => signed(a) * signed(b) >> 64n],
  mulhsu: [0x33, 2, 1, (a, b) => signed(a) * b >> 64n],
  mulhu: [0x33, 3, 1, (a, b) => a * b >> 64n],
  div: [0x33, 4, 1, (a, b) => divide(signed(a), signed(b))],
  divu: [0x33, 5, 1, divide],
  rem: [0x33, 6, 1, (a, b) => remainder(signed(a), signed(b))],
  remu: [0x33, 7, 1, remainder],
  mulw: [0x3b, 0, 1, (a, b) => word(a * b)],
  divw: [0x3b, 4, 1, (a, b) => word(divide(signed(a, 32), signed(b, 32)))],
  divuw: [0x3b, 5, 1, (a, b) => word(divide(unsigned(a, 32), unsigned(b, 32)))],
  remw: [0x3b, 6, 1, (a, b) => word(remainder(signed(a, 32), signed(b, 32)))],
  remuw: [0x3b, 7, 1, (a, b) => word(remainder(unsigned(a, 32), unsigned(b, 32)))],
  sh1add: [0x33, 2, 0x10, (a, b) => b + a * 2n],
  sh2add: [0x33, 4, 0x10, (a, b) => b + a * 4n],
  sh3add: [0x33, 6, 0x10, (a, b) => b + a * 8n],
  "add.uw": [0x3b, 0, 4, (a, b) => b + unsigned(a, 32)],
  "sh1add.uw": [0x3b, 2, 0x10, (a, b) => b + unsigned(a, 32) * 2n],
  "sh2add.uw": [0x3b, 4, 0x10, (a, b) => b + unsigned(a, 32) * 4n],
  "sh3add.uw": [0x3b, 6, 0x10, (a, b) => b + unsigned(a, 32) * 8n],
  andn: [0x33, 7, 0x20, (a, b) => a & ~b],
  orn: [0x33, 6, 0x20, (a, b) => a | ~b],
  xnor: [0x33, 4, 0x20, (a, b) => ~(a ^ b)],
  min: [0x33, 4, 5, (a, b) => signed(a) < signed(b) ? a : b],
  minu: [0x33, 5, 5, (a, b) => a < b ? a : b],
  max: [0x33, 6, 5, (a, b) => signed(a) > signed(b) ? a : b],
  maxu: [0x33, 7, 5, (a, b) => a > b ? a : b],
  rol: [0x33, 1, 0x30, SHARED["rol"]!],
  ror: [0x33, 5, 0x30, SHARED["ror"]!],
  rolw: [0x3b, 1, 0x30, SHARED["rolw"]!],
  rorw: [0x3b, 5, 0x30, SHARED["rorw"]!],
  bclr: [0x33, 1, 0x24, SHARED["bclr"]!],
  bext: [0x33, 5, 0x24, SHARED["bext"]!],
  binv: [0x33, 1, 0x34, SHARED["binv"]!],
  bset: [0x33, 1, 0x14, SHARED["bset"]!],
};

/** Opcode, funct3, the fixed bits of the immediate, how many vary, and the computation. */
const IMMEDIATE: Record<string, [number, number, number, number, Compute]> = {
  addi: [0x13, 0, 0, 12, SHARED["add"]!],
  slti: [0x13, 2, 0, 12, SHARED["slt"]!],
  sltiu: [0x13, 3, 0, 12, SHARED["sltu"]!],
  xori: [0x13, 4, 0, 12, SHARED["xor"]!],
  ori: [0x13, 6, 0, 12, SHARED["or"]!],
  andi: [0x13, 7, 0, 12, SHARED["and"]!],
  addiw: [0x1b, 0, 0, 12, SHARED["addw"]!],
  slli: [0x13, 1, 0, 6, SHARED["sll"]!],
  srli: [0x13, 5, 0, 6, SHARED["srl"]!],
  srai: [0x13, 5, 0x400, 6, SHARED["sra"]!],
  slliw: [0x1b, 1, 0, 5, SHARED["sllw"]!],
  srliw: [0x1b, 5, 0, 5, SHARED["srlw"]!],
  sraiw: [0x1b, 5, 0x400, 5, SHARED["sraw"]!],
  "slli.uw": [0x1b, 1, 0x080, 6, (a, b) => unsigned(a, 32) << low(b, 6)],
  rori: [0x13, 5, 0x600, 6, SHARED["ror"]!],
  roriw: [0x1b, 5, 0x600, 5, SHARED["rorw"]!],
  bclri: [0x13, 1, 0x480, 6, SHARED["bclr"]!],
  bexti: [0x13, 5, 0x480, 6, SHARED["bext"]!],
  binvi: [0x13, 1, 0x680, 6, SHARED["binv"]!],
  bseti: [0x13, 1, 0x280, 6, SHARED["bset"]!],
  clz: [0x13, 1, 0x600, 0, (a) => leadingZeros(a, 64)],
  ctz: [0x13, 1, 0x601, 0, (a) => trailingZeros(a, 64)],
  cpop: [0x13, 1, 0x602, 0, (a) => ones(a, 64)],
  clzw: [0x1b, 1, 0x600, 0, (a) => leadingZeros(a, 32)],
  ctzw: [0x1b, 1, 0x601, 0, (a) => trailingZeros(a, 32)],
  cpopw: [0x1b, 1, 0x602, 0, (a) => ones(a, 32)],
  "sext.b": [0x13, 1, 0x604, 0, (a) => signed(a, 8)],
  "sext.h": [0x13, 1, 0x605, 0, (a) => signed(a, 16)],
  "zext.h": [0x3b, 4, 0x080, 0, (a) => unsigned(a, 16)],
  "orc.b": [0x13, 5, 0x287, 0, (a) => fromBytes(bytesOf(a).map((byte) => byte ? 255 : 0))],
  rev8: [0x13, 5, 0x6b8, 0, (a) => fromBytes(bytesOf(a).reverse())],
};

/** All of them: RV64IM, Zba, Zbb and Zbs. */
export const INTEGER_INSTRUCTIONS: readonly IntegerInstruction[] = [
  ...Object.entries(REGISTER).map(([name, [opcode, funct3, upper, compute]]) => ({
    name,
    opcode,
    funct3,
    upper,
    compute,
  })),
  ...Object.entries(IMMEDIATE).map(([name, [opcode, funct3, upper, immediateBits, compute]]) => ({
    name,
    opcode,
    funct3,
    upper,
    immediateBits,
    compute,
  })),
];
