/**
 * A small guest RAM for tests: pages of 64-bit words.
 *
 * @module
 */

import { TableWindow } from "../walker/table_memory.ts";
import type { Load } from "./slow_walks.ts";

/** The RAM. Pages are numbered from its first one. */
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

  /** Stores a word of a page. */
  set(page: number, slot: number, value: bigint): void {
    this.words[page * 512 + slot] = value;
  }

  /** The address of a page in this RAM. */
  at(page: number): bigint {
    return BigInt(this.base + page * 4096);
  }
}
