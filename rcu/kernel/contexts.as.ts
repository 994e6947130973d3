// The context table: who is attached to the arena.
//
// CONTEXT_WHO holds a token and a state, and changes by compare-and-exchange alone:
//
//   GONE -> ALIVE -> GONE                a context joins, and leaves
//           ALIVE -> EXPELLED -> DEAD    it is told to stop; it runs no more
//           ALIVE -> DEAD -> GONE        it runs no more; what it left behind is repaired
//
// A token is issued once, so a step that is late finds another token, and changes nothing.

import {
  CONTEXT_PINS,
  CONTEXT_QUEUED,
  CONTEXT_SIZE,
  CONTEXT_STATE_ALIVE,
  CONTEXT_STATE_EXPELLED,
  CONTEXT_STATE_GONE,
  CONTEXT_WHO,
  TOKEN_BITS,
} from "./layouts";

const TOKEN_MASK: u32 = (1 << TOKEN_BITS) - 1;

/**
 * Claims a record of the table at `table`, which has `count`, and a token from the cell at `tokens`.
 * Returns the record, or 0 if every one has a context or if no token is left. (In a table that is nearly
 * full, contexts that join and leave during the search may keep it from the record that is free.)
 */
export function joinContext(table: usize, count: u32, tokens: usize): usize {
  while (true) {
    const record = oldestUnused(table, count);
    if (!record) return 0;
    const seen = atomic.load<u32>(record, CONTEXT_WHO);
    if (seen >>> TOKEN_BITS != CONTEXT_STATE_GONE) continue;
    const token = takeToken(tokens);
    if (!token) return 0;
    const who = token | (CONTEXT_STATE_ALIVE << TOKEN_BITS);
    if (atomic.cmpxchg<u32>(record, seen, who, CONTEXT_WHO) != seen) continue;
    atomic.store<u32>(record, 0, CONTEXT_QUEUED);
    atomic.store<u32>(record, 0, CONTEXT_PINS);
    return record;
  }
}

/** The record unused for longest, so that labels stay known for as long as they can; 0 if none is. */
function oldestUnused(table: usize, count: u32): usize {
  let oldest: usize = 0;
  let lowest = u32.MAX_VALUE;
  const end = table + usize(count) * CONTEXT_SIZE;
  for (let record = table; record < end; record += CONTEXT_SIZE) {
    // The state of a context that is gone is 0: what is left is its token.
    const who = atomic.load<u32>(record, CONTEXT_WHO);
    if (who >>> TOKEN_BITS != CONTEXT_STATE_GONE || who >= lowest) continue;
    lowest = who;
    oldest = record;
  }
  return oldest;
}

function takeToken(tokens: usize): u32 {
  while (true) {
    const token = atomic.load<u32>(tokens);
    if (token >= TOKEN_MASK) return 0;
    if (atomic.cmpxchg<u32>(tokens, token, token + 1) == token) return token;
  }
}

/** Moves a context from one state to another; returns whether it was in the first. */
export function moveContext(record: usize, token: u32, from: u32, to: u32): u32 {
  const seen = token | (from << TOKEN_BITS);
  const next = token | (to << TOKEN_BITS);
  return u32(atomic.cmpxchg<u32>(record, seen, next, CONTEXT_WHO) == seen);
}

/** Whether a context that may still run has pinned the members. */
export function isPinned(table: usize, count: u32): u32 {
  const end = table + usize(count) * CONTEXT_SIZE;
  for (let record = table; record < end; record += CONTEXT_SIZE) {
    if (!atomic.load<u32>(record, CONTEXT_PINS)) continue;
    const state = atomic.load<u32>(record, CONTEXT_WHO) >>> TOKEN_BITS;
    if (state == CONTEXT_STATE_ALIVE || state == CONTEXT_STATE_EXPELLED) return 1;
  }
  return 0;
}
