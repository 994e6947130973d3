import type { ReadGuard } from "@guestmem/rcu";
import type { AccessPath } from "../access/access_path.ts";
import { offsetOf } from "../access/address_translator.ts";
import type { RamWindow } from "../access/guest_memory.ts";
import { isDirect } from "../access/resolved_address.ts";
import type { Address } from "../region/address.ts";
import { DIRTY_LOG_BITS } from "../region/range_flags.ts";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";
import type { PinnedMap } from "./pinned_map.ts";

/** Bytes of a guest page. */
const PAGE = 4096;
/** Extents that are kept, by the row of the dispatch; a power of two. */
const EXTENTS = 64;
/** Pages whose extent is remembered, by their number; a power of two. */
const RECENT = 256;

/**
 * What a CPU may do with a page by itself, in its memory: bits of {@linkcode PageResolver.resolve}.
 * Whatever a bit does not allow goes through {@linkcode PageResolver.load} and `store`.
 */
export const PageAccess = {
  /** Loads. */
  READ: 1,
  /** Stores. */
  WRITE: 2,
  /** Instruction fetches. */
  EXECUTE: 4,
  /** Stores, after `PageResolver.mark` and until `PageResolver.logEpoch` changes. */
  LOGGED: 8,
} as const;

/** Consecutive guest pages, as one map shows them: behind one another in one window, or not memory. */
export class PageExtent {
  /** The row of the dispatch that shows them; 0 if none does. */
  row: number = 0;
  /** Number of the first page. A fraction at first, so that the field always holds doubles. */
  first: number = 0.5;
  /** Number of the last page. */
  last: number = -0.5;
  /** The window. */
  window: RamWindow | null = null;
  /** Byte offset of the first page in it. */
  at: number = 0.5;
  /** The `ram_addr_t` of the first page. */
  ramAddr: number = 0.5;
  /** The flags of the range that shows them. */
  flags: number = 0;
  /** See `PageAccess`. */
  access: number = 0;

  /** Takes other pages, which are not memory. */
  set(row: number, first: number, last: number): void {
    this.row = row;
    this.first = first;
    this.last = last;
    this.window = null;
    this.access = 0;
  }

  /** Says where the pages lie, and what may be done with them. */
  show(window: RamWindow, at: number, ramAddr: number, flags: number): void {
    this.window = window;
    this.at = at;
    this.ramAddr = ramAddr;
    this.flags = flags;
    this.access = accessOf(flags);
  }

  /** Forgets the pages. */
  clear(): void {
    this.set(0, 0.5, -0.5);
  }
}

/** An extent without pages. */
export const NO_EXTENT: PageExtent = new PageExtent();

/**
 * The extents that were found in one map. A look-up that finds one here walks nothing; another map
 * clears them, and nothing is allocated.
 */
export class PageExtents {
  readonly #path: AccessPath;
  readonly #space: AddressSpaceReader;
  readonly #map: PinnedMap;
  readonly #byRow = Array.from({ length: EXTENTS }, () => new PageExtent());
  readonly #byPage: PageExtent[] = new Array(RECENT).fill(NO_EXTENT);
  /** The generation under which the extents were found. */
  #known = 0;

  /** @param map The section and the map in which pages are found. */
  constructor(path: AccessPath, space: AddressSpaceReader, map: PinnedMap) {
    this.#path = path;
    this.#space = space;
    this.#map = map;
  }

  /** Whether extents that were found before are good: the section is open, and the map is the same. */
  get isCurrent(): boolean {
    return this.#map.isOpen && this.#known === this.#map.generation;
  }

  /**
   * The extent that has a page; good as long as {@linkcode isCurrent}.
   *
   * @param page Number of the page.
   * @throws {FlatViewError} `OUTSIDE_SECTION`; `MISSING_RAM`.
   */
  find(page: number): PageExtent {
    const { guard, generation } = this.#map;
    if (this.#known !== generation) {
      for (const extent of this.#byRow) extent.clear();
      this.#known = generation;
    }
    const recent = this.#byPage[page & (RECENT - 1)]!;
    if (recent.first <= page && page <= recent.last) return recent;
    const space = this.#space;
    const address = page < 2 ** 41 ? page * PAGE : BigInt(page) * BigInt(PAGE);
    const row = space.lookupIn(this.#map.view(space), address);
    const extent = this.#byRow[(row >>> 5) & (EXTENTS - 1)]!;
    const isKnown = extent.row === row && extent.first <= page && page <= extent.last;
    if (!isKnown) this.#measure(guard, row, page, address, extent);
    return this.#byPage[page & (RECENT - 1)] = extent;
  }

  /** Marks a page in its dirty log, for the clients that log it. */
  mark(page: number): void {
    const { first, ramAddr, flags, access } = this.find(page);
    if ((access & PageAccess.LOGGED) === 0) return;
    this.#path.ram.markDirty(this.#map.guard, ramAddr + (page - first) * PAGE, PAGE, flags);
  }

  /**
   * Measures the extent around a page: how far the range that shows it goes on, and, if it is memory,
   * how far the block does in the window. A page that is not one piece is an extent without access.
   */
  #measure(
    guard: ReadGuard,
    row: number,
    page: number,
    address: Address,
    extent: PageExtent,
  ): void {
    extent.set(row, page, page);
    const space = this.#space;
    const region = space.region(row);
    if (region === 0) return; // the row of unassigned pages says nothing of their neighbours
    let after = space.remaining(row, address);
    let before = typeof address === "number" ? space.preceding(row, address) : 0;
    const flags = space.flags(row);
    if (!isDirect(flags, false)) {
      if (after >= PAGE) extent.set(row, page - pagesIn(before), page + pagesIn(after) - 1);
      return;
    }
    const { ram, translator: { records } } = this.#path;
    const ramAddr = records.get(guard, region).ramAddr + Number(offsetOf(space, row, address));
    const window = ram.locate(guard, region, ramAddr);
    const { at } = ram;
    after = Math.min(after, ram.contiguous);
    if (after < PAGE || (at & 7) !== 0) return;
    // A region lies in one block, so what precedes the page in its range does so in the window.
    before = pagesIn(Math.min(before, at));
    extent.set(row, page - before, page + pagesIn(after) - 1);
    extent.show(window, at - before * PAGE, ramAddr - before * PAGE, flags);
  }
}

/** Whole pages in a number of bytes. */
function pagesIn(bytes: number): number {
  return Math.floor(bytes / PAGE);
}

/** Bits of {@linkcode PageAccess} for memory that can be read directly. */
function accessOf(flags: number): number {
  const read = PageAccess.READ | PageAccess.EXECUTE;
  if (!isDirect(flags, true)) return read;
  return read | PageAccess.WRITE | ((flags & DIRTY_LOG_BITS) === 0 ? 0 : PageAccess.LOGGED);
}
