/**
 * The sections of QEMU's map under construction.
 *
 * @module
 */

import { NO_REGION } from "../kernel/layouts.ts";
import { PhysMapError } from "../errors/physmap_error.ts";
import { toBigInt } from "../address/halves.ts";

/** A section as a dump prints it. */
export interface PrintedSection {
  /** First address. */
  readonly first: bigint;
  /** Last address, inclusive. */
  readonly last: bigint;
  /** The region's id; {@linkcode NO_REGION} for section #0 and for a container. */
  readonly region: number;
  /** Whether it is the container of a page that several sections share. */
  readonly isContainer: boolean;
}

/** Sections, numbered from 0 = unassigned. */
export class SectionTable {
  readonly #sections: PrintedSection[] = [];
  readonly #limit: number;

  /** @param limit At most this many sections, #0 included. */
  constructor(limit: number) {
    this.#limit = limit;
    this.add(0, 0, -1, -1, NO_REGION);
  }

  /** All sections. */
  get all(): readonly PrintedSection[] {
    return this.#sections;
  }

  /**
   * Adds a section.
   *
   * @returns Its number.
   * @throws {PhysMapError} TOO_MANY_SECTIONS.
   */
  add(
    firstHi: number,
    firstLo: number,
    lastHi: number,
    lastLo: number,
    region: number,
    isContainer = false,
  ): number {
    if (this.#sections.length === this.#limit) {
      throw new PhysMapError("TOO_MANY_SECTIONS", { limit: this.#limit });
    }
    const [first, last] = [toBigInt(firstHi, firstLo), toBigInt(lastHi, lastLo)];
    return this.#sections.push({ first, last, region, isContainer }) - 1;
  }

  /** Whether a section is the container of a page that several share. */
  isContainer(section: number): boolean {
    return this.#sections[section]!.isContainer;
  }
}
