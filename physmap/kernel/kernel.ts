/**
 * The WebAssembly kernel of package physmap: lookups where a call costs less than the loop it saves.
 *
 * @module
 */

import { kernelLoader } from "@guestmem/rcu/internal";
import { KERNEL_BASE64 } from "./bytes.ts";

/**
 * The kernel's functions over one memory. Offsets come back signed: apply `>>> 0`. All of them give
 * 0 if no dispatch lies at the offset.
 */
export interface Kernel {
  /** The section that has an address. 0 as well if it is no integer from 0 to 2^53 - 1. */
  find(dispatch: number, address: number): number;
  /** {@linkcode Kernel.find} for an address in halves. */
  findAt(dispatch: number, high: number, low: number): number;
  /** The sections (u32 each) that have `count` addresses (u64 each); otherwise 1. */
  findAll(dispatch: number, addresses: number, results: number, count: number): number;
}

/**
 * The kernel over a shared memory of at most 65,536 pages, instantiated once in each context. Its
 * functions live as long as the memory.
 */
export const kernelOf: (memory: WebAssembly.Memory) => Kernel = kernelLoader(KERNEL_BASE64);
