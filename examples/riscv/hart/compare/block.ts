/**
 * Random blocks of instructions that end: branches go forward, memory is reached by two registers
 * that no instruction writes, and whatever traps is skipped by the image's handler.
 *
 * Blocks under translation have in addition accesses across pages and changes of mstatus, and no SC: one
 * that fails may or may not raise the fault of its address, and QEMU 7.2 raises none.
 *
 * @module
 */

import type { Random } from "../../../lib/random.ts";
import { branch, csr, i, jal, r, s, u } from "../test_board.ts";
import {
  ATOMICS,
  CSRS,
  FLOATS,
  FUSED,
  IMMEDIATES,
  LOADS,
  LR,
  REGISTERS,
  ROUNDING,
  SC,
  SHIFTS,
  STORES,
  UNARY,
} from "./encodings.ts";

/** Whether a block runs under translation, and in which privilege it starts: 0 U, 1 S, 3 M. */
export interface BlockKind {
  readonly translated: boolean;
  readonly privilege: number;
}

/** Registers that point into the block's buffer: each is the base of some compressed instructions. */
export const POINTERS: readonly number[] = [2, 8];
/** Bytes of the buffer. */
export const BUFFER_BYTES = 512;
/** Where in the buffer a pointer points. */
export function pointsAt(pointer: number): number {
  return BUFFER_BYTES / 2 + (pointer === 2 ? 8 : 0);
}

/** An instruction: its length, and its bits once the block's layout is known. */
interface Item {
  readonly length: 2 | 4 | 8;
  /** For a jump over that many items: encodes a distance in bytes. */
  readonly jump?: (distance: number) => number;
  readonly over?: number;
  readonly bits?: number;
  /** The second instruction of two that nothing jumps between. */
  readonly then?: number;
}

/** Draws the bytes of a block of `count` instructions. */
export function randomBlock(random: Random, count: number, kind: BlockKind): Uint8Array {
  const kinds = kind.translated
    ? TRANSLATED[kind.privilege === 3 ? "machine" : "supervisor"]
    : BARE;
  const items = Array.from({ length: count }, () => pick(random, kinds)(random));
  const starts = [0];
  for (const { length } of items) starts.push(starts.at(-1)! + length);
  const bytes = new Uint8Array(starts.at(-1)!);
  const view = new DataView(bytes.buffer);
  items.forEach((item, index) => {
    const to = starts[Math.min(index + 1 + (item.over ?? 0), count)]!;
    const bits = item.jump ? item.jump(to - starts[index]!) : item.bits!;
    if (item.length === 2) view.setUint16(starts[index]!, bits, true);
    else view.setUint32(starts[index]!, bits, true);
    if (item.then !== undefined) view.setUint32(starts[index]! + 4, item.then, true);
  });
  return bytes;
}

type Kind = (random: Random) => Item;

/** What blocks with and without translation have. */
const COMMON: readonly Kind[] = [
  registers,
  registers,
  immediate,
  immediate,
  memory,
  memory,
  floating,
  floating,
  floating,
  fused,
  compressed,
  compressed,
  compressed,
  jump,
  csrAccess,
  rare,
];
const BARE: readonly Kind[] = [...COMMON, atomic];
/** U mode gets what S mode gets: its changes of sstatus trap. */
const PAGED: readonly Kind[] = [...COMMON, memory, memory, across, withoutSc];
const TRANSLATED = {
  supervisor: [...PAGED, (random: Random) => status(random, SSTATUS)],
  machine: [...PAGED, (random: Random) => status(random, MSTATUS)],
};

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)]!;
}

/** A register that may be written. */
function target(random: Random): number {
  const register = random.below(32);
  return POINTERS.includes(register) ? 0 : register;
}

function word(bits: number): Item {
  return { length: 4, bits: bits >>> 0 };
}

function registers(random: Random): Item {
  if (random.once(6)) {
    return word(pick(random, UNARY) | target(random) << 7 | random.below(32) << 15);
  }
  const sources = random.below(32) << 15 | random.below(32) << 20;
  return word(pick(random, REGISTERS) | target(random) << 7 | sources);
}

function immediate(random: Random): Item {
  const fields = target(random) << 7 | random.below(32) << 15;
  if (random.once(3)) {
    const [bits, width] = pick(random, SHIFTS);
    return word(bits | fields | random.below(1 << width) << 20);
  }
  if (random.once(8)) {
    return word(u(pick(random, [0x37, 0x17]), target(random), random.below(2 ** 32)));
  }
  return word(pick(random, IMMEDIATES) | fields | random.below(4096) << 20);
}

/** An offset within the buffer, seldom misaligned. */
function offset(random: Random, size: number): number {
  const bytes = random.below(BUFFER_BYTES - 16) - BUFFER_BYTES / 2;
  return random.once(8) ? bytes : bytes & -size;
}

function memory(random: Random): Item {
  const pointer = pick(random, POINTERS);
  if (random.once(2)) {
    const [bits, size] = pick(random, STORES);
    return word(bits | s(0, 0, pointer, random.below(32), offset(random, size) & 0xfff));
  }
  const [bits, size] = pick(random, LOADS);
  const rd = (bits & 0x7f) === 7 ? random.below(32) : target(random);
  return word(bits | i(0, 0, rd, pointer, offset(random, size)));
}

/** A load or store of which part is behind the page that a pointer is at the start of. */
function across(random: Random): Item {
  const pointer = pick(random, POINTERS), isStore = random.once(2);
  const [bits, size] = pick(random, isStore ? STORES : LOADS);
  const at = BUFFER_BYTES / 2 - pointsAt(pointer) - 1 - random.below(Math.max(size - 1, 1));
  if (isStore) return word(bits | s(0, 0, pointer, random.below(32), at & 0xfff));
  const rd = (bits & 0x7f) === 7 ? random.below(32) : target(random);
  return word(bits | i(0, 0, rd, pointer, at));
}

const SSTATUS = 0x100, MSTATUS = 0x300;

/**
 * Sets or clears SUM, MXR or both, in two instructions. MPRV and MPP stay: an address of the data
 * means nothing without translation.
 */
function status(random: Random, register: number): Item {
  const rd = target(random), mask = random.below(4) << 18;
  return { length: 8, bits: u(0x37, rd, mask), then: csr(2 + random.below(2), 0, register, rd) };
}

function withoutSc(random: Random): Item {
  for (;;) {
    const item = atomic(random);
    if (item.bits! >>> 27 !== SC) return item;
  }
}

/**
 * Atomics have no offset: they take what a pointer points at. LR and SC of a pointer have one size,
 * since QEMU 7.2 may store and yet report a failure if they differ.
 */
function atomic(random: Random): Item {
  const funct5 = pick(random, ATOMICS), pointer = pick(random, POINTERS);
  const rs2 = funct5 === LR ? 0 : random.below(32);
  const size = funct5 === LR || funct5 === SC ? POINTERS.indexOf(pointer) : random.below(2);
  const funct7 = funct5 << 2 | random.below(4);
  return word(r(0x2f, 2 + size, funct7, target(random), pointer, rs2));
}

function floating(random: Random): Item {
  const { bits, rs2, rounding } = pick(random, FLOATS);
  // To an integer register: comparisons, classes, conversions and moves.
  const toInteger = [0x50, 0x60, 0x70].includes(bits >>> 25 & 0x7e);
  const rd = toInteger ? target(random) : random.below(32);
  const mode = rounding ? pick(random, ROUNDING) << 12 : 0;
  return word(bits | rd << 7 | random.below(32) << 15 | (rs2 ? random.below(32) << 20 : 0) | mode);
}

function fused(random: Random): Item {
  const format = random.below(2), rs3 = random.below(32);
  const [rd, rs1, rs2] = [random.below(32), random.below(32), random.below(32)];
  return word(r(pick(random, FUSED), pick(random, ROUNDING), rs3 << 2 | format, rd, rs1, rs2));
}

function csrAccess(random: Random): Item {
  const operation = pick(random, [1, 2, 3, 5, 6, 7]);
  return word(csr(operation, target(random), pick(random, CSRS), random.below(32)));
}

function jump(random: Random): Item {
  const over = random.below(6), a = random.below(32), b = random.below(32);
  const rd = target(random);
  if (random.once(4)) return { length: 4, over, jump: (distance) => jal(rd, distance) };
  if (random.once(4)) {
    const bits = 0xa001; // c.j
    return { length: 2, over, jump: (distance) => bits | jumpBits(distance) };
  }
  if (random.once(3)) {
    const bits = pick(random, [0xc001, 0xe001]) | (a & 7) << 7; // c.beqz, c.bnez
    return { length: 2, over, jump: (distance) => bits | branchBits(distance) };
  }
  const funct3 = pick(random, [0, 1, 4, 5, 6, 7]);
  return { length: 4, over, jump: (distance) => branch(funct3, a, b, distance) };
}

/** The distance fields of c.j. */
function jumpBits(distance: number): number {
  const bit = (from: number, to: number) => (distance >> from & 1) << to;
  return bit(11, 12) | bit(4, 11) | (distance >> 8 & 3) << 9 | bit(10, 8) | bit(6, 7) | bit(7, 6) |
    (distance >> 1 & 7) << 3 | bit(5, 2);
}

/** The distance fields of c.beqz. */
function branchBits(distance: number): number {
  return (distance >> 8 & 1) << 12 | (distance >> 3 & 3) << 10 | (distance >> 6 & 3) << 5 |
    (distance >> 1 & 3) << 3 | (distance >> 5 & 1) << 2;
}

/** Compressed instructions: any encoding that jumps nowhere, writes no pointer and stays in the buffer. */
function compressed(random: Random): Item {
  for (;;) {
    const bits = random.below(1 << 16);
    if ((bits & 3) !== 3 && isTame(bits)) return { length: 2, bits };
  }
}

function isTame(bits: number): boolean {
  const rd = bits >> 7 & 31, funct3 = bits >> 13;
  const short = 8 + (bits >> 2 & 7), shortTarget = 8 + (bits >> 7 & 7);
  switch (bits & 3) {
    case 0:
      if (funct3 === 0) return !POINTERS.includes(short);
      // Loads and stores: through the pointer, and no integer into it.
      return shortTarget === 8 && !([2, 3].includes(funct3) && short === 8);
    case 1:
      if (funct3 >= 5) return false;
      return !POINTERS.includes(funct3 === 4 ? shortTarget : rd);
    default:
      if (funct3 === 4) return (bits >> 2 & 31) !== 0 && !POINTERS.includes(rd);
      if (funct3 >= 5) return isNearStack(bits);
      if (funct3 === 0) return !POINTERS.includes(rd);
      return isNearStack(bits) && (funct3 === 1 || !POINTERS.includes(rd));
  }
}

/** Whether an access by sp stays in the buffer: the high bits of its offset are zero. */
function isNearStack(bits: number): boolean {
  return bits >> 13 >= 5 ? (bits >> 7 & 7) === 0 : (bits & 0x1c) === 0;
}

/** What is seldom worth more than a line: fences, `sfence.vma`, `ebreak`, bits at random. */
function rare(random: Random): Item {
  if (random.once(4)) return { length: 2, bits: 0x9002 };
  return word(pick(random, [0x0ff0000f, 0x0000100f, 0x12000073, 0x00100073, 0, 0xffffffff]));
}
