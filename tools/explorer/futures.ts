/**
 * What each thread may still do: for each point in a thread's scripts and code, the locations that it
 * may read and write from there on.
 *
 * This is learned, not derived: a run notes each step that it sees and each way from one point to the
 * next. What has not been seen yet is missing, so decisions that rest on it may be wrong; `explore.ts`
 * says why the last pass is right all the same.
 *
 * @module
 */

import type { Footprint } from "./locations.ts";

/** A set of locations, as bits. */
export type Bits = Int32Array;

/** Whether two sets have a location in common. */
export function meet(a: Bits, b: Bits): boolean {
  for (let i = 0; i < a.length; i++) if (a[i]! & b[i]!) return true;
  return false;
}

/** The locations a step or a future reads and writes. */
export interface Locates {
  /** What is read. */
  readonly reads: Bits;
  /** What is written. */
  readonly writes: Bits;
}

/** Whether the order of the one and the other can matter. */
export function conflict(a: Locates, b: Locates): boolean {
  return meet(a.writes, b.writes) || meet(a.writes, b.reads) || meet(a.reads, b.writes);
}

interface Point extends Locates {
  readonly before: Set<number>;
}

/** The futures of all points. */
export class Futures {
  /** How many locations were added to futures so far: it stands still once all is known. */
  growth = 0;
  readonly #bits: number;
  readonly #numbers = new Map<string, number>();
  readonly #points: Point[] = [];

  /** Futures over so many locations. */
  constructor(locations: number) {
    this.#bits = Math.ceil(locations / 32);
  }

  /** The number of a point. */
  point(key: string): number {
    let number = this.#numbers.get(key);
    if (number === undefined) {
      this.#numbers.set(key, number = this.#points.length);
      this.#points.push({ ...this.bits({ reads: [], writes: [] }), before: new Set() });
    }
    return number;
  }

  /** What may be read and written from a point on. */
  of(point: number): Locates {
    return this.#points[point]!;
  }

  /** All locations that were seen to be written. */
  written(): number[] {
    const numbers = new Set<number>();
    for (const { writes } of this.#points) {
      for (let number = 0; number < 32 * this.#bits; number++) {
        if (writes[number >>> 5]! & 1 << (number & 31)) numbers.add(number);
      }
    }
    return [...numbers];
  }

  /** A footprint as bits. */
  bits({ reads, writes }: Footprint): Locates {
    const set = (numbers: readonly number[]) => {
      const bits = new Int32Array(this.#bits);
      for (const number of numbers) bits[number >>> 5]! |= 1 << (number & 31);
      return bits;
    };
    return { reads: set(reads), writes: set(writes) };
  }

  /** Notes that a step with this footprint was seen at a point. */
  noteStep(point: number, footprint: Locates): void {
    this.#add(point, footprint);
  }

  /** Notes that a thread went from one point to another. */
  noteWay(from: number, to: number): void {
    const { before, ...future } = this.#points[to]!;
    if (before.has(from)) return;
    before.add(from);
    this.#add(from, future);
  }

  #add(point: number, more: Locates): void {
    const todo = [point];
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      const { reads, writes, before } = this.#points[next]!;
      const grown = merge(reads, more.reads) + merge(writes, more.writes);
      if (grown === 0) continue;
      this.growth += grown;
      todo.push(...before);
    }
  }
}

function merge(into: Bits, from: Bits): number {
  let changed = 0;
  for (let i = 0; i < into.length; i++) {
    const both = into[i]! | from[i]!;
    if (both !== into[i]) changed++;
    into[i] = both;
  }
  return changed;
}
