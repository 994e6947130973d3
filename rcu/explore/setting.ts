/**
 * The memory of rcu's explorations: a domain with two reader slots, a cell that points at one of three
 * blocks, and a few words of the programs' own.
 *
 * @module
 */

import { type Block, calls, decodeKernel, nameWords, type Program } from "#tools/explorer/mod.ts";
import { KERNEL_BASE64 } from "../kernel/bytes.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { DOMAIN, SLOT, SRCU_SLOT } from "../kernel/layouts.ts";

/** The three kinds of reader: two flavours of RCU, and SRCU. */
export type Flavour = "memb" | "qsbr" | "srcu";

/** The kernel that is explored. */
export const kernel = decodeKernel(KERNEL_BASE64);

/** Its functions, as steps. */
export const k = calls<Kernel>(kernel);

/** Address of the domain: slot 1 lies at 2^31, where signed and unsigned addresses part. */
export const D = 2 ** 31 - DOMAIN.size - SLOT.size;
/** Addresses of the reader slots. */
export const SLOTS = [D + DOMAIN.size, D + DOMAIN.size + SLOT.size] as const;
/** Tokens of the contexts that own the slots at the start. */
export const TOKENS = [0x8000_0005, 6] as const;
/** The futex word of sleeping updaters. */
export const EVENT = DOMAIN.event.at(D);
/** The cell that readers dereference. */
export const CELL = D + DOMAIN.size + 2 * SLOT.size;
/** Blocks by name; the cell points at `old` at first. */
export const BLOCK = { old: CELL + 8, other: CELL + 16, third: CELL + 24 } as const;
/** A word that programs use as they like. */
export const FLAG = CELL + 32;
/** Bytes of the memory. */
const BYTES = CELL + 40 - D;

/** The blocks, for programs that free them. */
export const blocks: Readonly<Record<string, Block>> = {
  old: { at: BLOCK.old, bytes: 8 },
  other: { at: BLOCK.other, bytes: 8, free: true },
  third: { at: BLOCK.third, bytes: 8, free: true },
};

/** What tells the kernel that slots count SRCU sections. */
export function isSrcu(flavour: Flavour): number {
  return flavour === "srcu" ? 1 : 0;
}

/** The counters of a domain at the start. */
const START: Readonly<Record<Flavour, number>> = { memb: 1, qsbr: 1, srcu: 0 };

/** What every program over a domain has: the kernel, the memory and its names. */
export function setting(flavour: Flavour, start = START[flavour]): Omit<Program, "threads"> {
  const srcu = flavour === "srcu";
  const slots = SLOTS.flatMap((at, index) => {
    const slot = [`SLOT[${index}]`, SLOT, at] as const;
    return srcu ? [[`SRCU_SLOT[${index}]`, SRCU_SLOT, at] as const, slot] : [slot];
  });
  return {
    kernel,
    bytes: BYTES,
    origin: D,
    setUp: ({ u32 }) => {
      DOMAIN.gpCtr.set(u32, 0, start);
      DOMAIN.gpDone.set(u32, 0, start);
      DOMAIN.slotLimit.set(u32, 0, SLOTS.length);
      DOMAIN.slotsUsed.set(u32, 0, SLOTS.length);
      // Where a scan that begins too early would look for an owner: blocks are deferred.
      u32[DOMAIN.limbo.offset / 4] = 1;
      SLOTS.forEach((slot, index) => SLOT.owner.set(u32, slot - D, TOKENS[index]!));
      u32[(CELL - D) / 4] = BLOCK.old;
      u32[(BLOCK.old - D) / 4] = 1;
    },
    nameOf: nameWords([
      ...slots,
      ["DOMAIN", DOMAIN, D],
      ["cell", 4, CELL],
      ["old", 8, BLOCK.old],
      ["other", 8, BLOCK.other],
      ["third", 8, BLOCK.third],
      ["flag", 4, FLAG],
    ]),
  };
}
