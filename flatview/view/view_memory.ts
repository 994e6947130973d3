import type { BlockAllocator, SharedMemory } from "@guestmem/rcu";

/** The shared memory in which readers find what a topology published: an `Arena`. */
export interface ReaderMemory extends SharedMemory {
  /** Its `id` says whether a handle belongs to this memory. */
  readonly handle: { readonly id: string };
}

/** The shared memory in which a topology publishes: an `Arena`. */
export interface ViewMemory extends ReaderMemory, BlockAllocator {
  /** Token of this context. */
  readonly token: number;
}

/** What defers the end of views and regions: an `RcuDomain`. */
export interface ViewReclaimer {
  /** Runs a function in this context after a grace period. */
  callRcu(run: () => void): void;
  /** Blocks until what was queued has run. */
  barrier(): void;
}
