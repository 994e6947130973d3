/**
 * What lies where in an image: the harness's state, then a record for each block.
 *
 * @module
 */

import { BUFFER_BYTES } from "./block.ts";

/** Instructions of a block, without the `ecall` at its end. */
export const BLOCK_INSTRUCTIONS = 64;

/** A trap in the log: mcause, mepc, mtval. */
export const TRAP_BYTES = 24;
/** A record: offsets of its parts. What lies from AFTER on is compared. */
export const RECORD = (() => {
  const before = 0; // entry, mstatus, fcsr, then x1 to x31 and f0 to f31, satp
  const satp = 3 * 8 + 63 * 8;
  const after = satp + 8; // mstatus, fcsr, x1 to x31, f0 to f31
  const traps = after + 2 * 8 + 63 * 8; // the log's end, then its entries
  const buffer = traps + 8 + TRAP_BYTES * BLOCK_INSTRUCTIONS;
  return { before, satp, after, traps, buffer, size: buffer + BUFFER_BYTES };
})();
/** The most bytes of a block's code: an item of a block has two instructions now and then. */
export const BLOCK_BYTES = BLOCK_INSTRUCTIONS * 8 + 4;

/** Where the harness keeps its state: record, saved x30, saved x29, end of the log, the test finisher. */
export const CONTROL = 0x800;
export const RECORDS = 0x1000;
/** The test finisher: a store there ends the run. */
export const FINISHER = 0x100000n;
