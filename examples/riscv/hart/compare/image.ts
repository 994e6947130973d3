/**
 * A bare-metal image that runs blocks one after another and stores what each did: the harness in
 * front, then a record for each block with its registers before, its registers after and its buffer,
 * then the blocks' code. Blocks under translation have an address space each instead of buffer and code.
 *
 * The harness enters a block by `mret`, in the block's privilege. Traps are logged and skipped, but
 * for the `ecall` that ends the block.
 *
 * @module
 */

import { Random } from "../../../lib/random.ts";
import { assemble, type Line } from "../assembler.ts";
import { csr, ECALL, i, MRET, r, RAM, s, SFENCE_VMA, u, WFI } from "../test_board.ts";
import { AREA_BYTES, COMPARED_BYTES, makeAddressSpace } from "./address_space.ts";
import { BUFFER_BYTES, POINTERS, pointsAt, randomBlock } from "./block.ts";
import { DOUBLES, INTEGERS, randomValue, SINGLES } from "./values.ts";

/** Instructions of a block, without the `ecall` at its end. */
export const BLOCK_INSTRUCTIONS = 64;

/** A trap in the log: mcause, mepc, mtval. */
const TRAP_BYTES = 24;
/** A record: offsets of its parts. What lies from AFTER on is compared. */
const RECORD = (() => {
  const before = 0; // entry, mstatus, fcsr, then x1 to x31 and f0 to f31, satp
  const satp = 3 * 8 + 63 * 8;
  const after = satp + 8; // mstatus, fcsr, x1 to x31, f0 to f31
  const traps = after + 2 * 8 + 63 * 8; // the log's end, then its entries
  const buffer = traps + 8 + TRAP_BYTES * BLOCK_INSTRUCTIONS;
  return { before, satp, after, traps, buffer, size: buffer + BUFFER_BYTES };
})();
/** The most bytes of a block's code: an item of a block has two instructions now and then. */
export const BLOCK_BYTES = BLOCK_INSTRUCTIONS * 8 + 4;

/** Where the harness keeps its state: record, saved x30, saved x29, end of the log, the test finisher. */
const CONTROL = 0x800;
const RECORDS = 0x1000;
/** The test finisher: a store there ends the run. */
export const FINISHER = 0x100000n;

/** A program with what it takes to look at its results. */
export interface Image {
  readonly bytes: Uint8Array;
  readonly blocks: number;
  /** Offset of each block's code in the RAM. */
  readonly code: readonly number[];
  /** Offset of the address spaces, if the blocks run under translation. */
  readonly areas: number | undefined;
}

/** Blocks without translation in M, S and U mode, or under it in S and U mode and with MPRV. */
export type Translation = "bare" | "translated";

/** Makes the image of `blocks` random blocks of a seed, from the one numbered `first` on. */
export function makeImage(
  translation: Translation,
  seed: number,
  blocks: number,
  first = 0,
): Image {
  const translated = translation === "translated";
  const afterRecords = RECORDS + (blocks + 1) * RECORD.size;
  const start = translated ? Math.ceil(afterRecords / AREA_BYTES) * AREA_BYTES : afterRecords;
  const blockBytes = translated ? AREA_BYTES : BLOCK_BYTES;
  const bytes = new Uint8Array(start + blocks * blockBytes);
  const view = new DataView(bytes.buffer);
  harness().forEach((bits, index) => view.setUint32(index * 4, bits, true));
  view.setBigUint64(CONTROL, BigInt(RAM + RECORDS), true);
  view.setBigUint64(CONTROL + 24, BigInt(RAM + RECORDS + RECORD.traps + 8), true);
  view.setBigUint64(CONTROL + 32, FINISHER, true);
  const code = Array.from({ length: blocks }, (_, block) => {
    const random = new Random(seed, first + block);
    const record = RECORDS + block * RECORD.size, at = start + block * blockBytes;
    const place = translated ? pagedPlace(view, at, random) : barePlace(record, at, random);
    fillRecord(view, record, place, random);
    const made = randomBlock(random, BLOCK_INSTRUCTIONS, { translated, ...place });
    bytes.set(made, place.code);
    view.setUint32(place.code + made.length, ECALL, true);
    return place.code;
  });
  return { bytes, blocks, code, areas: translated ? start : undefined };
}

/** Where a block is and how it is entered. */
interface Place {
  /** Offset in RAM. */
  readonly code: number;
  readonly privilege: number;
  readonly mstatus: number;
  readonly satp: bigint;
  /** What a pointer register holds. */
  readonly pointer: (register: number) => bigint;
}

const FS = 0x6000, MPRV = 1 << 17;

function barePlace(record: number, code: number, random: Random): Place {
  const privilege = [3, 3, 1, 0][random.below(4)]!;
  const pointer = (register: number) => BigInt(RAM + record + RECORD.buffer + pointsAt(register));
  return { code, privilege, mstatus: FS | privilege << 11, satp: 0n, pointer };
}

/** Each pointer is where two of the four pages of data meet. In M mode MPRV lends the block U mode. */
function pagedPlace(view: DataView, area: number, random: Random): Place {
  const privilege = [1, 1, 0, 3][random.below(4)]!;
  const { satp, data, code } = makeAddressSpace(view, area, random, privilege !== 1);
  const pointer = (register: number) =>
    data +
    BigInt((POINTERS.indexOf(register) * 2 + 1) * 4096 + pointsAt(register) - BUFFER_BYTES / 2);
  const lent = privilege === 3 ? MPRV : 0;
  const mstatus = FS | lent | random.below(4) << 18 | privilege << 11; // SUM and MXR
  return { code, privilege, mstatus, satp, pointer };
}

/** The state before a block, and what its buffer holds. */
function fillRecord(view: DataView, record: number, place: Place, random: Random): void {
  view.setBigUint64(record, BigInt(RAM + place.code), true);
  view.setBigUint64(record + 8, BigInt(place.mstatus), true);
  view.setBigUint64(record + RECORD.satp, place.satp, true);
  view.setBigUint64(record + 16, BigInt(random.below(5) << 5 | random.below(32)), true);
  for (let register = 1; register < 32; register++) {
    const value = POINTERS.includes(register)
      ? place.pointer(register)
      : randomValue(random, INTEGERS);
    view.setBigUint64(record + 16 + register * 8, value, true);
  }
  for (let register = 0; register < 32; register++) {
    const value = random.once(2)
      ? randomValue(random, DOUBLES)
      : 0xffff_ffff_0000_0000n | randomValue(random, SINGLES);
    view.setBigUint64(record + 272 + register * 8, value, true);
  }
  for (let at = 0; at < BUFFER_BYTES; at += 8) {
    const value = randomValue(random, [INTEGERS, DOUBLES][random.below(2)]!);
    view.setBigUint64(record + RECORD.buffer + at, value, true);
  }
}

/**
 * What a block left: mstatus, fcsr, x1 to x31, f0 to f31, the log with its end, and the buffer; then its
 * page tables and their data.
 */
export function resultOf({ areas }: Image, ram: Uint8Array, block: number): readonly Uint8Array[] {
  const record = RECORDS + block * RECORD.size;
  const registers = ram.subarray(record + RECORD.after, record + RECORD.size);
  if (areas === undefined) return [registers];
  const area = areas + block * AREA_BYTES;
  return [registers, ram.subarray(area, area + COMPARED_BYTES)];
}

/** Names the 64-bit word at an offset of a part of a result. */
export function nameOf(part: number, offset: number): string {
  if (part === 1) return `the word at ${offset.toString(16)} of the tables and their data`;
  const index = offset >>> 3;
  if (index < 2) return ["mstatus", "fcsr"][index]!;
  if (index < 33) return `x${index - 1}`;
  if (index < 65) return `f${index - 33}`;
  const trap = offset - (RECORD.traps - RECORD.after);
  if (trap < 8) return "number of traps";
  if (trap < 8 + TRAP_BYTES * BLOCK_INSTRUCTIONS) {
    const word = (trap - 8) >>> 3;
    return `${["mcause", "mepc", "mtval"][word % 3]} of trap ${Math.floor(word / 3)}`;
  }
  return `buffer + ${trap - 8 - TRAP_BYTES * BLOCK_INSTRUCTIONS}`;
}

// ---- the harness ------------------------------------------------------------------------------

const MSTATUS = 0x300, MTVEC = 0x305, MSCRATCH = 0x340, MEPC = 0x341, MCAUSE = 0x342, MTVAL = 0x343;
const MHARTID = 0xf14, FCSR = 3, SATP = 0x180, PMPCFG0 = 0x3a0, PMPADDR0 = 0x3b0;
const LOAD = 3, LHU = 5;

function ld(rd: number, offset: number, base: number): number {
  return i(LOAD, 3, rd, base, offset);
}
function sd(rs: number, offset: number, base: number): number {
  return s(0x23, 3, base, rs, offset);
}
function fld(rd: number, offset: number, base: number): number {
  return i(0x07, 3, rd, base, offset);
}
function fsd(rs: number, offset: number, base: number): number {
  return s(0x27, 3, base, rs, offset);
}
function write(number: number, rs: number): number {
  return csr(1, 0, number, rs);
}
function read(rd: number, number: number): number {
  return csr(2, rd, number, 0);
}
function addi(rd: number, rs: number, value: number): number {
  return i(0x13, 0, rd, rs, value);
}

/** The harness's instructions. Registers 29 to 31 are its own once a trap has saved them. */
function harness(): readonly number[] {
  const lines: Line[] = [
    ...control(31, 0),
    read(30, MHARTID),
    { branch: "run by hart 0", bits: i(0x63, 0, 0, 30, 0) },
    { label: "sleep" },
    WFI,
    { branch: "sleep", bits: i(0x63, 0, 0, 0, 0) },
    { label: "run by hart 0" },
    addi(30, 31, -CONTROL + HANDLER),
    write(MTVEC, 30),
    addi(30, 0, -1),
    write(PMPADDR0, 30),
    addi(30, 0, 0x1f),
    write(PMPCFG0, 30),
    { label: "next" },
    ld(30, 0, 31),
    ld(29, 0, 30),
    { branch: "run", bits: i(0x63, 1, 0, 29, 0) },
    ld(29, 32, 31),
    ...u32(28, 0x5555),
    s(0x23, 2, 29, 28, 0),
    { branch: "next", bits: i(0x63, 0, 0, 0, 0) },
    { label: "run" },
    write(MEPC, 29),
    ld(29, 8, 30),
    write(MSTATUS, 29),
    ld(29, 16, 30),
    write(FCSR, 29),
    ld(29, RECORD.satp, 30),
    write(SATP, 29),
    SFENCE_VMA,
    write(MSCRATCH, 31),
    ...all(32, (register) => fld(register, 272 + register * 8, 30)),
    ...all(
      32,
      (register) => register && register !== 30 ? ld(register, 16 + register * 8, 30) : [],
    ),
    ld(30, 16 + 240, 30),
    MRET,
    { label: "handler" },
    csr(1, 31, MSCRATCH, 31),
    sd(30, 8, 31),
    sd(29, 16, 31),
    read(30, MCAUSE),
    addi(29, 30, -8),
    i(0x13, 3, 29, 29, 4),
    { branch: "end", bits: i(0x63, 1, 0, 29, 0) },
    ld(29, 24, 31),
    sd(30, 0, 29),
    read(30, MEPC),
    sd(30, 8, 29),
    read(30, MTVAL),
    sd(30, 16, 29),
    addi(29, 29, TRAP_BYTES),
    sd(29, 24, 31),
    // Skips 2 bytes, or 4 if the low bits of the instruction are both set.
    read(29, MEPC),
    i(LOAD, LHU, 30, 29, 0),
    i(0x13, 7, 30, 30, 3),
    addi(30, 30, -3),
    i(0x13, 3, 30, 30, 1),
    i(0x13, 1, 30, 30, 1),
    r(0x33, 0, 0, 29, 29, 30),
    addi(29, 29, 2),
    write(MEPC, 29),
    ld(29, 16, 31),
    ld(30, 8, 31),
    csr(1, 31, MSCRATCH, 31),
    MRET,
    { label: "end" },
    ld(29, 0, 31),
    addi(29, 29, RECORD.after),
    ...all(29, (register) => register ? sd(register, 8 + register * 8, 29) : []),
    ld(30, 16, 31),
    sd(30, 8 + 29 * 8, 29),
    ld(30, 8, 31),
    sd(30, 8 + 30 * 8, 29),
    read(30, MSCRATCH),
    sd(30, 8 + 31 * 8, 29),
    ...all(32, (register) => fsd(register, 264 + register * 8, 29)),
    read(30, MSTATUS),
    sd(30, 0, 29),
    read(30, FCSR),
    sd(30, 8, 29),
    ld(30, 24, 31),
    sd(30, RECORD.traps - RECORD.after, 29),
    // The next record, and its log.
    ...u32(28, RECORD.size),
    ld(29, 0, 31),
    r(0x33, 0, 0, 29, 29, 28),
    sd(29, 0, 31),
    ...u32(28, RECORD.traps + 8),
    r(0x33, 0, 0, 29, 29, 28),
    sd(29, 24, 31),
    { branch: "next", bits: i(0x63, 0, 0, 0, 0) },
  ];
  const { code, labels } = assemble(lines);
  if (labels.get("handler") !== HANDLER) {
    throw new Error(`Put HANDLER at ${labels.get("handler")}: it is ${HANDLER}`);
  }
  return code;
}

/** The handler's place. */
const HANDLER = 372;

function all(count: number, make: (index: number) => number | []): Line[] {
  return Array.from({ length: count }, (_, index) => make(index)).flat();
}

/** Loads a small constant. */
function u32(rd: number, value: number): number[] {
  const low = value << 20 >> 20;
  return [u(0x37, rd, value - low), addi(rd, rd, low)];
}

/** The address of CONTROL, from the instruction at `at`. */
function control(rd: number, at: number): number[] {
  return [u(0x17, rd, 0x1000), addi(rd, rd, CONTROL - 0x1000 - at)];
}
