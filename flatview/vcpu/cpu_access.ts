import { type AccessPath, NO_ATTRS } from "../access/access_path.ts";
import { advance } from "../access/device/device_access.ts";
import { shiftedHigh, shiftedLow } from "../access/device/halves.ts";
import { MemTxResult, RETRY } from "../access/device/mem_tx_result.ts";
import type { RamWindow } from "../access/guest_memory.ts";
import { isDirect, isRom } from "../access/resolved_address.ts";
import type { Address } from "../region/address.ts";
import type { MemTxAttrs } from "../region/region_ops.ts";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";
import type { PinnedMap } from "./pinned_map.ts";

/** Bytes of a page: no piece of a split access crosses one. */
const PAGE = 4096;

/**
 * Single accesses as a CPU makes them, wherever they lead: to memory, to a device in this worker or to
 * one in another context.
 *
 * An access that is not aligned is one access if one piece of memory has all of its bytes. Otherwise it
 * is split as QEMU's TCG splits it: into aligned pieces, none of which crosses a page of 4 KiB. A device
 * sees each as an access, and their results are ORed. A store to ROM is dropped, without an error.
 */
export class CpuAccess {
  /** Result of the last access. */
  result: MemTxResult = MemTxResult.OK;
  /** The upper half of what was loaded last, unsigned. */
  upper: number = 0;
  /** The attributes of the accesses from now on. */
  attrs: MemTxAttrs = NO_ATTRS;
  readonly #path: AccessPath;
  readonly #space: AddressSpaceReader;
  readonly #map: PinnedMap;

  /** @param map The section that the accesses run in. */
  constructor(path: AccessPath, space: AddressSpaceReader, map: PinnedMap) {
    this.#path = path;
    this.#space = space;
    this.#map = map;
  }

  /**
   * Loads or stores 1, 2, 4 or 8 bytes, little-endian. If a device in another context answers, the
   * section is left while this one waits, and another one entered.
   *
   * @param low The lower half of what is stored. @param high The upper half.
   * @returns The lower half of what was loaded; `upper` and `result` have the rest.
   * @throws {FlatViewError} `OUTSIDE_SECTION`; `ACCESS_OUT_OF_RANGE`.
   */
  access(address: Address, size: number, isStore: boolean, low: number, high: number): number {
    const path = this.#path;
    path.checkRange(address, size);
    const { resolved, value, translator } = path;
    const { attrs } = this;
    const space = this.#space;
    const map = this.#map;
    const inUnit = typeof address === "number" ? address & (size - 1) : lowBits(address, size);
    for (;;) {
      const { guard } = map;
      translator.translate(guard, space, map.view(space), address, size, isStore, attrs, resolved);
      const { flags } = resolved;
      if (isDirect(flags, false)) {
        const ramAddr = translator.ramAddr(guard, resolved);
        const window = path.ram.locate(guard, resolved.region, ramAddr);
        const isWhole = path.isWhole(size);
        if (!isWhole && inUnit !== 0) return this.#split(address, size, isStore, low, high);
        if (!isStore) return this.#loadMemory(window, address, size, isWhole);
        // Dropped: a decode error for a device, but not for a CPU.
        const isDropped = isRom(flags);
        if (isDropped && isWhole) return this.#stored(MemTxResult.OK);
        if (isDropped || isDirect(flags, true)) {
          if (!isWhole) {
            value.set(low, high);
            return this.#stored(path.storePieces(map, space, address, size, false, attrs));
          }
          path.ram.store(window, path.ram.at, size, false, low, high);
          // The mark follows the write: whoever takes the mark then sees what was written.
          path.ram.markDirty(guard, ramAddr, size, flags);
          return this.#stored(MemTxResult.OK);
        }
      }
      if (inUnit !== 0) return this.#split(address, size, isStore, low, high);
      value.set(low, high);
      value.truncate(size);
      const outcome = path.dispatcher.access(map, resolved, size, isStore, false, attrs);
      if (outcome === RETRY) continue; // the section is another one now, with a newer map
      this.result = outcome;
      if (isStore) return 0;
      this.upper = value.high;
      return value.low;
    }
  }

  /** Loads from memory that was resolved and located last. */
  #loadMemory(window: RamWindow, address: Address, size: number, isWhole: boolean): number {
    const path = this.#path;
    const { value } = path;
    this.result = MemTxResult.OK;
    if (isWhole) path.ram.load(window, path.ram.at, size, false, value);
    else this.result = path.loadPieces(this.#map, this.#space, address, size, false, this.attrs);
    this.upper = value.high;
    return value.low;
  }

  #stored(result: MemTxResult): number {
    this.result = result;
    return 0;
  }

  /**
   * Performs an access that is not aligned by aligned pieces: QEMU's `int_ld_mmio_beN` and
   * `int_st_mmio_leN`. A piece is as large as the alignment of its address and of the bytes that are left
   * in the page allow, and less than 8 bytes. Each is resolved anew: one that goes to another context
   * leaves the section, and the next one goes by the map of the new section.
   */
  #split(address: Address, size: number, isStore: boolean, low: number, high: number): number {
    let result: MemTxResult = MemTxResult.OK;
    let loadedLow = 0;
    let loadedHigh = 0;
    for (let done = 0; done < size;) {
      const at = advance(address, done);
      const inPage = typeof at === "number" ? at & (PAGE - 1) : lowBits(at, PAGE);
      const left = Math.min(size - done, PAGE - inPage);
      const piece = (inPage | left) & -(inPage | left);
      const bits = 8 * done;
      const value = this.access(at, piece, isStore, shiftedLow(low, high, -bits), 0);
      result |= this.result;
      loadedLow |= shiftedLow(value, 0, bits);
      loadedHigh |= shiftedHigh(value, 0, bits);
      done += piece;
    }
    this.result = result;
    this.upper = loadedHigh >>> 0;
    return loadedLow >>> 0;
  }
}

/** An address within a unit, a power of two of bytes. */
function lowBits(address: bigint, unit: number): number {
  return Number(address & BigInt(unit - 1));
}
