/**
 * The addresses of one range, prepared for a walk down the tree.
 *
 * @module
 */

import { digit } from "../address/halves.ts";
import { LEVEL_BITS, MAX_HEIGHT, NODE_SLOTS } from "../kernel/layouts.ts";

/**
 * A range whose bounds are split into digits, one for each level: a node of height h looks at digit
 * h - 1. The halves are signed: V8 boxes an unsigned word from 2^31 on when a function gets it.
 */
export class Span {
  /** First address. */
  firstHi = 0;
  firstLo = 0;
  /** Last address, inclusive. */
  lastHi = 0;
  lastLo = 0;
  /** The digits of the first address. */
  readonly firstDigit: Uint8Array = new Uint8Array(MAX_HEIGHT);
  /** The digits of the last address. */
  readonly lastDigit: Uint8Array = new Uint8Array(MAX_HEIGHT);
  /** Whether the range takes the slot of a level whole in which it starts: all lower digits are 0. */
  readonly startsSlot: Uint8Array = new Uint8Array(MAX_HEIGHT);
  /** Whether the range takes the slot of a level whole in which it ends: all lower digits are 63. */
  readonly endsSlot: Uint8Array = new Uint8Array(MAX_HEIGHT);

  /** Makes this the span of a range. */
  set(firstHi: number, firstLo: number, lastHi: number, lastLo: number): void {
    this.firstHi = firstHi | 0;
    this.firstLo = firstLo | 0;
    this.lastHi = lastHi | 0;
    this.lastLo = lastLo | 0;
    let starts = 1, ends = 1;
    for (let level = 0, shift = 0; level < MAX_HEIGHT; level++, shift += LEVEL_BITS) {
      const first = digit(firstHi, firstLo, shift, NODE_SLOTS - 1);
      const last = digit(lastHi, lastLo, shift, NODE_SLOTS - 1);
      this.firstDigit[level] = first;
      this.lastDigit[level] = last;
      this.startsSlot[level] = starts;
      this.endsSlot[level] = ends;
      // The top digit has fewer bits, but there is no level above it.
      if (first !== 0) starts = 0;
      if (last !== NODE_SLOTS - 1) ends = 0;
    }
  }
}

/**
 * The height of the smallest node that covers two addresses: nodes cover 64^height addresses, aligned.
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
