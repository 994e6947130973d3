/**
 * A change to a mapping table, prepared before it is made. New nodes are built where no reader can
 * see them; what readers will see is a list of entries to store. So an error on the way, such as an
 * exhausted arena, leaves the table as it was, and each entry changes in one atomic store.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import { instantiateKernel } from "@guestmem/rcu/internal";
import { ENTRY, ENTRY_BIT, NODE } from "../kernel/layouts.ts";
import { NodeWords } from "./node_words.ts";

/** Numbers of a link: the node, the slot, the entry's low and high word. */
const LINK = 4;

/**
 * An edit. It reads entries as they were before the edit, and in new nodes as they are now. Control
 * context only.
 */
export class TableEdit extends NodeWords {
  /** Nodes that no entry points to once the edit is committed. */
  readonly retired: number[] = [];
  readonly #arena: BlockAllocator;
  readonly #fresh = new Set<number>();
  readonly #links: number[] = [];

  /** @param arena The arena of the table. */
  constructor(arena: BlockAllocator) {
    super(arena.u32);
    this.#arena = arena;
  }

  /** Allocates a node that no reader sees before the edit is committed. */
  allocateNode(): number {
    const node = this.#arena.allocate(NODE.size);
    this.#fresh.add(node);
    return node;
  }

  /** Makes an entry point to a node. */
  setPointer(node: number, slot: number, child: number): void {
    this.set(node, slot, ENTRY_BIT.POINTER, child);
  }

  /** Changes an entry: in a new node at once, otherwise when the edit is committed. */
  set(node: number, slot: number, low: number, high: number): void {
    if (this.#fresh.has(node)) this.#store(node, slot, low, high);
    else this.#links.push(node, slot, low, high);
  }

  /** A mark for {@linkcode forgetFrom}. */
  get mark(): number {
    return this.#links.length;
  }

  /** Forgets the entries that were set since a mark: their node is unlinked as a whole. */
  forgetFrom(mark: number): void {
    this.#links.length = mark;
  }

  /** Frees the new nodes: the table is as it was. */
  abandon(): void {
    for (const node of this.#fresh) this.#arena.free(node);
  }

  /**
   * Stores the entries. Each store is seq-cst, so a reader that loads a pointer to a new node sees
   * the node's entries, which were written before.
   */
  commit(): void {
    const kernel = instantiateKernel(this.#arena.memory);
    for (let at = 0; at < this.#links.length; at += LINK) {
      const [node, slot, low, high] = this.#links.slice(at, at + LINK) as [
        number,
        number,
        number,
        number,
      ];
      this.#adjustCount(node, slot, low);
      kernel.pairStore(NODE.entries.at(node, slot), low, high);
    }
  }

  /** Writes to a node that no reader sees: plain stores, which the pointer to it publishes. */
  #store(node: number, slot: number, low: number, high: number): void {
    this.#adjustCount(node, slot, low);
    ENTRY.word.setHalves(this.words, NODE.entries.at(node, slot), low, high);
  }

  #adjustCount(node: number, slot: number, low: number): void {
    const change = used(low) - used(this.low(node, slot));
    NODE.count.set(this.words, node, this.count(node) + change);
  }
}

/** 1 if an entry with this low word is not 0, else 0. */
function used(low: number): number {
  return (low & (ENTRY_BIT.POINTER | ENTRY_BIT.PERMISSIONS)) === 0 ? 0 : 1;
}
