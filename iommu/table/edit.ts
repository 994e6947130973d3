/**
 * A change of a mapping table in the making. What is new is built where no reader can see it; what
 * readers will see is a list of entries to store. So an error on the way, be it the arena's end,
 * leaves the table as it was, and each entry changes in one atomic store.
 *
 * @module
 */

import type { Arena } from "@guestmem/rcu";
import { COUNT, ENTRIES, NODE_BYTES, PERM_MASK, TABLE } from "./layout.ts";

/** Words of a link: the node, the slot, the entry's low and high word. */
const LINK = 4;

/** See the module. Control context only. */
export class Edit {
  /** Nodes that the table no longer leads to once the edit is committed. */
  readonly retired: number[] = [];
  readonly #arena: Arena;
  readonly #words: Uint32Array;
  readonly #fresh = new Set<number>();
  readonly #links: number[] = [];

  /**
   * @param arena The arena of the table.
   */
  constructor(arena: Arena) {
    this.#arena = arena;
    this.#words = arena.u32;
  }

  /** The low word of an entry as it is before the edit, or in a new node. */
  low(node: number, slot: number): number {
    return this.#words[(node + ENTRIES + slot * 8) >>> 2]!;
  }

  /** The high word of an entry. */
  high(node: number, slot: number): number {
    return this.#words[(node + ENTRIES + slot * 8 + 4) >>> 2]!;
  }

  /** How many entries of a node are not 0. */
  count(node: number): number {
    return this.#words[(node + COUNT) >>> 2]!;
  }

  /** Allocates a node that no reader sees before the edit is committed. */
  allocateNode(): number {
    const node = this.#arena.allocate(NODE_BYTES);
    this.#fresh.add(node);
    return node;
  }

  /** Makes an entry lead to a node. */
  setTable(node: number, slot: number, child: number): void {
    this.set(node, slot, TABLE, child);
  }

  /** Gives an entry a new value: in a new node at once, otherwise when the edit is committed. */
  set(node: number, slot: number, low: number, high: number): void {
    if (this.#fresh.has(node)) this.#store(node, slot, low, high);
    else this.#links.push(node, slot, low, high);
  }

  /** How many entries are to be stored: a mark for {@linkcode forgetFrom}. */
  get mark(): number {
    return this.#links.length;
  }

  /** Forgets the entries of a node that is to be unlinked as a whole. */
  forgetFrom(mark: number): void {
    this.#links.length = mark;
  }

  /** Gives the new nodes back: the table is as it was. */
  abandon(): void {
    for (const node of this.#fresh) this.#arena.free(node);
  }

  /**
   * Stores the entries. Each store is seq-cst, so who loads a pointer to a new node sees the node's
   * entries, which were written before.
   */
  commit(): void {
    for (let at = 0; at < this.#links.length; at += LINK) {
      const [node, slot, low, high] = this.#links.slice(at, at + LINK) as [
        number,
        number,
        number,
        number,
      ];
      this.#adjustCount(node, slot, low);
      this.#arena.kernel.pairStore(node + ENTRIES + slot * 8, low, high);
    }
  }

  /** Writes to a node that nobody sees: plain stores, which the link to it publishes. */
  #store(node: number, slot: number, low: number, high: number): void {
    this.#adjustCount(node, slot, low);
    const at = (node + ENTRIES + slot * 8) >>> 2;
    this.#words[at] = low;
    this.#words[at + 1] = high;
  }

  #adjustCount(node: number, slot: number, low: number): void {
    const used = (word: number): number => (word & (TABLE | PERM_MASK)) === 0 ? 0 : 1;
    this.#words[(node + COUNT) >>> 2]! += used(low) - used(this.low(node, slot));
  }
}
