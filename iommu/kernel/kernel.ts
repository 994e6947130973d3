/**
 * The WebAssembly kernel of package iommu: the walk of a mapping table.
 *
 * @module
 */

import { kernelLoader } from "@guestmem/rcu/internal";
import { KERNEL_BASE64 } from "./bytes.ts";

/** The kernel's functions over one memory. */
export interface Kernel {
  /** Finds the leaf that maps a page: returns its level, or -1. */
  walk(table: number, page: number): number;
  /** The first page that the last found leaf maps to. */
  targetPage(): number;
  /** The permissions of the last found leaf: 1 read, 2 write, 3 both. */
  permissions(): number;
}

/**
 * The kernel over a shared memory of at most 65,536 pages, instantiated once in each context. Its
 * functions live as long as the memory.
 */
export const kernelOf: (memory: WebAssembly.Memory) => Kernel = kernelLoader(KERNEL_BASE64);
