/**
 * What updaters of data structures need of a domain.
 *
 * @module
 */

/** Narrow interface of a domain for those who update data structures. */
export interface Reclaimer {
  /** Runs `run` in this context after a grace period; see `RcuDomain.callRcu`. */
  callRcu(run: () => void): void;
  /** Frees an arena block after a grace period; see `RcuDomain.deferFree`. */
  deferFree(block: number): void;
}
