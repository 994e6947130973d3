/**
 * A little guest RAM for tests: 64-bit words at numbered pages.
 *
 * @module
 */

import { TableWindow } from "../walker/table_memory.ts";
import type { Load } from "./slow_walks.ts";

/** See the module. */
export class GuestRam {
  readonly memory: WebAssembly.Memory;
  readonly words: BigUint64Array;
  readonly base: number;

  constructor(pages: number, base = 0) {
    const blocks = Math.ceil(pages / 16);
    this.memory = new WebAssembly.Memory({ initial: blocks, maximum: blocks, shared: true });
    this.words = new BigUint64Array(this.memory.buffer);
    this.base = base;
  }

  /** A window for a walker. */
  window(): TableWindow {
    return new TableWindow(this.memory, this.base);
  }

  /** Loads a word for a model. */
  readonly load: Load = (address) => {
    const offset = address - BigInt(this.base);
    const inside = offset >= 0n && offset + 8n <= BigInt(this.words.byteLength);
    return inside ? this.words[Number(offset / 8n)]! : null;
  };

  /** Stores a word, by the page's number in this RAM and the word's in the page. */
  set(page: number, slot: number, value: bigint): void {
    this.words[page * 512 + slot] = value;
  }

  /** The address of a page in this RAM. */
  at(page: number): bigint {
    return BigInt(this.base + page * 4096);
  }
}
