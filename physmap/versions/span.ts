/**
 * The addresses of one range, prepared for a walk down the tree.
 *
 * @module
 */

import { digit } from "../address/halves.ts";
import { LEVEL_BITS, NODE_SLOTS } from "../kernel/layouts.ts";

const MASK = NODE_SLOTS - 1;

/**
 * A range by the digits of its bounds, one for each level: a node of height h looks at digit h - 1.
 * The halves are signed: V8 boxes an unsigned word from 2^31 on when a function gets it.
 */
export class Span {
  /** First address. */
  firstHi = 0;
  firstLo = 0;
  /** Last address, inclusive. */
  lastHi = 0;
  lastLo = 0;

  /** Makes this the span of a range. */
  set(firstHi: number, firstLo: number, lastHi: number, lastLo: number): void {
    this.firstHi = firstHi | 0;
    this.firstLo = firstLo | 0;
    this.lastHi = lastHi | 0;
    this.lastLo = lastLo | 0;
  }

  /** A digit of the first address. */
  firstDigit(level: number): number {
    return digit(this.firstHi, this.firstLo, level * LEVEL_BITS, MASK);
  }

  /** A digit of the last address. */
  lastDigit(level: number): number {
    return digit(this.lastHi, this.lastLo, level * LEVEL_BITS, MASK);
  }

  /** Whether the range starts inside the slot of a level, and not with its first address. */
  startsInside(level: number): boolean {
    return startHi(this.firstHi, level) !== this.firstHi ||
      startLo(this.firstLo, level) !== this.firstLo;
  }

  /** Whether the range ends inside the slot of a level, and not with its last address. */
  endsInside(level: number): boolean {
    return endHi(this.lastHi, level) !== this.lastHi || endLo(this.lastLo, level) !== this.lastLo;
  }
}

/**
 * The height of the smallest node that covers two addresses: nodes cover 128^height addresses, aligned.
 *
 * @returns 0 if they are the same.
 */
export function commonHeight(
  high: number,
  low: number,
  otherHigh: number,
  otherLow: number,
): number {
  const difference = high ^ otherHigh;
  const bit = difference !== 0 ? 63 - Math.clz32(difference) : 31 - Math.clz32(low ^ otherLow);
  return Math.floor(bit / LEVEL_BITS) + 1;
}

/** Upper half of the first address of the node of some height that covers an address. */
export function startHi(high: number, height: number): number {
  const bits = height * LEVEL_BITS - 32;
  return bits <= 0 ? high : bits >= 32 ? 0 : high & (-1 << bits);
}

/** Lower half of the first address of the node of some height that covers an address. */
export function startLo(low: number, height: number): number {
  const bits = height * LEVEL_BITS;
  return bits >= 32 ? 0 : low & (-1 << bits);
}

/** Upper half of the last address of the node of some height that covers an address. */
export function endHi(high: number, height: number): number {
  const bits = height * LEVEL_BITS - 32;
  return bits <= 0 ? high : bits >= 32 ? -1 : high | ~(-1 << bits);
}

/** Lower half of the last address of the node of some height that covers an address. */
export function endLo(low: number, height: number): number {
  const bits = height * LEVEL_BITS;
  return bits >= 32 ? -1 : low | ~(-1 << bits);
}
