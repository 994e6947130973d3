/**
 * A device's DMA engine, in the device's worker: it writes through the device's address space, and
 * through as many IOMMUs as that leads to.
 *
 * @module
 */

import { type AddressSpaceReader, RangeFlag, UNASSIGNED } from "@guestmem/flatview";
import { type Access, IommuChainError, IommuEntry, type IommuTranslator } from "@guestmem/iommu";
import type { RcuReader, ReadGuard } from "@guestmem/rcu";

/** How many IOMMUs an access may go through. */
const MAX_CHAIN = 8;
const PAGE_BYTES = 4096;
const WRITE: Access = 2;

/** What an engine accesses. */
export interface DmaTargets {
  /** This worker's reader. */
  readonly reader: RcuReader;
  /** Address spaces by the handles that IOMMU entries name; the engine starts in `space`. */
  readonly spaces: readonly AddressSpaceReader[];
  /** The device's own address space. */
  readonly space: AddressSpaceReader;
  /** Translators by the ids of IOMMU regions. */
  readonly translators: ReadonlyMap<number, IommuTranslator>;
  /** Where RAM regions start in `ram`, by their ids. */
  readonly ramOffsets: ReadonlyMap<number, number>;
  /** The bytes of RAM. */
  readonly ram: Uint8Array;
}

/** See the module. */
export class DmaEngine {
  readonly #targets: DmaTargets;
  readonly #entry = new IommuEntry();

  /** @param targets What it accesses. */
  constructor(targets: DmaTargets) {
    this.#targets = targets;
  }

  /**
   * Fills a range with a byte. Each piece is translated and written within one section, so that an
   * unmapping waits for it.
   *
   * @param address Where, in the device's address space.
   * @param length How many bytes.
   * @param value The byte.
   * @returns How many bytes were written before one was refused.
   * @throws {IommuChainError} If the access goes through too many IOMMUs.
   */
  fill(address: number, length: number, value: number): number {
    const { reader } = this.#targets;
    let written = 0;
    while (written < length) {
      const section = reader.lock();
      try {
        const bytes = this.#fillPiece(section, address + written, length - written, value);
        if (bytes === 0) return written;
        written += bytes;
      } finally {
        section.unlock();
      }
    }
    return written;
  }

  /** Writes what lies in one page of every IOMMU on the way; 0 bytes if that is refused. */
  #fillPiece(section: ReadGuard, address: number, length: number, value: number): number {
    const { spaces, translators, ramOffsets, ram } = this.#targets;
    let { space } = this.#targets;
    let at = address;
    let bytes = Math.min(length, PAGE_BYTES - at % PAGE_BYTES);
    for (let chain = 0; chain <= MAX_CHAIN; chain++) {
      const row = space.lookup(section, at);
      const region = space.region(row);
      if (region === UNASSIGNED) return 0;
      const offset = space.offset(row, at);
      if ((space.flags(row) & RangeFlag.IOMMU) === 0) {
        const start = ramOffsets.get(region);
        if (start === undefined) return 0;
        ram.fill(value, start + offset, start + offset + bytes);
        return bytes;
      }
      const entry = this.#entry;
      if (!translators.get(region)!.translate(offset, WRITE, 0, entry)) return 0;
      bytes = Math.min(bytes, entry.bytesFrom(offset));
      at = entry.addressOf(offset);
      space = spaces[entry.target]!;
    }
    throw new IommuChainError(address, MAX_CHAIN);
  }
}
