/**
 * An updater: replaces the element in its cell again and again, and reclaims the old ones in each
 * way that a domain offers.
 *
 * @module
 */

import { type Arena, DeferredBudgetError, RcuPointer } from "@guestmem/rcu";
import { type Control, MAX_CELLS } from "./control.ts";
import { attachGrace, type Grace } from "./domains.ts";
import { Elements, MAX_PAYLOAD } from "./element.ts";
import { Findings } from "../lib/findings.ts";
import type { UpdaterOrder, UpdaterResult } from "./messages.ts";
import { UPDATERS } from "./options.ts";
import { Random } from "../lib/random.ts";
import { attachValue, publishedOf } from "./shared_value.ts";

/** How one element is reclaimed. */
type Way = Exclude<UpdaterOrder["updater"], "mixed">;

const WAYS = UPDATERS.filter((way) => way !== "mixed");
/** An element whose grace period is over is this old. */
const EXPIRED = 2;
/** An expired element stays readable, poisoned, until it is at most this old; then it is freed. */
const OLDEST = 5;
/** A value is published with one update in this many. */
const VALUE_EVERY = 4;
/** The most elements that wait to be polled. */
const POLLED = 32;

/** One worker's loop. */
export class UpdaterLoop {
  readonly #order: UpdaterOrder;
  readonly #control: Control;
  readonly #arena: Arena;
  readonly #elements: Elements;
  readonly #grace: Grace;
  readonly #random: Random;
  readonly #pointer: RcuPointer;
  readonly #value: ReturnType<typeof attachValue>;
  readonly #findings = new Findings();
  readonly #updates = { sync: 0, call: 0, poll: 0, free: 0 };
  readonly #offsets = new Set<number>();
  /** Elements that wait for the grace period of a cookie. */
  readonly #polled: { cookie: number; block: number }[] = [];
  /** Expired elements, and the age at which each is freed. */
  #expired: { block: number; limit: number }[] = [];
  #rounds = 0;
  #reused = 0;
  #waited = 0;

  constructor(arena: Arena, control: Control, order: UpdaterOrder) {
    this.#order = order;
    this.#control = control;
    this.#arena = arena;
    this.#elements = new Elements(arena);
    this.#grace = attachGrace(arena, order.domain);
    this.#random = new Random(order.seed, order.worker);
    this.#pointer = RcuPointer.attach(arena, order.cell.pointer);
    this.#value = attachValue(arena, order.cell.value);
  }

  /** Updates until the run stops, then reclaims everything but the element in the cell. */
  async run(): Promise<UpdaterResult> {
    while (!this.#control.stopped) {
      await this.#update();
      const drain = this.#random.below(64);
      if (drain === 0) await this.#grace.barrierAsync();
      if (drain === 1) this.#grace.barrier();
      this.#report();
    }
    await this.#finish();
    return {
      role: "updater",
      updates: this.#updates,
      reused: this.#reused,
      waited: this.#waited,
      findings: this.#findings.list(),
    };
  }

  async #update(): Promise<void> {
    // Versions of different cells differ too, so that a block reused in another cell shows.
    const version = (++this.#rounds * MAX_CELLS + this.#order.cell.index) >>> 0;
    const block = this.#elements.create(version, this.#random.below(MAX_PAYLOAD + 1));
    if (this.#offsets.has(block)) this.#reused++;
    this.#offsets.add(block);
    const old = this.#pointer.exchange(block);
    this.#control.setLatest(this.#order.cell.index, version);
    if (this.#random.once(VALUE_EVERY)) this.#publishValue(version);
    const { updater } = this.#order;
    const way = updater === "mixed" ? WAYS[this.#random.below(WAYS.length)]! : updater;
    this.#updates[way]++;
    await this.#retire(old, way);
  }

  #publishValue(version: number): void {
    this.#value.publish(publishedOf(version), this.#grace);
    this.#control.setLatestValue(this.#order.cell.index, version);
  }

  async #retire(block: number, way: Way): Promise<void> {
    this.#elements.grow(block);
    if (this.#order.plant === "early-free") return this.#arena.free(block);
    if (this.#order.plant === "no-wait") return this.#expire(block);
    if (way === "sync") {
      await this.#synchronize();
      this.#expire(block);
    } else if (way === "call") {
      this.#call(() => this.#expire(block));
      this.#look();
    } else if (way === "poll") {
      this.#polled.push({ cookie: this.#look(), block });
      this.#poll(this.#polled.length > POLLED);
    } else {
      this.#grace.deferFree(block);
      this.#look();
    }
  }

  /** Queues a function. Only this context can empty its full queue. */
  #call(run: () => void): void {
    try {
      this.#grace.call(run);
    } catch (error) {
      if (!(error instanceof DeferredBudgetError)) throw error;
      this.#grace.barrier();
      this.#grace.call(run);
    }
  }

  /** Counts whether a grace period that starts now has to wait for a reader. */
  #look(): number {
    const cookie = this.#grace.startPoll();
    if (!this.#grace.poll(cookie)) this.#waited++;
    return cookie;
  }

  /**
   * Waits in one of the three forms. Mostly without a look first, which would start the grace
   * period.
   */
  async #synchronize(): Promise<void> {
    if (this.#random.once(4)) this.#look();
    const form = this.#random.below(3);
    if (form === 0) this.#grace.synchronize();
    else if (form === 1) this.#grace.synchronize({ hurry: true });
    else await this.#grace.synchronizeAsync();
  }

  /** Expires elements whose grace period is over, oldest first; with `all`, waits for each. */
  #poll(all: boolean): void {
    for (let first = this.#polled[0]; first; first = this.#polled[0]) {
      if (!this.#grace.poll(first.cookie)) {
        if (!all) return;
        continue;
      }
      this.#polled.shift();
      this.#expire(first.block);
    }
  }

  /** Poisons an element whose grace period is over; those that expired before get older. */
  #expire(block: number): void {
    const age = this.#elements.grow(block);
    if (age !== EXPIRED) {
      this.#findings.add("updater", () => `block ${block} expired at age ${age}`);
    }
    this.#elements.poison(block);
    this.#expired.push({ block, limit: EXPIRED + this.#random.below(OLDEST - EXPIRED) });
    this.#expired = this.#expired.filter(({ block, limit }) => {
      if (this.#elements.age(block) < limit) return this.#elements.grow(block) > 0;
      this.#arena.free(block);
      return false;
    });
  }

  async #finish(): Promise<void> {
    this.#poll(true);
    await this.#grace.barrierAsync();
    this.#grace.barrier();
    for (const { block } of this.#expired) this.#arena.free(block);
    this.#report();
  }

  #report(): void {
    this.#control.report(this.#order.worker, {
      rounds: this.#rounds,
      overlapped: this.#reused,
      waited: this.#waited,
      errors: this.#findings.count,
    });
  }
}
