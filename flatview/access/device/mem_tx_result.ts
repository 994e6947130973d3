/** Result of an access. Bits: an access of several pieces ORs the results of its pieces. */
export const MemTxResult = {
  /** The access succeeded. */
  OK: 0,
  /** The device failed: it threw, its context ended, or no callbacks are bound to it. */
  ERROR: 1,
  /** Nothing answers at the address, or not to an access of this kind. A read gives zeros. */
  DECODE_ERROR: 2,
  /** Refused: the access would enter a device again whose callback is still running. */
  ACCESS_ERROR: 4,
} as const;

/** {@linkcode MemTxResult.OK}, or an OR of the others. */
export type MemTxResult = number;

/** Internal result: the map changed before the access reached its region. Translate again. */
export const RETRY = 0x100;
