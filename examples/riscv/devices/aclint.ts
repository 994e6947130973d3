/**
 * The ACLINT: software and timer interrupts of machine mode. Every hart runs it in place; its state
 * lies in shared memory, and each word has one meaning to all.
 *
 * @module
 */

import type { MemoryRegionOps } from "@guestmem/flatview";
import type { SharedMemory } from "@guestmem/rcu";
import { array, defineLayout } from "@guestmem/rcu/layout";
import { type InterruptLines, LINE } from "../signals/interrupt_lines.ts";
import type { MachineClock } from "../signals/machine_clock.ts";
import { MAX_HARTS } from "./max_harts.ts";

/** The shared words of an ACLINT. */
export const ACLINT = defineLayout({
  /**
   * When each hart's timer interrupt is due. Any hart stores it, whole or by halves; the hart itself
   * loads it whole before each slice, and derives its line from it.
   */
  mtimecmp: array("u64", MAX_HARTS),
});

/** Where `mtime` is in the timer's region. */
const MTIME = 0x7ff8;
/** `mtimecmp` at reset: never. */
const NEVER = 2n ** 64n - 1n;

/**
 * One context's view of the ACLINT.
 *
 * - `msip` is the hart's interrupt line itself: one atomic operation sets or clears it.
 * - The timer's line belongs to its hart, which alone raises and lowers it (`refreshTimer`). Whoever
 *   changes `mtimecmp` stores first and wakes second, so the hart sees the change before it sleeps.
 */
export class Aclint {
  readonly #lines: InterruptLines;
  readonly #clock: MachineClock;
  readonly #words: Int32Array;
  readonly #compare: BigUint64Array;
  readonly #at: number;

  /** @param aclint Offset of the struct in `memory`. */
  constructor(memory: SharedMemory, aclint: number, lines: InterruptLines, clock: MachineClock) {
    this.#lines = lines;
    this.#clock = clock;
    this.#words = memory.i32;
    this.#compare = new BigUint64Array(memory.memory.buffer);
    this.#at = ACLINT.mtimecmp.at(aclint);
  }

  /** Resets the timers. Before the harts start. */
  reset(): void {
    for (let hart = 0; hart < this.#lines.harts; hart++) this.#store(hart, NEVER);
  }

  /** The callbacks of the region with `msip`. */
  readonly software: MemoryRegionOps = {
    valid: { minAccessSize: 4, maxAccessSize: 4 },
    read: (offset) => {
      const hart = Number(offset) >>> 2;
      const isUp = hart < this.#lines.harts &&
        (this.#lines.get(hart) & LINE.MACHINE_SOFTWARE) !== 0;
      return isUp ? 1 : 0;
    },
    write: (offset, value) => {
      const hart = Number(offset) >>> 2;
      if (hart >= this.#lines.harts) return;
      if (value & 1) this.#lines.raise(hart, LINE.MACHINE_SOFTWARE);
      else this.#lines.lower(hart, LINE.MACHINE_SOFTWARE);
    },
  };

  /** The callbacks of the region with `mtimecmp` and `mtime`. */
  readonly timer: MemoryRegionOps = {
    valid: { minAccessSize: 4, maxAccessSize: 8 },
    impl: { minAccessSize: 4, maxAccessSize: 8 },
    read: (offset, size) => this.#readTimer(Number(offset), size),
    write: (offset, value, size, _attrs, upper) => {
      this.#writeTimer(Number(offset), value, size, upper);
    },
  };

  /**
   * Raises or lowers the timer's line. By the hart itself, between two slices.
   *
   * @returns Ticks until the interrupt is due; 0 if it is, Infinity if it never will be.
   */
  refreshTimer(hart: number): number {
    const due = Atomics.load(this.#compare, this.#index(hart));
    const left = due === NEVER ? Infinity : Number(due) - this.#clock.now();
    if (left > 0) {
      this.#lines.lower(hart, LINE.MACHINE_TIMER);
      return left;
    }
    this.#lines.raise(hart, LINE.MACHINE_TIMER);
    return 0;
  }

  #readTimer(offset: number, size: number): number | bigint {
    const hart = offset >>> 3;
    let value = 0n;
    if (offset - (offset & 7) === MTIME) value = BigInt(this.#clock.now());
    else if (hart < this.#lines.harts) value = Atomics.load(this.#compare, this.#index(hart));
    if (size === 8) return value;
    return Number(offset & 4 ? value >> 32n : value & 0xffff_ffffn);
  }

  /** A write to `mtime` is ignored: all contexts read one clock, and none of them sets it. */
  #writeTimer(offset: number, value: number, size: number, upper: number): void {
    const hart = offset >>> 3;
    if (hart >= this.#lines.harts) return;
    if (size === 8) this.#store(hart, BigInt(upper >>> 0) << 32n | BigInt(value >>> 0));
    else Atomics.store(this.#words, (this.#at + offset) >>> 2, value | 0);
    this.#lines.wake(hart);
  }

  #store(hart: number, ticks: bigint): void {
    Atomics.store(this.#compare, this.#index(hart), ticks);
  }

  #index(hart: number): number {
    return (this.#at >>> 3) + hart;
  }
}
