/**
 * The program that runs blocks one after another. It enters a block by `mret`, in the block's privilege.
 * Traps are logged and skipped, but for the `ecall` that ends the block.
 *
 * @module
 */

import { assemble, type Line } from "../assembler.ts";
import { csr, i, MRET, r, s, SFENCE_VMA, u, WFI } from "../test_board.ts";
import { CONTROL, RECORD, TRAP_BYTES } from "./record.ts";

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
export function harness(): readonly number[] {
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
