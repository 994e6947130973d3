/**
 * What data structures need of an arena. They take these instead of an `Arena`, so that a test, or a
 * program with its own memory, can pass something else.
 *
 * @module
 */

/** Shared memory and plain views over it, for what reads and writes blocks that others allocated. */
export interface SharedMemory {
  /** The shared memory. */
  readonly memory: WebAssembly.Memory;
  /** The memory as unsigned words. */
  readonly u32: Uint32Array;
  /** The memory as signed words. */
  readonly i32: Int32Array;
  /** The memory as bytes. */
  readonly u8: Uint8Array;
  /** Whether guards are checked where they are used, as in an arena in debug mode. */
  readonly debug?: boolean;
}

/** Shared memory in which blocks are allocated. */
export interface BlockAllocator extends SharedMemory {
  /** Allocates a block, zeroed unless told otherwise; see `Arena.allocate`. */
  allocate(bytes: number, alignment?: number, zeroed?: boolean): number;
  /** Frees a block; see `Arena.free`. */
  free(offset: number): void;
}
