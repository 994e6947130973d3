/**
 * Where the words of a grace-period domain lie (an RCU domain or an SRCU domain), in bytes from its
 * block in the arena. `rcu/README.md` says who writes and who reads each, and under what.
 *
 * @module
 */

/** Words 0 and 1 are the arena's: the list of its members, and the member's type. */
export const MEMBER_TYPE = 4;
/** A random number that the domain's handles repeat. */
export const DOMAIN_ID = 8;
/** How many reader slots there are. */
export const SLOT_LIMIT = 12;
/** Budget of deferred callbacks and blocks. */
export const MAX_DEFERRED = 16;
/** Budget of deferred bytes. */
export const MAX_DEFERRED_BYTES = 20;
/** After how many milliseconds a grace period counts as stalled. */
export const STALL_MS = 24;
/** The domain's label: length, then UTF-8. */
export const LABEL = 28;
/** u64: the grace period that was started last (RCU), or the sequence (SRCU). */
export const GP_CTR = 64;
/** u64: the grace period that was completed last (RCU only). */
export const GP_DONE = 128;
/** Futex word of sleeping updaters. */
export const EVENT = 136;
/** Slots from this one on were never claimed. */
export const SLOTS_USED = 140;
/** f64, milliseconds since the epoch: when an updater first found `STALL_GP` held up. */
export const STALL_SINCE = 144;
/** Low 32 bits of the grace period that `STALL_SINCE` belongs to. */
export const STALL_GP = 152;
/** Limbo record: the blocks given to `deferFree` (see `rcu/arena/limbo.ts`). */
export const LIMBO = 192;
/** The first reader slot. */
export const SLOTS = 256;

/** Bytes of a slot: two cache lines, the first for what its reader writes on the hot path. */
export const SLOT_BYTES = 128;
/** u64 in a slot, RCU: the grace period seen at the outermost lock, or 0. */
export const SLOT_CTR = 0;
/** Two u32 in a slot, SRCU: open sections by index. */
export const SLOT_ACTIVE = 0;
/** Non-zero: an updater waits for this reader, which must signal when it moves. */
export const SLOT_WAITING = 8;
/** 1: the reader was evicted; the slot rests until its worker learns of it. */
export const SLOT_EVICTED = 12;
/** 1: an updater wants this reader to move soon; futex word of force-quiescent notifiers. */
export const SLOT_HURRY = 16;
/** Owner token of the context that claimed the slot, 0 if free. */
export const SLOT_OWNER = 64;
/** 0 memory-barrier, 1 QSBR, 2 SRCU. */
export const SLOT_FLAVOUR = 68;
/** The reader's label: length, then UTF-8. */
export const SLOT_LABEL = 72;

/** The longest label of a domain or a reader, in bytes of UTF-8. */
export const LABEL_BYTES = 32;
