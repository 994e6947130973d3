/**
 * The proof of an open read-side section, and who gives it out.
 *
 * @module
 */

/**
 * Proof that its holder is inside a read-side section; whatever reads RCU-protected data asks for
 * it. Release it with `unlock()` or by `using`, innermost first, exactly once.
 */
export interface ReadGuard {
  /**
   * Whether the section is still open. Guards of RCU sections are reused: outside debug mode, one kept
   * past its section reports on the section that was entered at the same depth since.
   */
  readonly open: boolean;
  /**
   * Leaves the section. Nothing dereferenced inside it may be used afterwards.
   *
   * @throws {RcuError} `SECTION_ORDER`: the section is not the innermost open one. Nothing changes.
   */
  unlock(): void;
  /** The same as `unlock()`, for `using`. */
  [Symbol.dispose](): void;
}

/** Narrow interface of a reader, for code that only enters sections. RCU and SRCU readers have it. */
export interface ReadLock {
  /** How many sections are open. */
  readonly openSections: number;
  /**
   * Enters a read-side section.
   *
   * @returns The guard that ends it, valid until then.
   */
  lock(): ReadGuard;
}
