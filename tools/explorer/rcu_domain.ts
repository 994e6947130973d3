/**
 * A domain of package rcu for the explorations of other packages: its kernel as a helper, and scripts
 * for sections and grace periods.
 *
 * @module
 */

import { KERNEL_BASE64 } from "../../rcu/kernel/bytes.ts";
import type { Kernel } from "../../rcu/kernel/kernel.ts";
import { DOMAIN, SLOT } from "../../rcu/kernel/layouts.ts";
import { decodeKernel, type Module } from "./decode.ts";
import type { Placed } from "./names.ts";
import { again, type Calls, calls, run, type Steps } from "./script.ts";

/** The kernel of package rcu, to be a program's helper. */
export const rcuKernel: Module = decodeKernel(KERNEL_BASE64);

/** Its functions, as steps. */
export const rcu: Calls<Kernel> = calls<Kernel>(rcuKernel);

/** An RCU or SRCU domain at address 0, with a few reader slots. */
export class ExploredDomain {
  /** Addresses of the reader slots. */
  readonly slots: readonly number[];
  /** Bytes of the domain with its slots. */
  readonly bytes: number;
  readonly #srcu: boolean;

  /**
   * Places a domain.
   *
   * @param kind Which kind.
   * @param slots How many reader slots it has.
   */
  constructor(kind: "rcu" | "srcu", slots: number) {
    this.#srcu = kind === "srcu";
    this.slots = Array.from({ length: slots }, (_, slot) => DOMAIN.size + slot * SLOT.size);
    this.bytes = DOMAIN.size + slots * SLOT.size;
  }

  /** Fills its words. */
  setUp(u32: Uint32Array): void {
    DOMAIN.gpCtr.set(u32, 0, this.#srcu ? 0 : 1);
    DOMAIN.gpDone.set(u32, 0, this.#srcu ? 0 : 1);
    DOMAIN.slotLimit.set(u32, 0, this.slots.length);
    DOMAIN.slotsUsed.set(u32, 0, this.slots.length);
    this.slots.forEach((slot, index) => SLOT.owner.set(u32, slot, index + 1));
  }

  /** What lies where, for traces. */
  names(): Placed[] {
    const slots = this.slots.map((at, slot): Placed => [`READER[${slot}]`, SLOT, at]);
    return [["DOMAIN", DOMAIN, 0], ...slots];
  }
}

/** Enters a section. */
export function* lock(slot: number): Steps {
  yield* rcu.lock(0, slot);
}

/** Leaves it. */
export function* unlock(slot: number): Steps {
  yield* rcu.unlock(0, slot);
}

/** Waits for a grace period of an RCU domain. */
export function* synchronize(): Steps {
  yield* run(advanceTo, yield* rcu.startPoll(0));
}

function* advanceTo(cookie: number): Steps {
  if ((yield* rcu.advance(0, cookie)) !== 0) return again(advanceTo, cookie);
}

/** Enters a section of an SRCU domain. @returns Its index. */
export function* srcuLock(slot: number): Steps<number> {
  return yield* rcu.srcuLock(0, slot);
}

/** Leaves it. */
export function* srcuUnlock(slot: number, index: number): Steps {
  yield* rcu.srcuUnlock(0, slot, index);
}

/** Waits for a grace period of an SRCU domain. */
export function* synchronizeSrcu(): Steps {
  yield* run(srcuAdvanceTo, yield* rcu.srcuStartPoll(0));
}

function* srcuAdvanceTo(cookie: number): Steps {
  if ((yield* rcu.srcuAdvance(0, cookie)) !== 0) return again(srcuAdvanceTo, cookie);
}
