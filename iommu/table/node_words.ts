/**
 * A table's nodes as the control context reads them.
 *
 * @module
 */

import { ENTRY, NODE } from "../kernel/layouts.ts";

/** Reads nodes by plain loads: the control context alone changes them. */
export class NodeWords {
  /** The arena as words. */
  protected readonly words: Uint32Array;

  /** @param words The arena as words. */
  constructor(words: Uint32Array) {
    this.words = words;
  }

  /** The low word of an entry. */
  low(node: number, slot: number): number {
    return ENTRY.word.low(this.words, NODE.entries.at(node, slot));
  }

  /** The high word of an entry. */
  high(node: number, slot: number): number {
    return ENTRY.word.high(this.words, NODE.entries.at(node, slot));
  }

  /** How many entries of a node are not 0. */
  count(node: number): number {
    return NODE.count.get(this.words, node);
  }
}
