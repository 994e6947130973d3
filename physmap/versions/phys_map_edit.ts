/**
 * Making a version of a map out of another one.
 *
 * @module
 */

import { highHalf, isBelow, lowHalf, MAX_ADDRESS, TWO_32 } from "../address/halves.ts";
import {
  CALLER_FLAGS,
  requireOffsets,
  requireOrder,
  requireUint,
} from "../address/range_checks.ts";
import { PhysMapError } from "../errors/physmap_error.ts";
import { DISPATCH, SECTION } from "../kernel/layouts.ts";
import type { MapTree } from "./map_tree.ts";

/** What an edit needs of the map that it belongs to. */
export interface EditedMap {
  /** The arena's words. */
  readonly u32: Uint32Array;
  /** What all versions share. */
  readonly tree: MapTree;
  /** A section of this region is new. */
  named(region: number): void;
  /** The edit is finished: its dispatch is complete but for what this writes. */
  finished(dispatch: number): void;
  /** The edit is discarded. */
  discarded(dispatch: number): void;
}

/**
 * A version in the making, from {@linkcode PhysMap.edit}. It copies what it changes and shares the
 * rest with the version that it began with, which nothing here changes.
 *
 * If a call throws {@linkcode ArenaExhaustedError}, the edit can only be discarded.
 */
export class PhysMapEdit {
  readonly #map: EditedMap;
  readonly #dispatch: number;
  #state: "open" | "finished" | "failed" = "open";

  /** @internal */
  constructor(map: EditedMap, dispatch: number) {
    this.#map = map;
    this.#dispatch = dispatch;
  }

  /**
   * Assigns a range of addresses. What was assigned there is not any longer.
   *
   * @param first The first address.
   * @param last The last address, inclusive: all of the address space is `0` to `2n ** 64n - 1n`.
   * @param offset The offset in the region of `first`.
   * @param region The region's id, 1 to 2^32 - 1.
   * @param flags Up to 30 bits, carried and never interpreted.
   * @returns The section, as lookups in the finished version give it.
   * @throws {PhysMapError} INVALID_ADDRESS if a bound or the offset is not valid, INVERTED_RANGE if
   * `first` is greater than `last`, RANGE_OVERFLOW if the range or its offsets run past 2^64 - 1,
   * EDIT_STATE if the edit is finished or has failed. Nothing has changed.
   * @throws {RangeError} If the region's id or the flags do not fit. Nothing has changed.
   * @throws {ArenaExhaustedError} If the arena has no room. The edit has failed.
   */
  map(
    first: number | bigint,
    last: number | bigint,
    offset: number | bigint,
    region: number,
    flags = 0,
  ): number {
    requireEnd(first, last);
    // Signed from here on: V8 boxes an unsigned word from 2^31 on when a function gets it.
    const fh = highHalf(first) | 0, fl = lowHalf(first) | 0;
    const lh = highHalf(last) | 0, ll = lowHalf(last) | 0;
    const oh = highHalf(offset) | 0, ol = lowHalf(offset) | 0;
    this.#require(fh, fl, lh, ll, oh, ol, region, flags);
    this.#state = "failed";
    this.#clear(fh, fl, lh, ll);
    const section = this.#insert(fh, fl, lh, ll, oh, ol, region, flags);
    this.#state = "open";
    return section;
  }

  /**
   * {@linkcode map} for addresses of which none is assigned, which is not checked: if one is, the map
   * is broken, all versions of it. Each 64-bit value as two halves, each signed or unsigned.
   */
  mapUnassigned(
    firstHi: number,
    firstLo: number,
    lastHi: number,
    lastLo: number,
    offsetHi: number,
    offsetLo: number,
    region: number,
    flags: number,
  ): number {
    const fh = firstHi | 0, fl = firstLo | 0, lh = lastHi | 0, ll = lastLo | 0;
    const oh = offsetHi | 0, ol = offsetLo | 0;
    this.#require(fh, fl, lh, ll, oh, ol, region, flags);
    this.#state = "failed";
    const section = this.#insert(fh, fl, lh, ll, oh, ol, region, flags);
    this.#state = "open";
    return section;
  }

  /**
   * Takes back what is assigned in a range of addresses.
   *
   * @param first The first address.
   * @param last The last address, inclusive.
   * @throws {PhysMapError} INVALID_ADDRESS, INVERTED_RANGE, RANGE_OVERFLOW, EDIT_STATE as
   * {@linkcode map}. Nothing has changed.
   * @throws {ArenaExhaustedError} If the arena has no room. The edit has failed.
   */
  unmap(first: number | bigint, last: number | bigint): void {
    requireEnd(first, last);
    this.unmapHalves(highHalf(first), lowHalf(first), highHalf(last), lowHalf(last));
  }

  /** {@linkcode unmap} with each address as two halves, each signed or unsigned. */
  unmapHalves(firstHi: number, firstLo: number, lastHi: number, lastLo: number): void {
    this.#requireOpen("take back a range");
    const fh = firstHi | 0, fl = firstLo | 0, lh = lastHi | 0, ll = lastLo | 0;
    requireOrder(fh, fl, lh, ll);
    this.#state = "failed";
    this.#clear(fh, fl, lh, ll);
    this.#state = "open";
  }

  /**
   * Finishes the version. The caller publishes it, and frees it with {@linkcode PhysMap.free}: a grace
   * period after it was replaced, once it was published.
   *
   * @returns The dispatch: an offset in the arena.
   * @throws {PhysMapError} EDIT_STATE if the edit is finished or has failed.
   */
  finish(): number {
    this.#requireOpen("finish a version");
    this.#state = "finished";
    this.#map.finished(this.#dispatch);
    return this.#dispatch;
  }

  /** Frees what was made. Does nothing if the edit is finished or discarded. */
  discard(): void {
    if (this.#state === "finished") return;
    this.#state = "finished";
    this.#map.discarded(this.#dispatch);
  }

  #require(
    firstHi: number,
    firstLo: number,
    lastHi: number,
    lastLo: number,
    offsetHi: number,
    offsetLo: number,
    region: number,
    flags: number,
  ): void {
    this.#requireOpen("assign a range");
    requireOrder(firstHi, firstLo, lastHi, lastLo);
    requireOffsets(firstHi, firstLo, lastHi, lastLo, offsetHi, offsetLo);
    requireUint("region", region, 1, 0xffff_ffff);
    requireUint("flags", flags, 0, CALLER_FLAGS);
  }

  #requireOpen(action: string): void {
    if (this.#state === "open") return;
    throw new PhysMapError("EDIT_STATE", { action, state: this.#state });
  }

  /** Removes all sections that have addresses of a range, but for what they have outside of it. */
  #clear(firstHi: number, firstLo: number, lastHi: number, lastLo: number): void {
    const { u32, tree } = this.#map;
    const root = DISPATCH.root.index(this.#dispatch);
    if (!tree.search.hasAny(u32[root]! | 0, firstHi, firstLo, lastHi, lastLo)) return;
    for (const section of tree.search.list(u32[root]! | 0, firstHi, firstLo, firstHi, firstLo)) {
      this.#cut(section, firstHi, firstLo, lastHi, lastLo);
    }
    for (const section of tree.search.list(u32[root]! | 0, lastHi, lastLo, lastHi, lastLo)) {
      this.#cut(section, firstHi, firstLo, lastHi, lastLo);
    }
    tree.removeAll(root, firstHi, firstLo, lastHi, lastLo);
  }

  /** Replaces a section that reaches out of a range by what it has outside of it. */
  #cut(
    section: number,
    firstHi: number,
    firstLo: number,
    lastHi: number,
    lastLo: number,
  ): void {
    const { u32, tree } = this.#map;
    const fh = SECTION.first.high(u32, section) | 0, fl = SECTION.first.low(u32, section) | 0;
    const lh = SECTION.last.high(u32, section) | 0, ll = SECTION.last.low(u32, section) | 0;
    const startsBefore = isBelow(fh, fl, firstHi, firstLo);
    const endsBehind = isBelow(lastHi, lastLo, lh, ll);
    if (!startsBefore && !endsBehind) return;
    const oh = SECTION.offset.high(u32, section) | 0, ol = SECTION.offset.low(u32, section) | 0;
    const region = SECTION.region.get(u32, section), flags = SECTION.flags.get(u32, section);
    tree.remove(DISPATCH.root.index(this.#dispatch), section);
    if (startsBefore) {
      const endLo = (firstLo - 1) | 0, endHi = (firstHi - (firstLo === 0 ? 1 : 0)) | 0;
      this.#insert(fh, fl, endHi, endLo, oh, ol, region, flags);
    }
    if (endsBehind) {
      const startLo = (lastLo + 1) | 0, startHi = (lastHi + (startLo === 0 ? 1 : 0)) | 0;
      // The offset moves on by as much as the address: start - first.
      const low = (startLo >>> 0) - (fl >>> 0) + (ol >>> 0);
      const high = startHi - fh + oh + Math.floor(low / TWO_32);
      this.#insert(startHi, startLo, lh, ll, high | 0, low | 0, region, flags);
    }
  }

  #insert(
    firstHi: number,
    firstLo: number,
    lastHi: number,
    lastLo: number,
    offsetHi: number,
    offsetLo: number,
    region: number,
    flags: number,
  ): number {
    const { u32, tree } = this.#map;
    const section = tree.cells.takeSection();
    SECTION.first.setHalves(u32, section, firstLo, firstHi);
    SECTION.last.setHalves(u32, section, lastLo, lastHi);
    SECTION.offset.setHalves(u32, section, offsetLo, offsetHi);
    SECTION.region.set(u32, section, region);
    SECTION.flags.set(u32, section, flags);
    this.#map.named(region);
    tree.insert(DISPATCH.root.index(this.#dispatch), section);
    return section;
  }
}

/** Throws if a range ends past all addresses. */
function requireEnd(first: number | bigint, last: number | bigint): void {
  if (typeof last === "bigint" && last > MAX_ADDRESS) {
    throw new PhysMapError("RANGE_OVERFLOW", { what: "addresses", first, last });
  }
}
