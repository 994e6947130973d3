/**
 * A board for tests of privileged state: traps, page tables and memory protection.
 *
 * @module
 */

import { Board, csr, i, MRET, RAM, s } from "./test_board.ts";

export const MSTATUS = 0x300, SATP = 0x180;
export const HANDLER = BigInt(RAM + 0x800);
export const NOP = 0x13;
export const ALL = 2n ** 64n - 1n;
export const SV39 = 8n << 60n;
/** Page-table bits. */
export const V = 1n, R = 2n, W = 4n, X = 8n, U = 16n, A = 64n, D = 128n;

/** A board whose traps go to HANDLER in M mode, and that lets S and U reach all memory. */
export function board(): Board {
  const result = new Board();
  result.hart.set("mtvec", HANDLER);
  result.program(new Array(16).fill(NOP), 0x800);
  writeCsr(result, 0x3b0, ALL);
  writeCsr(result, 0x3a0, 0x1fn);
  return result;
}

/** Writes a CSR by an instruction. */
export function writeCsr(board: Board, number: number, value: bigint): void {
  board.hart.setX(5, value);
  board.runProgram([csr(1, 0, number, 5)]);
}

export function readCsr(board: Board, number: number): bigint {
  board.runProgram([csr(2, 6, number, 0)]);
  return board.hart.x(6);
}

/** Runs a program at RAM in a privilege. */
export function runAs(board: Board, privilege: number, words: readonly number[]): number {
  const { hart } = board;
  hart.set("mstatus", hart.get("mstatus") & ~0x1800n | BigInt(privilege) << 11n);
  hart.set("mepc", BigInt(RAM));
  hart.set("privilege", 3);
  board.program(words);
  board.program([MRET], 0x700);
  hart.flush();
  hart.set("pc", BigInt(RAM + 0x700));
  hart.run(1);
  return hart.run(words.length);
}

/** Cause, value and address of the trap taken last in M. */
export function trapOf({ hart }: Board): [bigint, bigint, bigint] {
  return [hart.get("mcause"), hart.get("mtval"), hart.get("mepc") - BigInt(RAM)];
}

/** Maps virtual page 0x40000000 with a table at RAM + 0x10000; returns the leaf's offset. */
export function mapPage(it: Board, leaf: bigint, mode = SV39): number {
  const levels = mode === SV39 ? [1, 0, 0] : [0, 1, 0, 0];
  levels.forEach((index, depth) => {
    const isLeaf = depth === levels.length - 1;
    const next = BigInt(RAM + 0x11000 + depth * 0x1000) >> 2n;
    it.view.setBigUint64(0x10000 + depth * 0x1000 + index * 8, isLeaf ? leaf : next | V, true);
  });
  // Code runs from an identity mapping of 1 GiB, or of 512 GiB's first part.
  const identity = BigInt(RAM) >> 2n | V | R | X | A;
  it.view.setBigUint64(0x10000 + (mode === SV39 ? 0 : 0x1000) + 2 * 8, identity, true);
  writeCsr(it, SATP, mode | BigInt(RAM + 0x10000) >> 12n);
  return 0x10000 + (levels.length - 1) * 0x1000;
}

/** A leaf's bits that map a page at RAM + 0x20000. */
export const PAGE = BigInt(RAM + 0x20000) >> 2n;
/** A load and a store of 8 bytes at x5 + 8. */
export const LD = i(0x03, 3, 6, 5, 8), SD = s(0x23, 3, 5, 7, 8);
