/**
 * Mapping tables: what one domain of an IOMMU maps.
 *
 * @module
 */

import { type Arena, DeferredBudgetError, type RcuDomain } from "@guestmem/rcu";
import { waitOutside } from "@guestmem/rcu/internal";
import {
  alignedPage,
  lastAddress,
  MAX_PAGES,
  PAGE_BITS,
  pageOf,
  pagesOf,
  SPAN,
} from "../_pages.ts";
import { appendRun, type Mapping, type PageRun, partOf, toMapping } from "../_runs.ts";
import { InvalidPermissionError, RangeBeyondError } from "../errors.ts";
import type { InvalidationLog } from "../iotlb/invalidations.ts";
import { Edit } from "./edit.ts";
import { ENTRIES, HEADER, HEADER_BYTES, NODE_BYTES } from "./layout.ts";
import type { FoundPage } from "../region/iommu_region.ts";
import { planMap } from "./map.ts";
import { scanNode } from "./scan.ts";
import { planUnmap, retireTree } from "./unmap.ts";

/** Where a table lives and whom it tells. */
export interface TablePlace {
  /** The arena. */
  readonly arena: Arena;
  /** The domain whose sections protect translations. */
  readonly domain: RcuDomain;
  /** The log that reaches every IOTLB. */
  readonly log: InvalidationLog;
}

/** Is told of a table's changes, in the control context. */
export interface TableListener {
  /** A run was mapped, where nothing was. */
  mapped(run: PageRun): void;
  /** What a range mapped is gone; `runs` is what was there. */
  unmapped(runs: readonly PageRun[]): void;
}

/** How large a table is. */
export interface TableStats {
  /** Leaves of 4 KiB, 2 MiB and 1 GiB. */
  readonly leaves: readonly [number, number, number];
  /** Nodes. */
  readonly nodes: number;
  /** Bytes of the arena that nodes and header take. */
  readonly bytes: number;
}

/**
 * A radix table in the arena that maps the addresses of a domain (IOVAs) in pages of 4 KiB, 2 MiB
 * and 1 GiB, nine bits a level. One control context changes it; every worker translates through it
 * at the same time, under RCU. Made by {@linkcode TableIommu.createTable}.
 *
 * Each entry changes in one step. A mapping of many entries comes and goes entry by entry; when the
 * call returns it is all there, or all gone.
 */
export class MappingTable {
  /** Its domain id: never given twice. */
  readonly id: number;
  /** Addresses are below 2 to the power of this. */
  readonly addressBits: number;
  /** Handle of the address space that it leads to. */
  readonly target: number;
  /** @internal Where its header lies in the arena. */
  readonly offset: number;
  readonly #place: TablePlace;
  readonly #root: number;
  readonly #levels: number;
  readonly #listeners = new Set<TableListener>();

  /**
   * @internal Made by {@linkcode TableIommu.createTable}.
   *
   * @param place Where it lives.
   * @param id Its domain id.
   * @param addressBits How wide its addresses are, 12 to 64.
   * @param target Handle of the address space that it leads to.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  constructor(place: TablePlace, id: number, addressBits: number, target: number) {
    const { arena } = place;
    this.id = id;
    this.addressBits = addressBits;
    this.target = target;
    this.#place = place;
    this.#levels = Math.max(Math.ceil((addressBits - PAGE_BITS) / 9), 1);
    this.offset = arena.allocate(HEADER_BYTES);
    try {
      this.#root = arena.allocate(NODE_BYTES);
    } catch (error) {
      arena.free(this.offset);
      throw error;
    }
    const header = this.offset >>> 2;
    arena.u32[header + (HEADER.root >> 2)] = this.#root;
    arena.u32[header + (HEADER.levels >> 2)] = this.#levels;
    arena.u32[header + (HEADER.id >> 2)] = id >>> 0;
    arena.u32[header + (HEADER.id >> 2) + 1] = Math.floor(id / 2 ** 32);
    arena.u32[header + (HEADER.target >> 2)] = target;
  }

  /**
   * Maps a range. Takes the largest pages that the alignment of both addresses allows. Control
   * context; any reader may translate meanwhile. O(pages of the largest sizes that fit).
   *
   * @param iova First address, a multiple of 4,096.
   * @param size Bytes, a multiple of 4,096, at least one page.
   * @param target What the first address is to translate to, a multiple of 4,096.
   * @param perm 1 read, 2 write, 3 both.
   * @throws {OverlapError} If a part of the range is mapped.
   * @throws {UnalignedError} If a value is not a multiple of the page size.
   * @throws {IommuAddressError} If a value is no address or size.
   * @throws {RangeBeyondError} If the range or its target runs past the end.
   * @throws {InvalidPermissionError} If the permissions are none of the three.
   * @throws {ArenaExhaustedError} If there is no room for a node. Nothing is changed then.
   */
  map(iova: number | bigint, size: number | bigint, target: number | bigint, perm: number): void {
    if (perm !== 1 && perm !== 2 && perm !== 3) throw new InvalidPermissionError(perm);
    const { first, last } = this.#range("map", iova, size);
    const targetPage = alignedPage("map", "the target", target);
    const targetLast = targetPage + (last - first);
    if (targetLast >= MAX_PAGES) throw new RangeBeyondError("map", lastAddress(targetLast), 64);
    const run = { first, last, target: targetPage, perm };
    const edit = new Edit(this.#place.arena);
    try {
      planMap(edit, run, this.#root, this.#levels - 1, 0);
    } catch (error) {
      edit.abandon();
      throw error;
    }
    edit.commit();
    for (const listener of this.#listeners) listener.mapped(run);
  }

  /**
   * Unmaps whatever is mapped in a range, and returns when no reader can use it any more: each
   * section that could has ended, and the IOTLB of every worker has been told. A large page that
   * lies partly in the range is split.
   *
   * @param iova First address, a multiple of 4,096.
   * @param size Bytes, a multiple of 4,096, at least one page.
   * @returns How many pages of 4 KiB were mapped there.
   * @throws {UnalignedError} If a value is not a multiple of the page size.
   * @throws {IommuAddressError} If a value is no address or size.
   * @throws {RangeBeyondError} If the range runs past the end.
   * @throws {ArenaExhaustedError} If there is no room to split a large page. Nothing is changed.
   * @throws {WaitInSectionError} Inside a read-side section. Nothing is changed.
   * @throws {BlockingForbiddenError} Where blocking is forbidden: it is unmapped, but whether readers
   * still use it is not known. Use {@linkcode unmapAsync} there.
   */
  unmap(iova: number | bigint, size: number | bigint): number {
    const { arena, domain } = this.#place;
    return waitOutside(arena, "unmap a range", () => {
      const pages = this.#take(iova, size);
      if (pages > 0) domain.synchronize();
      return pages;
    });
  }

  /**
   * As {@linkcode unmap}, without blocking the thread: the range is unmapped at once, and no reader
   * can use it any more when the promise resolves.
   *
   * @param iova First address, a multiple of 4,096.
   * @param size Bytes, a multiple of 4,096, at least one page.
   * @returns How many pages of 4 KiB were mapped there. Rejects as {@linkcode unmap} throws.
   */
  async unmapAsync(iova: number | bigint, size: number | bigint): Promise<number> {
    const { arena, domain } = this.#place;
    const pages = waitOutside(arena, "unmap a range", () => this.#take(iova, size));
    if (pages > 0) await domain.synchronizeAsync();
    return pages;
  }

  /**
   * Finds the mapping of an address. Control context.
   *
   * @param iova The address.
   * @returns The mapping of its page, of the size that the page has; null if nothing is mapped.
   */
  lookup(iova: number | bigint): Mapping | null {
    const found = this.find(pageOf(iova));
    return found && toMapping(found);
  }

  /** @internal The leaf that maps a page, with its level. */
  find(page: number): FoundPage | null {
    let found: FoundPage | null = null;
    if (page >= this.#pages) return null;
    this.#scan(page, page, (_page, _pages, target, perm, level) => {
      const span = SPAN[level]!;
      const inside = page % span;
      const first = page - inside;
      found = { first, last: first + span - 1, target: target - inside, perm, level };
    });
    return found;
  }

  /**
   * The mappings of a range in the order of their addresses, clipped to it; what goes on in one
   * another is joined, whatever page sizes it is made of. Control context. O(nodes in the range).
   *
   * @param iova First address, a multiple of 4,096; 0 unless given.
   * @param size Bytes, a multiple of 4,096; up to the end unless given.
   */
  mappings(iova: number | bigint = 0, size?: number | bigint): Mapping[] {
    const bytes = size ?? (1n << BigInt(this.addressBits)) - BigInt(iova);
    const { first, last } = this.#range("list the mappings", iova, bytes);
    return this.runs(first, last).map(toMapping);
  }

  /** @internal The mappings of a range of pages, joined. */
  runs(first: number, last: number): PageRun[] {
    const runs: PageRun[] = [];
    this.#scan(first, Math.min(last, this.#pages - 1), (page, pages, target, perm) => {
      appendRun(runs, partOf({ first: page, last: page, target, perm }, page, page + pages - 1));
    });
    return runs;
  }

  /** Counts leaves and nodes. O(nodes). */
  get stats(): TableStats {
    const leaves: [number, number, number] = [0, 0, 0];
    this.#scan(0, this.#pages - 1, (_page, _pages, _target, _perm, level) => {
      leaves[level]!++;
    });
    const nodes = this.#nodes().length;
    return { leaves, nodes, bytes: HEADER_BYTES + nodes * NODE_BYTES };
  }

  /** @internal Adds who is to be told of changes. */
  addListener(listener: TableListener): void {
    this.#listeners.add(listener);
  }

  /** @internal Takes it out. */
  removeListener(listener: TableListener): void {
    this.#listeners.delete(listener);
  }

  /** @internal Frees the table after a grace period. Nobody may reach it any more. */
  release(): void {
    this.#free([...this.#nodes(), this.offset]);
  }

  /** The pages of the address space. */
  get #pages(): number {
    return 2 ** (this.addressBits - PAGE_BITS);
  }

  /** Takes a range out, tells the IOTLBs and the listeners; the grace period is the caller's. */
  #take(iova: number | bigint, size: number | bigint): number {
    const range = this.#range("unmap", iova, size);
    const runs = this.runs(range.first, range.last);
    if (runs.length === 0) return 0;
    const edit = new Edit(this.#place.arena);
    try {
      planUnmap(edit, range, this.#root, this.#levels - 1, 0);
    } catch (error) {
      edit.abandon();
      throw error;
    }
    edit.commit();
    this.#place.log.append(this.id, range.first, range.last); // after the entries: see the log
    this.#free(edit.retired);
    for (const listener of this.#listeners) listener.unmapped(runs);
    return runs.reduce((pages, { first, last }) => pages + last - first + 1, 0);
  }

  /** Frees blocks after a grace period: what the domain's budget does not take, in a callback. */
  #free(blocks: readonly number[]): void {
    const { arena, domain } = this.#place;
    for (const [at, block] of blocks.entries()) {
      try {
        domain.deferFree(block);
      } catch (error) {
        if (!(error instanceof DeferredBudgetError)) throw error;
        return domain.callRcu(() => blocks.slice(at).forEach((rest) => arena.free(rest)));
      }
    }
  }

  #range(
    action: string,
    iova: number | bigint,
    size: number | bigint,
  ): { first: number; last: number } {
    const first = alignedPage(action, "the address", iova);
    const last = first + pagesOf(action, size) - 1;
    if (last >= this.#pages) {
      throw new RangeBeyondError(action, lastAddress(last), this.addressBits);
    }
    return { first, last };
  }

  #scan(first: number, last: number, visit: Parameters<typeof scanNode>[6]): void {
    const words = this.#place.arena.u32; // plain: this context alone changes them
    const entries = {
      low: (node: number, slot: number) => words[(node + ENTRIES + slot * 8) >>> 2]!,
      high: (node: number, slot: number) => words[(node + ENTRIES + slot * 8 + 4) >>> 2]!,
    };
    scanNode(entries, this.#root, this.#levels - 1, 0, first, last, visit);
  }

  /** All nodes, each below what it leads to. */
  #nodes(): number[] {
    const edit = new Edit(this.#place.arena);
    retireTree(edit, this.#root, this.#levels - 1);
    return edit.retired;
  }
}
