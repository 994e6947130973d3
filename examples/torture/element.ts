/**
 * The elements that updaters publish and readers examine. A block shows when it is read too late,
 * half-written, or after it has been reused.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import { array, defineLayout } from "@guestmem/rcu/layout";

/** The most words of payload. */
export const MAX_PAYLOAD = 61;

const ELEMENT = defineLayout({
  /** Atomic: 0 while published, 1 once superseded, then one more for each grace period. */
  age: "u32",
  /** Identifies the element: no two of a run have the same. */
  version: "u32",
  /** Words of payload in use. */
  length: "u32",
  /** Words that follow from the version and their own index. */
  payload: array("u32", MAX_PAYLOAD),
});

/** Fills every word of a poisoned element but its age; the version of no element. */
const POISON = 0xdeadcaff;

/** What a reader may find wrong with an element. */
export type Flaw = "poison" | "torn payload" | "foreign content";

/** The elements of an arena, by the offsets of their blocks. */
export class Elements {
  readonly #memory: BlockAllocator;
  readonly #u32: Uint32Array;

  /** @param memory Where the elements are allocated. */
  constructor(memory: BlockAllocator) {
    this.#memory = memory;
    this.#u32 = memory.u32;
  }

  /** Makes an element that nobody else knows yet. */
  create(version: number, length: number): number {
    const block = this.#memory.allocate(ELEMENT.payload.offset + length * ELEMENT.payload.stride);
    ELEMENT.version.set(this.#u32, block, version);
    ELEMENT.length.set(this.#u32, block, length);
    for (let i = 0; i < length; i++) ELEMENT.payload.set(this.#u32, block, i, payload(version, i));
    return block;
  }

  /** Steps since the element was current; meaningless if the block has been reused. */
  age(block: number): number {
    return Atomics.load(this.#u32, ELEMENT.age.index(block));
  }

  /** Makes the element one step older and returns its age. Only its updater may. */
  grow(block: number): number {
    return Atomics.add(this.#u32, ELEMENT.age.index(block), 1) + 1;
  }

  /** Which element is in the block. */
  version(block: number): number {
    return ELEMENT.version.get(this.#u32, block);
  }

  /** Overwrites everything but the age: no reader may see this. */
  poison(block: number): void {
    const length = ELEMENT.length.get(this.#u32, block);
    ELEMENT.version.set(this.#u32, block, POISON);
    ELEMENT.length.set(this.#u32, block, POISON);
    for (let i = 0; i < length; i++) ELEMENT.payload.set(this.#u32, block, i, POISON);
  }

  /**
   * What is wrong with the element, if anything: every word must be as `create` wrote it.
   *
   * @param version The version that the block must hold.
   */
  flaw(block: number, version: number): Flaw | undefined {
    const found = ELEMENT.version.get(this.#u32, block);
    if (found === POISON) return "poison";
    const length = ELEMENT.length.get(this.#u32, block);
    if (found !== version || length > MAX_PAYLOAD) return "foreign content";
    for (let i = 0; i < length; i++) {
      const word = ELEMENT.payload.get(this.#u32, block, i);
      if (word !== payload(version, i)) return word === POISON ? "poison" : "torn payload";
    }
    return undefined;
  }
}

function payload(version: number, index: number): number {
  return Math.imul(version + 0x7f4a7c15, 2 * index + 0x9e3779b1) >>> 0;
}
