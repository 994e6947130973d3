/**
 * The elements that updaters publish and readers examine: blocks that betray themselves when they
 * are read too late, half-written or after another took their place.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";

/** Word 0, atomic: 0 while published, 1 once superseded, then one more for each grace period. */
const AGE = 0;
/** Word 1: which element this is; no two of a run have the same. */
const VERSION = 1;
/** Word 2: words of payload. */
const LENGTH = 2;
/** From here on: words that follow from the version and their own place. */
const PAYLOAD = 3;

/** What a poisoned element holds in each word but the age; the version of no element. */
const POISON = 0xdeadcaff;

/** The most words of payload. */
export const MAX_PAYLOAD = 61;

/** What is wrong with an element, as a reader finds it. */
export type Flaw = "poison" | "torn payload" | "foreign content";

/** The elements of one arena, by the offsets of their blocks. */
export class Elements {
  readonly #memory: BlockAllocator;
  readonly #u32: Uint32Array;

  /** @param memory Where the elements lie. */
  constructor(memory: BlockAllocator) {
    this.#memory = memory;
    this.#u32 = memory.u32;
  }

  /** Makes an element that nobody else knows yet. */
  create(version: number, length: number): number {
    const block = this.#memory.allocate((PAYLOAD + length) * 4);
    const at = block >>> 2;
    this.#u32[at + VERSION] = version;
    this.#u32[at + LENGTH] = length;
    for (let i = 0; i < length; i++) this.#u32[at + PAYLOAD + i] = payload(version, i);
    return block;
  }

  /** How many steps the element is past being current; rubbish if its block is another's by now. */
  age(block: number): number {
    return Atomics.load(this.#u32, (block >>> 2) + AGE);
  }

  /** Makes the element one step older and returns its age. Its updater alone may. */
  grow(block: number): number {
    return Atomics.add(this.#u32, (block >>> 2) + AGE, 1) + 1;
  }

  /** Which element lies in the block. */
  version(block: number): number {
    return this.#u32[(block >>> 2) + VERSION]!;
  }

  /** Overwrites everything but the age: no reader may see this. */
  poison(block: number): void {
    const at = block >>> 2;
    const end = at + PAYLOAD + this.#u32[at + LENGTH]!;
    this.#u32.fill(POISON, at + VERSION, end);
  }

  /**
   * What is wrong with the element, if anything: every word must be as `create` wrote it.
   *
   * @param version What the block must hold.
   */
  flaw(block: number, version: number): Flaw | undefined {
    const at = block >>> 2;
    const found = this.#u32[at + VERSION]!;
    if (found === POISON) return "poison";
    const length = this.#u32[at + LENGTH]!;
    if (found !== version || length > MAX_PAYLOAD) return "foreign content";
    for (let i = 0; i < length; i++) {
      const word = this.#u32[at + PAYLOAD + i];
      if (word !== payload(version, i)) return word === POISON ? "poison" : "torn payload";
    }
    return undefined;
  }
}

function payload(version: number, index: number): number {
  return Math.imul(version + 0x7f4a7c15, 2 * index + 0x9e3779b1) >>> 0;
}
