/**
 * Waiting for grace periods: blocking, asynchronous and polled, in any number of contexts at once.
 *
 * There is no grace-period thread. Whoever waits drives, and any other context that waits can go on
 * where a driver stopped or died, since the algorithm's state is in two shared counters that move
 * by compare-and-exchange (`advance` in the kernel). Those who come while a grace period is in
 * progress share the next one.
 *
 * @module
 */

import type { Arena } from "../arena/arena.ts";
import { BlockingForbiddenError } from "../errors/specific_errors.ts";
import { canBlock } from "../sync/blocking.ts";
import { pause } from "../sync/pause.ts";
import { waitAsync } from "../sync/wait_async.ts";
import type { Engine } from "./engine.ts";
import { EVENT } from "./layout.ts";
import type { StallWatch } from "./stall.ts";
import { quiesceIdle, refuseInSection, waitOutside } from "./waiting.ts";

/** Looks at the readers this many times before it sleeps: a section is shorter than a sleep. */
const SPINS = 2000;

/** A reader that has held up a grace period for so long, in milliseconds, is asked to hurry. */
const KICK_AFTER_MS = 10;

/** Drives one domain's grace periods from one context. */
export class Driver {
  #arena: Arena;
  #domain: number;
  #event: number;
  #engine: Engine;
  #stall: StallWatch;

  constructor(arena: Arena, domain: number, engine: Engine, stall: StallWatch) {
    this.#arena = arena;
    this.#domain = domain;
    this.#event = domain + EVENT;
    this.#engine = engine;
    this.#stall = stall;
  }

  /** The cookie of the first grace period that starts after this call. */
  startPoll(): number {
    return this.#engine.startPoll();
  }

  /** Whether that grace period is over; moves it on if nothing is in the way. */
  poll(cookie: number): boolean {
    return this.#engine.advance(cookie) === 0;
  }

  /**
   * Blocks until the grace period is over. With `expedite`, the readers in the way are asked at once
   * to move, those that hold up a grace period already in progress included.
   *
   * @throws {WaitInSectionError} Inside an RCU section, or an SRCU section of this domain.
   */
  wait(cookie: number, action: string, expedite = false): void {
    this.refuse(action);
    waitOutside(this.#arena, action, () => {
      if (expedite && !this.poll(cookie)) this.#engine.arm(true);
      if (this.#spin(cookie)) return;
      if (!canBlock()) throw new BlockingForbiddenError({ action });
      for (let kick = expedite; !this.poll(cookie); kick = true) this.#sleep(cookie, kick);
    });
  }

  /** Throws if this context is inside a section in which `wait` would wait for itself. */
  refuse(action: string): void {
    refuseInSection(this.#arena, action, this.#domain);
  }

  /** Resolves once the grace period is over; never blocks. Rejects with the signal's reason. */
  async waitAsync(cookie: number, signal?: AbortSignal): Promise<void> {
    let kick = false;
    for (;;) {
      signal?.throwIfAborted();
      if (this.poll(cookie)) return;
      const seen = this.#arena.kernel.load32(this.#event);
      const slot = this.#engine.arm(kick);
      // Between two turns of the event loop this context references nothing. Its own readers were
      // armed with the rest: one that was in the way signals here, and so keeps it from sleeping.
      quiesceIdle(this.#arena);
      if (slot === 0 || this.poll(cookie)) continue;
      await waitAsync(this.#arena.i32, this.#event >>> 2, seen, this.#nap(slot, kick), signal);
      kick = true;
    }
  }

  #spin(cookie: number): boolean {
    for (let spin = 0; spin < SPINS; spin++) {
      if (this.poll(cookie)) return true;
      pause();
    }
    return false;
  }

  /**
   * Sleeps until a reader signals. No wake-up is lost: EVENT is read first, and `arm` gives a reader
   * that was in the way after it had been asked. When that one moves it finds the request and counts
   * EVENT; or another signal has cleared the request, and has counted EVENT since it was read. The
   * reader that `arm` gives may belong to a later grace period than the caller's, which another
   * context has completed meanwhile: hence the last look. If that finds the caller's not over, the
   * reader is in the way of the caller's own or of one before it.
   */
  #sleep(cookie: number, kick: boolean): void {
    const seen = this.#arena.kernel.load32(this.#event);
    const slot = this.#engine.arm(kick);
    if (slot === 0 || this.poll(cookie)) return;
    this.#arena.kernel.wait32(this.#event, seen, this.#nap(slot, kick));
  }

  /** How long to sleep, in milliseconds: until the kick, or until the next stall report is due. */
  #nap(slot: number, kicked: boolean): number {
    const report = this.#stall.check(slot);
    return kicked ? report : Math.min(report, KICK_AFTER_MS);
  }
}
