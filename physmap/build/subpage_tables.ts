/**
 * The subpage tables of a map under construction.
 *
 * @module
 */

import { grown } from "./growable.ts";

/** Tables of one section number for each byte of a page. */
export class SubpageTables {
  /** The tables; only the first `count` of them are in use. */
  numbers: Uint16Array<ArrayBuffer>;
  /** How many tables there are. */
  count = 0;
  /** Bytes of a page, which is also the length of a table. */
  readonly pageSize: number;

  /** @param pageSize Bytes of a page. */
  constructor(pageSize: number) {
    this.pageSize = pageSize;
    this.numbers = new Uint16Array(4 * pageSize);
  }

  /** Leaves no table. */
  reset(): void {
    this.count = 0;
  }

  /** Adds a table in which one section has all bytes; its number. */
  add(section: number): number {
    const at = this.count * this.pageSize;
    if (at === this.numbers.length) this.numbers = grown(this.numbers, at + this.pageSize);
    this.numbers.fill(section, at, at + this.pageSize);
    return this.count++;
  }

  /** Gives a section the bytes from `first` to `last` of the page, both inclusive. */
  set(table: number, first: number, last: number, section: number): void {
    const at = table * this.pageSize;
    this.numbers.fill(section, at + first, at + last + 1);
  }
}
