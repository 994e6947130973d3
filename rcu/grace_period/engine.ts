/**
 * The two grace-period algorithms behind one interface, so that waiting, callbacks and stall reports
 * are written once.
 *
 * @module
 */

import type { Kernel } from "../kernel/kernel.ts";
import { DOMAIN } from "../kernel/layouts.ts";

/** One domain's grace periods, as a context drives them. Every call is lock-free. */
export interface Engine {
  /** The cookie of the first grace period that starts after this call. */
  startPoll(): number;
  /** Whether a number may be the cookie of a grace period of this domain, started or not. */
  isIssued(cookie: number): boolean;
  /** Starts and completes grace periods until `cookie` is over: 0, or the slot in the way. */
  advance(cookie: number): number;
  /**
   * Asks the readers in the way to signal when they move; with `hurry`, also to hurry. Returns the
   * slot of one that was still in the way after it had been asked, or 0.
   */
  arm(hurry: boolean): number;
  /** The cookie of the newest grace period that is over. */
  newestOver(): number;
  /** How many grace periods have been completed. */
  completed(): number;
  /** The number of the grace period started last, from 1 on. */
  current(): number;
  /** The slot of a reader that holds up the grace period in progress, 0 if none does. */
  holder(): number;
}

/** The grace periods of an RCU domain: one counter that each reader copies at its outermost lock. */
export function rcuEngine(kernel: Kernel, domain: number): Engine {
  return {
    startPoll: () => kernel.startPoll(domain),
    // The counter starts at 1, so 2 is the first cookie.
    isIssued: (cookie) =>
      Number.isInteger(cookie) && cookie >= 2 && cookie <= kernel.startPoll(domain),
    advance: (cookie) => kernel.advance(domain, cookie) >>> 0,
    arm: (hurry) => kernel.arm(domain, hurry ? 1 : 0) >>> 0,
    newestOver: () => kernel.load64(DOMAIN.gpDone.at(domain)),
    completed: () => kernel.load64(DOMAIN.gpDone.at(domain)) - 1,
    current: () => kernel.load64(DOMAIN.gpCtr.at(domain)) - 1,
    holder: () => kernel.advance(domain, kernel.load64(DOMAIN.gpCtr.at(domain))) >>> 0,
  };
}

/** The grace periods of an SRCU domain: two counts of open sections for each reader. */
export function srcuEngine(kernel: Kernel, domain: number): Engine {
  return {
    startPoll: () => kernel.srcuStartPoll(domain),
    // A grace period takes four steps, and the sequence starts at 0.
    isIssued: (cookie) =>
      Number.isInteger(cookie / 4) && cookie >= 4 && cookie <= kernel.srcuStartPoll(domain),
    advance: (cookie) => kernel.srcuAdvance(domain, cookie) >>> 0,
    arm: (hurry) => kernel.srcuArm(domain, hurry ? 1 : 0) >>> 0,
    newestOver: () => kernel.load64(DOMAIN.gpCtr.at(domain)),
    completed: () => Math.floor(kernel.load64(DOMAIN.gpCtr.at(domain)) / 4),
    current: () => Math.ceil(kernel.load64(DOMAIN.gpCtr.at(domain)) / 4),
    holder: () =>
      kernel.srcuAdvance(domain, Math.ceil(kernel.load64(DOMAIN.gpCtr.at(domain)) / 4) * 4) >>> 0,
  };
}
