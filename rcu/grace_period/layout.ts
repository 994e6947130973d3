/**
 * Offsets in a grace-period domain and in a reader's slot.
 *
 * @module
 */

import { DOMAIN, SLOT, SRCU_SLOT } from "../kernel/layouts.ts";

export const MEMBER_TYPE: number = DOMAIN.memberType.offset;
export const DOMAIN_ID: number = DOMAIN.id.offset;
export const SLOT_LIMIT: number = DOMAIN.slotLimit.offset;
export const MAX_DEFERRED: number = DOMAIN.maxDeferred.offset;
export const MAX_DEFERRED_BYTES: number = DOMAIN.maxDeferredBytes.offset;
export const STALL_MS: number = DOMAIN.stallMs.offset;
export const LABEL: number = DOMAIN.label.offset;
export const GP_CTR: number = DOMAIN.gpCtr.offset;
export const GP_DONE: number = DOMAIN.gpDone.offset;
export const EVENT: number = DOMAIN.event.offset;
export const SLOTS_USED: number = DOMAIN.slotsUsed.offset;
export const STALL_SINCE: number = DOMAIN.stallSince.offset;
export const STALL_GP: number = DOMAIN.stallGp.offset;
export const LIMBO: number = DOMAIN.limbo.offset;
export const SLOTS: number = DOMAIN.size;
export const SLOT_BYTES: number = SLOT.size;
export const SLOT_CTR: number = SLOT.ctr.offset;
export const SLOT_ACTIVE: number = SRCU_SLOT.active.offset;
export const SLOT_WAITING: number = SLOT.waiting.offset;
export const SLOT_EVICTED: number = SLOT.evicted.offset;
export const SLOT_HURRY: number = SLOT.hurry.offset;
export const SLOT_OWNER: number = SLOT.owner.offset;
export const SLOT_FLAVOUR: number = SLOT.flavour.offset;
export const SLOT_LABEL: number = SLOT.label.offset;

/** The longest label of a domain or a reader, in bytes of UTF-8. */
export const LABEL_BYTES = 32;
