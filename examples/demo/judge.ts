/**
 * Compares what an access found with the ledger.
 *
 * @module
 */

import { MemTxResult } from "@guestmem/flatview";
import { Findings } from "../lib/findings.ts";
import { answerOf } from "./answers.ts";
import type { Ledger } from "./ledger.ts";
import { PLACES } from "./places.ts";

const { OK, DECODE_ERROR } = MemTxResult;

/** Judges one worker's accesses. */
export class Judge {
  readonly findings = new Findings();
  /** Accesses to places that found the version settled before their section began. */
  settled = 0;
  /** Accesses that found a version announced since. */
  overtaken = 0;
  /** Accesses among both that rightly found nothing. */
  holes = 0;
  readonly #ledger: Ledger;
  readonly #floors: number[] = PLACES.map(() => 0);

  /** @param ledger The versions of all places. */
  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Before a section begins: it must not see versions older than those settled by now. */
  begin(): void {
    for (let place = 0; place < this.#floors.length; place++) {
      this.#floors[place] = this.#ledger.floor(place);
    }
  }

  /** The oldest version of a place that this section may see. */
  floor(place: number): number {
    return this.#floors[place]!;
  }

  /** A load from something that never changes. */
  fixed(what: string, seen: number, expected: number, result: number): void {
    if (seen === expected && result === OK) return;
    this.findings.add(`${what} held what it must not`, () => (
      `0x${seen.toString(16)} instead of 0x${expected.toString(16)}, result ${result}`
    ));
  }

  /** A load from a place. */
  loaded(place: number, address: number, size: number, seen: number, result: number): void {
    this.#versions(place, (version) => this.#shows(place, version, address, size, seen, result)) ||
      this.#wrong(place, "a load", address, seen, result);
  }

  /** A store to a place. */
  stored(place: number, address: number, result: number): void {
    this.#versions(place, (version) => {
      return result === (this.#offset(place, version, address) < 0 ? DECODE_ERROR : OK);
    }) || this.#wrong(place, "a store", address, 0, result);
  }

  /** Whether any version that the section may see passes. Counts whether it was the settled one. */
  #versions(place: number, passes: (version: number) => boolean): boolean {
    const floor = this.#floors[place]!;
    const ceiling = this.#ledger.ceiling(place);
    for (let version = floor; version <= ceiling; version++) {
      if (!passes(version)) continue;
      if (version === floor) this.settled++;
      else this.overtaken++;
      return true;
    }
    return false;
  }

  /** Whether a version that the section may see has this base. */
  lay(place: number, base: number): boolean {
    return this.#versions(place, (version) => this.#ledger.base(place, version) === base);
  }

  #shows(
    place: number,
    version: number,
    address: number,
    size: number,
    seen: number,
    result: number,
  ): boolean {
    const offset = this.#offset(place, version, address);
    if (offset < 0) {
      const isHole = seen === 0 && result === DECODE_ERROR;
      if (isHole) this.holes++;
      return isHole;
    }
    return result === OK && seen === answerOf(this.#ledger.key(place, version), offset, size);
  }

  /** Offset of an address in a place's region; negative if it is outside. */
  #offset(place: number, version: number, address: number): number {
    const base = this.#ledger.base(place, version);
    if (base === null || address < base || address >= base + PLACES[place]!.bytes) return -1;
    return address - base;
  }

  #wrong(place: number, what: string, address: number, seen: number, result: number): void {
    const floor = this.#floors[place]!;
    const { name } = PLACES[place]!;
    if (!this.#ledger.remembers(place, floor)) {
      this.findings.add(`a section was too long to be judged`, () => name);
      return;
    }
    this.findings.add(`${name}: ${what} found what no version from its section shows`, () => (
      `0x${seen.toString(16)}, result ${result}, at 0x${address.toString(16)}, ` +
      `versions ${floor} to ${this.#ledger.ceiling(place)}`
    ));
  }
}
