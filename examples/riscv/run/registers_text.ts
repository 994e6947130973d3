/**
 * The text of `info registers`, as QEMU 7.2 prints it.
 *
 * @module
 */

import type { HartState, HartWord } from "../hart/hart.ts";

const WORDS = [
  ...["pc", "mhartid", "mstatus", "mip", "mie", "mideleg", "medeleg", "mtvec", "stvec", "mepc"],
  ...["sepc", "mcause", "scause", "mtval", "stval", "mscratch", "sscratch", "satp"],
] as const;
const X_NAMES = [
  ...["zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4"],
  ...["a5", "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11"],
  ...["t3", "t4", "t5", "t6"],
];
const F_NAMES = [
  ...["ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2"],
  ...["fa3", "fa4", "fa5", "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9"],
  ...["fs10", "fs11", "ft8", "ft9", "ft10", "ft11"],
];
/** The lengths of `sstatus`'s and `uxl`'s fields, which the state does not keep: both are 64 bits. */
const XL = 0xa00000000n;

/** The registers of a hart that is paused. */
export function registersText(hart: number, state: HartState): string {
  const lines = WORDS.map((name) => ` ${name.padEnd(8)} ${hex(valueOf(state, name))}`);
  const registers = (prefix: string, names: readonly string[], value: (n: number) => bigint) =>
    rows(names.map((name, n) => ` ${`${prefix}${n}/${name}`.padEnd(8)} ${hex(value(n))}`));
  return [
    "",
    `CPU#${hart}`,
    ...lines,
    ...registers("x", X_NAMES, (n) => state.x(n)),
    ...registers("f", F_NAMES, (n) => state.f(n)),
  ].join("\n");
}

function valueOf(state: HartState, name: typeof WORDS[number]): bigint {
  if (name === "mip") return BigInt(state.get("lines") >>> 0) | state.get("softwareInterrupts");
  const value = state.get(name satisfies HartWord);
  return name === "mstatus" ? value | XL : value;
}

/** Four to a line. */
function rows(cells: readonly string[]): string[] {
  const lines: string[] = [];
  for (let at = 0; at < cells.length; at += 4) lines.push(cells.slice(at, at + 4).join(""));
  return lines;
}

function hex(value: bigint): string {
  return value.toString(16).padStart(16, "0");
}
