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
  /**
   * The row of the section that has an address. If subpages are not resolved, a page that several
   * sections share gives its container. 0 as well if the address is no integer from 0 to 2^53 - 1.
   */
  find(dispatch: number, address: number, resolveSubpage: boolean): number;
  /** {@linkcode Kernel.find} for an address in halves. */
  findAt(dispatch: number, high: number, low: number, resolveSubpage: boolean): number;
  /** The rows (u32 each) of the sections that have `count` addresses (u64 each); otherwise 1. */
  findAll(dispatch: number, addresses: number, results: number, count: number): number;
}

/**
 * The kernel over a shared memory of at most 65,536 pages, instantiated once in each context. Its
 * functions live as long as the memory.
 */
export const kernelOf: (memory: WebAssembly.Memory) => Kernel = kernelLoader(KERNEL_BASE64);
