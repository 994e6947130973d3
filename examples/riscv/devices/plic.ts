/**
 * The PLIC: interrupts of devices. Every hart runs it in place, and so do the contexts that have
 * devices; its state lies in shared memory.
 *
 * @module
 */

import type { MemoryRegionOps } from "@guestmem/flatview";
import type { SharedMemory } from "@guestmem/rcu";
import { array, defineLayout } from "@guestmem/rcu/layout";
import { type InterruptLines, LINE } from "../signals/interrupt_lines.ts";
import { MAX_HARTS } from "./max_harts.ts";

/** Sources are 1 to 96, as in QEMU's machine. */
export const PLIC_SOURCES = 96;
/** Words of a bitmap of sources. */
const WORDS = 4;
/** Priorities and thresholds are 0 to 7. */
const PRIORITY_MASK = 7;

/** The shared words of a PLIC. All of them are accessed atomically. */
export const PLIC = defineLayout({
  /** Written by whoever configures the source. */
  priority: array("u32", PLIC_SOURCES + 1),
  /** The gateway of each source, see {@linkcode GATEWAY}. Changed by compare-and-exchange. */
  gateway: array("u32", PLIC_SOURCES + 1),
  /** Which sources a context takes; there are two contexts for each hart, M and S. */
  enable: array("u32", 2 * MAX_HARTS * WORDS),
  threshold: array("u32", 2 * MAX_HARTS),
});

/** Bits of a gateway. PENDING and IN_SERVICE exclude each other. */
const GATEWAY = {
  /** The device holds its line up. */
  LEVEL: 1,
  /** A request waits to be claimed. */
  PENDING: 2,
  /** It was claimed, and is not complete. Until then nobody else gets it. */
  IN_SERVICE: 4,
} as const;

// Offsets in the region
const PENDING = 0x1000;
const ENABLE = 0x2000;
const CONTEXT = 0x200000;

/**
 * One context's view of the PLIC.
 *
 * A claim takes one source by one compare-and-exchange of its gateway, so exactly one hart gets it.
 *
 * A line of a hart may be raised by anybody and is lowered by the hart itself only. Whoever makes a
 * source deliverable (a device, a completion, a change of an enable bit, a priority or a threshold)
 * stores that first, then looks, then raises. The hart lowers first, then looks, then raises again.
 * So if the raise comes before the hart lowers, the hart's look comes after the store and finds the
 * source; if it comes after, the line stays up. A line that is up without a source is possible, and
 * harmless: the claim returns 0.
 */
export class Plic {
  readonly #lines: InterruptLines;
  readonly #words: Int32Array;
  readonly #plic: number;

  /** @param plic Offset of the struct in `memory`. */
  constructor(memory: SharedMemory, plic: number, lines: InterruptLines) {
    this.#lines = lines;
    this.#words = memory.i32;
    this.#plic = plic;
  }

  /** The callbacks of the region. */
  readonly ops: MemoryRegionOps = {
    valid: { minAccessSize: 4, maxAccessSize: 4 },
    read: (offset) => this.#read(Number(offset)),
    write: (offset, value) => this.#write(Number(offset), value),
  };

  /** Sets the level of a device's line. */
  setLevel(source: number, isUp: boolean): void {
    if (!isUp) {
      this.#change(source, (state) => state & ~GATEWAY.LEVEL);
      return;
    }
    this.#change(source, (state) => forward(state | GATEWAY.LEVEL));
    this.#raiseLines();
  }

  /** Lowers the lines of a hart that have no source any more. By the hart itself, between two slices. */
  refreshLines(hart: number): void {
    const both = LINE.MACHINE_EXTERNAL | LINE.SUPERVISOR_EXTERNAL;
    if ((this.#lines.get(hart) & both) === 0) return;
    this.#lines.lower(hart, both);
    this.#raiseLine(2 * hart);
    this.#raiseLine(2 * hart + 1);
  }

  #read(offset: number): number {
    if (offset < PENDING) return this.#load(this.#priorityIndex(offset >>> 2));
    if (offset < ENABLE) return this.#pendingWord((offset - PENDING) >>> 2);
    if (offset < CONTEXT) {
      const at = this.#enableIndex(offset);
      return at < 0 ? 0 : this.#load(at);
    }
    const context = (offset - CONTEXT) >>> 12;
    if (!this.#isContext(context)) return 0;
    const register = offset & 0xfff;
    if (register === 0) return this.#load(PLIC.threshold.index(this.#plic, context));
    return register === 4 ? this.#claim(context) : 0;
  }

  #write(offset: number, value: number): void {
    if (offset < PENDING) {
      const source = offset >>> 2;
      if (source < 1 || source > PLIC_SOURCES) return;
      Atomics.store(this.#words, this.#priorityIndex(source), value & PRIORITY_MASK);
    } else if (offset < ENABLE) {
      return;
    } else if (offset < CONTEXT) {
      const at = this.#enableIndex(offset);
      if (at < 0) return;
      Atomics.store(this.#words, at, (offset & 0x7f) === 0 ? value & ~1 : value | 0);
    } else {
      const context = (offset - CONTEXT) >>> 12;
      if (!this.#isContext(context)) return;
      const register = offset & 0xfff;
      if (register === 4) this.#complete(value);
      else if (register !== 0) return;
      else {
        const at = PLIC.threshold.index(this.#plic, context);
        Atomics.store(this.#words, at, value & PRIORITY_MASK);
      }
    }
    this.#raiseLines();
  }

  /** Takes the deliverable source with the highest priority; 0 if there is none. */
  #claim(context: number): number {
    for (;;) {
      const source = this.#best(context);
      if (source === 0) return 0;
      const at = this.#gatewayIndex(source);
      const state = this.#load(at);
      if ((state & GATEWAY.PENDING) === 0) continue; // another hart was faster
      const claimed = state & ~GATEWAY.PENDING | GATEWAY.IN_SERVICE;
      if (Atomics.compareExchange(this.#words, at, state, claimed) === state) return source;
    }
  }

  #complete(source: number): void {
    if (source < 1 || source > PLIC_SOURCES) return;
    this.#change(source, (state) => forward(state & ~GATEWAY.IN_SERVICE));
  }

  /** The pending source with the highest priority above the threshold, the lowest number first. */
  #best(context: number): number {
    let best = 0;
    let highest = this.#load(PLIC.threshold.index(this.#plic, context));
    for (let word = 0; word < WORDS; word++) {
      let left = this.#load(PLIC.enable.index(this.#plic, context * WORDS + word));
      while (left !== 0) {
        const source = word * 32 + 31 - Math.clz32(left & -left);
        left &= left - 1;
        if (source < 1 || source > PLIC_SOURCES) continue;
        if ((this.#load(this.#gatewayIndex(source)) & GATEWAY.PENDING) === 0) continue;
        const priority = this.#load(this.#priorityIndex(source));
        if (priority <= highest) continue;
        highest = priority;
        best = source;
      }
    }
    return best;
  }

  #raiseLines(): void {
    for (let context = 0; context < 2 * this.#lines.harts; context++) this.#raiseLine(context);
  }

  #raiseLine(context: number): void {
    if (this.#best(context) === 0) return;
    const line = context & 1 ? LINE.SUPERVISOR_EXTERNAL : LINE.MACHINE_EXTERNAL;
    this.#lines.raise(context >>> 1, line);
  }

  #change(source: number, step: (state: number) => number): void {
    const at = this.#gatewayIndex(source);
    for (;;) {
      const state = this.#load(at);
      if (Atomics.compareExchange(this.#words, at, state, step(state)) === state) return;
    }
  }

  #pendingWord(word: number): number {
    let bits = 0;
    for (let source = word * 32; source < word * 32 + 32 && source <= PLIC_SOURCES; source++) {
      const isPending = (this.#load(this.#gatewayIndex(source)) & GATEWAY.PENDING) !== 0;
      if (isPending) bits |= 1 << (source & 31);
    }
    return bits >>> 0;
  }

  #isContext(context: number): boolean {
    return context < 2 * this.#lines.harts;
  }

  #enableIndex(offset: number): number {
    const context = (offset - ENABLE) >>> 7;
    const word = (offset & 0x7f) >>> 2;
    if (!this.#isContext(context) || word >= WORDS) return -1;
    return PLIC.enable.index(this.#plic, context * WORDS + word);
  }

  /** Source 0 does not exist, and neither do those above the last: all are word 0, which stays 0. */
  #priorityIndex(source: number): number {
    return PLIC.priority.index(this.#plic, source <= PLIC_SOURCES ? source : 0);
  }

  #gatewayIndex(source: number): number {
    return PLIC.gateway.index(this.#plic, source);
  }

  #load(index: number): number {
    return Atomics.load(this.#words, index);
  }
}

/** What a gateway does on its own: it forwards a request once nothing is in service. */
function forward(state: number): number {
  const isFree = (state & (GATEWAY.IN_SERVICE | GATEWAY.PENDING)) === 0;
  return state & GATEWAY.LEVEL && isFree ? state | GATEWAY.PENDING : state;
}
