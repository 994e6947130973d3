import type { MemoryRegion } from "./memory_region.ts";
import { TWO32 } from "./split64.ts";

/** A container with fewer subregions is searched without an index. */
const LEAST = 32;
/** After so many changes with no search in between, an index costs more than making it again. */
const MOST_CHANGES = 32;

/** Where a subregion is in the index. */
interface Place {
  readonly region: MemoryRegion;
  /** Its address, rounded to a double. */
  readonly start: number;
  /** Its size is at most 2^sizeLog. */
  readonly sizeLog: number;
  /** Of two subregions of one priority, the one with the greater rank is in front. */
  readonly rank: number;
}

/**
 * Finds the subregions of a container that meet some addresses, without a look at the others: for each
 * size, rounded up to a power of two, the subregions by address. One of them can only meet the
 * addresses from some point on if it starts less than its size before it.
 */
class SiblingIndex {
  /** By the binary logarithm of the size, rounded up: those of this size by rising address. */
  readonly #bySize: Place[][] = [];
  readonly #places = new Map<MemoryRegion, Place>();
  #rank = 0;
  /** Changes since the last search. */
  #changes = 0;

  /** @param list The subregions, in the order in which they are rendered. */
  constructor(list: readonly MemoryRegion[]) {
    for (let at = list.length - 1; at >= 0; at--) this.#place(list[at]!);
    for (const places of this.#bySize) places?.sort((left, right) => left.start - right.start);
  }

  /** Whether it is not worth its changes. */
  get isStale(): boolean {
    return this.#changes > MOST_CHANGES;
  }

  /** Adds a subregion in front of those of its priority. */
  add(region: MemoryRegion): void {
    this.#changes++;
    const places = this.#place(region);
    const place = places.pop()!;
    places.splice(firstFrom(places, place.start), 0, place);
  }

  /** Takes a subregion out. */
  delete(region: MemoryRegion): void {
    const place = this.#places.get(region)!;
    this.#places.delete(region);
    const places = this.#bySize[place.sizeLog]!;
    places.splice(places.indexOf(place, firstFrom(places, place.start)), 1);
  }

  /**
   * Finds the subregions that may meet some addresses: all that do, and some that nearly do.
   *
   * @param from First address, rounded to a double.
   * @param to The address behind the last, rounded to a double.
   * @returns The subregions, in the order in which they are rendered.
   */
  near(from: number, to: number): MemoryRegion[] {
    this.#changes = 0;
    const found: Place[] = [];
    this.#bySize.forEach((places, sizeLog) => {
      // Rounding moves an address by less than this.
      const before = from - 2 ** sizeLog - from * 2 ** -50;
      for (let at = firstFrom(places, before); at < places.length; at++) {
        const place = places[at]!;
        if (place.start > to) break;
        found.push(place);
      }
    });
    found.sort((left, right) =>
      right.region.priority - left.region.priority || right.rank - left.rank
    );
    return found.map(({ region }) => region);
  }

  #place(region: MemoryRegion): Place[] {
    const { addrHi, addrLo, sizeHi, sizeLo } = region;
    const sizeLog = Math.ceil(Math.log2(Math.max(sizeHi * TWO32 + sizeLo, 1)));
    const place = { region, start: addrHi * TWO32 + addrLo, sizeLog, rank: ++this.#rank };
    this.#places.set(region, place);
    const places = this.#bySize[sizeLog] ??= [];
    places.push(place);
    return places;
  }
}

/** Index of the first place that does not start before an address. */
function firstFrom(places: readonly Place[], start: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (places[middle]!.start < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** After so many searches without an index, it is made. */
const SEARCHES = 8;

/** The indices of long lists of subregions; of lists without one, how often they were searched. */
const indices = new WeakMap<readonly MemoryRegion[], SiblingIndex | number>();

/**
 * The subregions of a container that may meet some addresses: all that do, and perhaps others.
 *
 * @param list The subregions, in the order in which they are rendered.
 * @param from First address, rounded to a double.
 * @param to The address behind the last, rounded to a double.
 * @returns Some of them, in the same order.
 */
export function siblingsNear(
  list: readonly MemoryRegion[],
  from: number,
  to: number,
): readonly MemoryRegion[] {
  if (list.length < LEAST) return list;
  const index = indices.get(list) ?? 0;
  if (typeof index === "object") return index.near(from, to);
  indices.set(list, index < SEARCHES ? index + 1 : new SiblingIndex(list));
  return list;
}

/** A subregion was put in front of those of its priority. */
export function indexSibling(list: readonly MemoryRegion[], region: MemoryRegion): void {
  const index = indices.get(list);
  if (typeof index !== "object") return;
  if (index.isStale) indices.delete(list);
  else index.add(region);
}

/** A subregion is about to be taken out, or to move. */
export function unindexSibling(list: readonly MemoryRegion[], region: MemoryRegion): void {
  const index = indices.get(list);
  if (typeof index === "object") index.delete(region);
}

/** The subregions change in another way: their index is made again when it is needed. */
export function forgetIndex(list: readonly MemoryRegion[]): void {
  indices.delete(list);
}
