// The mutex: one word that names its holder, and one that counts events for those who wait. After
// Drepper's "Futexes Are Tricky", with the owner in the word as in Linux's robust futexes.
//
// A release that finds MUTEX_LOCK marked as contended wakes all who wait, and takes the mark away:
// each of them marks the word anew before it sleeps again. To wake one of them would be enough if
// nobody died. But the one that is woken may die before it takes the lock, and nobody would notice
// that the others sleep for a lock that is free.
//
// Who waits reads MUTEX_EVENT first, then marks the word, then sleeps unless the event has changed. If
// the release comes before the mark, the mark finds the lock free. If it comes after the mark, it
// counts an event after that was read. A holder that dies between its release and the event has held
// up those who wait: so an eviction wakes them in any case.

import {
  CONTEXT_STATE_ALIVE,
  CONTEXT_WHO,
  LOCK_CONTENDED,
  LOCK_INCONSISTENT,
  LOCKED_ACQUIRED,
  LOCKED_BUSY,
  LOCKED_DETACHED,
  LOCKED_OWN,
  LOCKED_OWNER_DIED,
  MUTEX_EVENT,
  MUTEX_LOCK,
  TOKEN_BITS,
} from "./layouts";
import { wakeAll } from "./wake.as";

const CONTENDED: u32 = u32(LOCK_CONTENDED);
const INCONSISTENT: u32 = u32(LOCK_INCONSISTENT);
const OWNER: u32 = (1 << TOKEN_BITS) - 1;

/** Takes the lock for the context `token`, whose record is `record`, if nobody holds it. */
export function mutexLock(mutex: usize, token: u32, record: usize): u32 {
  const alive = token | (CONTEXT_STATE_ALIVE << TOKEN_BITS);
  if (atomic.load<u32>(record, CONTEXT_WHO) != alive) return LOCKED_DETACHED;
  if (!atomic.cmpxchg<u32>(mutex, 0, token, MUTEX_LOCK)) return LOCKED_ACQUIRED;
  while (true) {
    const word = atomic.load<u32>(mutex, MUTEX_LOCK);
    const owner = word & OWNER;
    if (owner) return owner == token ? LOCKED_OWN : LOCKED_BUSY;
    if (atomic.cmpxchg<u32>(mutex, word, word | token, MUTEX_LOCK) != word) continue;
    return word & INCONSISTENT ? LOCKED_OWNER_DIED : LOCKED_ACQUIRED;
  }
}

/** Releases the lock if the context `token` holds it; returns whether it did. */
export function mutexUnlock(mutex: usize, token: u32): u32 {
  if (atomic.cmpxchg<u32>(mutex, token, 0, MUTEX_LOCK) == token) return 1;
  return release(mutex, token, 0);
}

/** Releases the lock, leaving the mark of a holder that died, and sets the marks `add`. */
function release(mutex: usize, token: u32, add: u32): u32 {
  while (true) {
    const word = atomic.load<u32>(mutex, MUTEX_LOCK);
    if ((word & OWNER) != token) return 0;
    const free = (word & INCONSISTENT) | add;
    if (atomic.cmpxchg<u32>(mutex, word, free, MUTEX_LOCK) != word) continue;
    if (word & CONTENDED) wakeAll(mutex + MUTEX_EVENT);
    return 1;
  }
}

/** Announces one who waits; returns the holder's token, or 0 if nobody holds the lock. */
export function mutexArm(mutex: usize): u32 {
  while (true) {
    const word = atomic.load<u32>(mutex, MUTEX_LOCK);
    const owner = word & OWNER;
    if (!owner || word & CONTENDED) return owner;
    if (atomic.cmpxchg<u32>(mutex, word, word | CONTENDED, MUTEX_LOCK) == word) return owner;
  }
}

/** Declares what the lock guards consistent, if the context `token` holds it; returns whether. */
export function mutexConsistent(mutex: usize, token: u32): u32 {
  while (true) {
    const word = atomic.load<u32>(mutex, MUTEX_LOCK);
    if ((word & OWNER) != token) return 0;
    if (atomic.cmpxchg<u32>(mutex, word, word & ~INCONSISTENT, MUTEX_LOCK) == word) return 1;
  }
}

/** Frees a lock that the context `token` holds, which runs no more; returns whether it held it. */
export function mutexPassOn(mutex: usize, token: u32): u32 {
  const held = release(mutex, token, INCONSISTENT);
  wakeAll(mutex + MUTEX_EVENT);
  return held;
}
