/**
 * One step of a thread as others see it: an access of memory with its operands, or a step of the
 * explorer's own (a block is freed, a death is looked for).
 *
 * @module
 */

import type { Value } from "./arithmetic.ts";
import type { Instruction } from "./decode.ts";
import type { AccessKind, Operator } from "./instructions.ts";

/** What a step does. */
export type StepKind = AccessKind | "free" | "allocate" | "dead" | "choose";

/** A step with its operands. Values are two halves of 32 bits, signed. */
export interface Access {
  /** What it does. */
  readonly kind: StepKind;
  /** Whether it is a seq-cst atomic. */
  readonly atomic: boolean;
  /** Where it begins; for `free` and `allocate` the block, for `dead` the thread. */
  readonly address: number;
  /** How many bytes it touches; for `choose`, among how many numbers. */
  readonly bytes: number;
  /** The value it stores, adds, fills with or compares with before a sleep; how many it wakes. */
  readonly low: number;
  /** The upper half of that value. */
  readonly high: number;
  /** What `cmpxchg` expects; where `copy` copies from. */
  readonly expectedLow: number;
  /** The upper half of that. */
  readonly expectedHigh: number;
  /** What a read-modify-write does. */
  readonly operator: Operator;
  /** Whether a sleep may time out. */
  readonly timesOut: boolean;
}

const NOTHING: Access = {
  kind: "fence",
  atomic: true,
  address: 0,
  bytes: 0,
  low: 0,
  high: 0,
  expectedLow: 0,
  expectedHigh: 0,
  operator: "add",
  timesOut: false,
};

/** A step of the explorer's own. */
export function ownStep(kind: StepKind, address: number, bytes = 0): Access {
  return { ...NOTHING, kind, address, bytes };
}

/** Splits a value into its halves. */
export function halves(value: Value): { low: number; high: number } {
  if (typeof value === "number") return { low: value | 0, high: 0 };
  return { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)) };
}

const BITS = new DataView(new ArrayBuffer(8));

/** The halves of what an instruction stores: a double by its bits. */
function stored(value: Value, type: string): { low: number; high: number } {
  if (type !== "d") return halves(value);
  BITS.setFloat64(0, Number(value), true);
  return { low: BITS.getInt32(0, true), high: BITS.getInt32(4, true) };
}

/** The value that an instruction pushes, from the halves of what it read. */
export function pushed({ opcode }: Instruction, low: number, high: number): Value | undefined {
  if (opcode.gives === "") return undefined;
  if (opcode.gives === "d") {
    BITS.setInt32(0, low, true);
    BITS.setInt32(4, high, true);
    return BITS.getFloat64(0, true);
  }
  const { bytes, signed } = opcode.access!;
  const bits = 8 * Math.min(bytes, 4);
  const extended = signed ? low << 32 - bits >> 32 - bits : low;
  if (opcode.gives === "i") return extended;
  if (bytes === 8) return BigInt(high) << 32n | BigInt(low >>> 0);
  return signed ? BigInt(extended) : BigInt(low >>> 0);
}

/**
 * The access that an instruction is about to make.
 *
 * @param instruction The instruction.
 * @param stack The operands, the top last.
 */
export function accessOf(instruction: Instruction, stack: readonly Value[]): Access {
  const { opcode, operand } = instruction;
  const { kind, atomic, bytes, type, operator } = opcode.access!;
  const [first = 0, second = 0, third = 0] = stack.slice(stack.length - opcode.takes.length);
  const start = Number(first) >>> 0;
  if (kind === "fence") return NOTHING;
  if (kind === "fill" || kind === "copy") {
    const length = Number(third) >>> 0;
    const from = kind === "copy" ? Number(second) >>> 0 : 0;
    const low = kind === "fill" ? Number(second) & 0xff : 0;
    return { ...NOTHING, kind, atomic, address: start, bytes: length, low, expectedLow: from };
  }
  const access = { ...NOTHING, kind, atomic, address: start + Number(operand), bytes };
  if (kind === "load") return access;
  if (kind === "cmpxchg") {
    // A narrow one compares and stores only as many bits as it has.
    const expected = halves(
      typeof second === "bigint" ? BigInt.asUintN(8 * bytes, second) : second,
    );
    const expectedLow = bytes < 4 ? expected.low & (1 << 8 * bytes) - 1 : expected.low;
    return { ...access, ...halves(third), expectedLow, expectedHigh: expected.high };
  }
  const value = { ...access, ...stored(second, type) };
  if (kind === "wait") return { ...value, timesOut: BigInt(third) >= 0n };
  return operator ? { ...value, operator } : value;
}

/** Whether a step may change memory. */
export function writes(kind: StepKind): boolean {
  return kind === "store" || kind === "rmw" || kind === "cmpxchg" || kind === "fill" ||
    kind === "copy";
}
