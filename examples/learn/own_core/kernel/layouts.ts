/**
 * What lies in the core's area: its registers, the access that it waits for, and its TLB. One worker
 * uses them, with plain accesses.
 *
 * @module
 */

import { VIRTUAL_TLB_BYTES } from "@guestmem/flatview/vcpu";
import { aligned, array, bytes, CACHE_LINE, defineLayout } from "@guestmem/rcu/layout";

/** The core. */
export const CORE = defineLayout({
  x: array("u64", 16),
  /** Address of the next instruction. */
  pc: "u64",
  /** The access that ended a slice: its address, its register, and the value of a store. */
  address: "u64",
  value: "u64",
  register: "u32",
  tlb: aligned(CACHE_LINE, bytes(VIRTUAL_TLB_BYTES)),
});

/** The instructions: 8 bits of operation, two registers a and b of 4 bits, an immediate of 16. */
export const OP = {
  /** a = immediate */
  SET: 0,
  /** a = b << immediate */
  SHIFT: 1,
  /** a = b + immediate */
  ADD: 2,
  /** a = the eight bytes at b + immediate */
  LOAD: 3,
  /** the eight bytes at b + immediate = a */
  STORE: 4,
  /** unless a = b: on at pc + immediate */
  BRANCH: 5,
  /** Waits for an interrupt. */
  WAIT: 6,
} as const;

/** What `resolve` is asked for. */
export const ACCESS = { LOAD: 0, STORE: 1 } as const;

/** Why a slice ended. */
export const EXIT = { BUDGET: 0, LOAD: 1, STORE: 2, WAIT: 3, FAULT: 4 } as const;
