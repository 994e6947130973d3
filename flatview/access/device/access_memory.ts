import type { ReaderMemory } from "../../view/view_memory.ts";

/** The shared memory in which a worker accesses what a topology published: an `Arena`. */
export interface AccessMemory extends ReaderMemory {
  /** Token of this context. */
  readonly token: number;
}
