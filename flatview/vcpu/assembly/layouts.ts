/**
 * What `virtual_tlb.as.ts` keeps in a core's memory. `deno task kernel` makes its constants from what
 * this module exports.
 *
 * @module
 */

import { bytes, defineLayout } from "@guestmem/rcu/layout";

/**
 * An entry. A tag is the virtual address of a page, with the epoch in bits 3 to 11; or all ones, which
 * match no access.
 */
export const VIRTUAL_TLB_ENTRY = defineLayout({
  /** Tag for loads. */
  read: "u64",
  /** Tag for stores. */
  write: "u64",
  /** What to add to the low 32 bits of a virtual address: gives the address in the core's memory. */
  addend: "u32",
  /** Free for the core's use; fills the entry to 32 bytes. */
  free: bytes(12),
});

/** Entries of a table: a power of two. */
export const VIRTUAL_TLB_ENTRIES = 1024;

/** Bytes of a table of `virtual_tlb.as.ts`, which lies at a multiple of 8. */
export const VIRTUAL_TLB_BYTES: number = VIRTUAL_TLB_ENTRIES * VIRTUAL_TLB_ENTRY.size;
