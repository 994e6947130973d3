/**
 * What became of an access. Bits, since an access of several pieces adds up what became of each.
 */
export const MemTxResult = {
  /** It was done. */
  OK: 0,
  /** The device failed: it threw, its context ended, or nobody has bound its callbacks. */
  ERROR: 1,
  /** Nothing answers there, or not to such an access. A read gives zeros. */
  DECODE_ERROR: 2,
  /** The access was refused: the device was entered again through its own memory. */
  ACCESS_ERROR: 4,
} as const;

/** {@linkcode MemTxResult.OK}, or an OR of the others. */
export type MemTxResult = number;
