/**
 * Mapping tables: what one domain of an IOMMU maps.
 *
 * @module
 */

import { waitOutside } from "@guestmem/rcu/internal";
import {
  appendRun,
  type LeafRun,
  type Mapping,
  type PageRange,
  type PageRun,
  partOf,
  toMapping,
} from "../addresses/page_run.ts";
import {
  alignedPage,
  lastAddress,
  MAX_PAGES,
  PAGE_BITS,
  pageOf,
  pagesOf,
  SPAN,
} from "../addresses/pages.ts";
import { IommuError } from "../errors/iommu_error.ts";
import { NODE, TABLE } from "../kernel/layouts.ts";
import { deferFreeAll, type UnitResources } from "../resources/unit_resources.ts";
import { NodeWords } from "./node_words.ts";
import { planMap } from "./plan_map.ts";
import { planUnmap, retireTree } from "./plan_unmap.ts";
import { scanEntries, type VisitPages } from "./scan_entries.ts";
import { TableEdit } from "./table_edit.ts";

/** Is notified of a table's changes, in the control context. */
export interface TableListener {
  /** A run was mapped. */
  mapped(run: PageRun): void;
  /** Runs are no longer mapped. */
  unmapped(runs: readonly PageRun[]): void;
}

/**
 * A radix table in the arena that maps the addresses of a domain (IOVAs) in pages of 4 KiB, 2 MiB and
 * 1 GiB, nine bits a level. One control context changes it; every worker translates through it at the
 * same time, under RCU. From {@linkcode TableIommu.createTable}.
 *
 * Each entry changes in one step. A mapping of several entries appears and disappears entry by entry;
 * when the call returns it is all there, or all gone.
 */
export class MappingTable {
  /** Its domain id: never used twice. */
  readonly id: number;
  /** Addresses are below 2 to the power of this. */
  readonly addressBits: number;
  /** Number of the address space that it maps to. */
  readonly target: number;
  /** @internal Offset of its header in the arena. */
  readonly offset: number;
  readonly #resources: UnitResources;
  readonly #nodes: NodeWords;
  readonly #root: number;
  readonly #levels: number;
  readonly #listeners = new Set<TableListener>();

  /**
   * @internal From {@linkcode TableIommu.createTable}.
   *
   * @param resources What the unit gives it.
   * @param id Its domain id.
   * @param addressBits How wide its addresses are, 12 to 64.
   * @param target Number of the address space that it maps to.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  constructor(resources: UnitResources, id: number, addressBits: number, target: number) {
    const { arena } = resources;
    this.id = id;
    this.addressBits = addressBits;
    this.target = target;
    this.#resources = resources;
    this.#nodes = new NodeWords(arena.u32);
    this.#levels = Math.max(Math.ceil((addressBits - PAGE_BITS) / 9), 1);
    this.offset = arena.allocate(TABLE.size);
    try {
      this.#root = arena.allocate(NODE.size);
    } catch (error) {
      arena.free(this.offset);
      throw error;
    }
    TABLE.root.set(arena.u32, this.offset, this.#root);
    TABLE.levels.set(arena.u32, this.offset, this.#levels);
    TABLE.id.set(arena.u32, this.offset, id);
    TABLE.target.set(arena.u32, this.offset, target);
  }

  /**
   * Maps a range, with the largest pages that the alignment of both addresses allows. Control context;
   * readers may translate at the same time. O(pages of the largest sizes that fit).
   *
   * @param iova First address, a multiple of 4,096.
   * @param size Bytes, a multiple of 4,096, at least one page.
   * @param target What the first address translates to, a multiple of 4,096.
   * @param perm 1 read, 2 write, 3 both.
   * @throws {IommuError} `OVERLAP` if part of the range is mapped; `UNALIGNED`, `INVALID_ADDRESS`,
   * `RANGE_BEYOND` or `INVALID_PERMISSION` if a value is not as above. Nothing is changed.
   * @throws {ArenaExhaustedError} If there is no room for a node. Nothing is changed.
   */
  map(iova: number | bigint, size: number | bigint, target: number | bigint, perm: number): void {
    if (perm !== 1 && perm !== 2 && perm !== 3) {
      throw new IommuError("INVALID_PERMISSION", { perm });
    }
    const { first, last } = this.#range("map", iova, size);
    const targetPage = alignedPage("map", "the target", target);
    const targetLast = targetPage + (last - first);
    if (targetLast >= MAX_PAGES) throw rangeBeyond("map", targetLast, 64);
    const run = { first, last, target: targetPage, perm };
    this.#edit((edit) => planMap(edit, run, this.#root, this.#levels - 1, 0));
    for (const listener of this.#listeners) listener.mapped(run);
  }

  /**
   * Unmaps everything in a range, and returns when no reader can use it any more: each section that
   * could has ended, and the IOTLB of every worker sees the invalidation. A large page that is partly
   * in the range is split.
   *
   * @param iova First address, a multiple of 4,096.
   * @param size Bytes, a multiple of 4,096, at least one page.
   * @returns How many pages of 4 KiB were mapped there.
   * @throws {IommuError} `UNALIGNED`, `INVALID_ADDRESS` or `RANGE_BEYOND` if a value is not as above.
   * @throws {ArenaExhaustedError} If there is no room to split a large page. Nothing is changed.
   * @throws {WaitInSectionError} Inside a read-side section. Nothing is changed.
   * @throws {BlockingForbiddenError} Where blocking is forbidden: the range is unmapped, but readers
   * may still use it. Use {@linkcode unmapAsync} there.
   */
  unmap(iova: number | bigint, size: number | bigint): number {
    const { domain } = this.#resources;
    return waitOutside("unmap a range", () => {
      const pages = this.#remove(iova, size);
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
    const { domain } = this.#resources;
    const pages = waitOutside("unmap a range", () => this.#remove(iova, size));
    if (pages > 0) await domain.synchronizeAsync();
    return pages;
  }

  /**
   * Finds the mapping of an address. Control context.
   *
   * @param iova The address.
   * @returns The mapping of its page, whatever size that has; null if the address is not mapped.
   * @throws {IommuError} `INVALID_ADDRESS` if it is not a valid address.
   */
  lookup(iova: number | bigint): Mapping | null {
    const found = this.find(pageOf(iova));
    return found && toMapping(found);
  }

  /** @internal The leaf that maps a page. */
  find(page: number): LeafRun | null {
    let found: LeafRun | null = null;
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
   * The mappings of a range in order of their addresses, clipped to it and merged where one continues
   * another, whatever page sizes they use. Control context. O(nodes in the range).
   *
   * @param iova First address, a multiple of 4,096; 0 unless given.
   * @param size Bytes, a multiple of 4,096; up to the end unless given.
   * @throws {IommuError} `UNALIGNED`, `INVALID_ADDRESS` or `RANGE_BEYOND` if a value is not as above.
   */
  mappings(iova: number | bigint = 0, size?: number | bigint): Mapping[] {
    const bytes = size ?? (1n << BigInt(this.addressBits)) - BigInt(iova);
    const { first, last } = this.#range("list the mappings", iova, bytes);
    return this.runs(first, last).map(toMapping);
  }

  /** @internal The mappings of a range of pages, merged. */
  runs(first: number, last: number): PageRun[] {
    const runs: PageRun[] = [];
    this.#scan(first, Math.min(last, this.#pages - 1), (page, pages, target, perm) => {
      appendRun(runs, partOf({ first: page, last: page, target, perm }, page, page + pages - 1));
    });
    return runs;
  }

  /**
   * How large it is: leaves of 4 KiB, 2 MiB and 1 GiB, nodes, and bytes of the arena that nodes and
   * header use. O(nodes).
   */
  get stats(): {
    readonly leaves: readonly [number, number, number];
    readonly nodes: number;
    readonly bytes: number;
  } {
    const leaves: [number, number, number] = [0, 0, 0];
    this.#scan(0, this.#pages - 1, (_page, _pages, _target, _perm, level) => {
      leaves[level]!++;
    });
    const nodes = this.#allNodes().length;
    return { leaves, nodes, bytes: TABLE.size + nodes * NODE.size };
  }

  /** @internal Adds a listener. */
  addListener(listener: TableListener): void {
    this.#listeners.add(listener);
  }

  /** @internal Removes a listener. */
  removeListener(listener: TableListener): void {
    this.#listeners.delete(listener);
  }

  /** @internal Frees the table after a grace period. No region may be bound to it. */
  release(): void {
    deferFreeAll(this.#resources, [...this.#allNodes(), this.offset]);
  }

  /** The pages of the address space. */
  get #pages(): number {
    return 2 ** (this.addressBits - PAGE_BITS);
  }

  /** Removes a range, invalidates it, and notifies the listeners; the caller waits for readers. */
  #remove(iova: number | bigint, size: number | bigint): number {
    const range = this.#range("unmap", iova, size);
    const runs = this.runs(range.first, range.last);
    if (runs.length === 0) return 0;
    const retired = this.#edit((edit) => {
      planUnmap(edit, range, this.#root, this.#levels - 1, 0);
    });
    // After the entries are cleared: see the log for why.
    this.#resources.log.append(this.id, range.first, range.last);
    deferFreeAll(this.#resources, retired);
    for (const listener of this.#listeners) listener.unmapped(runs);
    return runs.reduce((pages, { first, last }) => pages + last - first + 1, 0);
  }

  /** Plans a change and commits it; returns the retired nodes. If planning throws, nothing changes. */
  #edit(plan: (edit: TableEdit) => void): readonly number[] {
    const edit = new TableEdit(this.#resources.arena);
    try {
      plan(edit);
    } catch (error) {
      edit.abandon();
      throw error;
    }
    edit.commit();
    return edit.retired;
  }

  #range(action: string, iova: number | bigint, size: number | bigint): PageRange {
    const first = alignedPage(action, "the address", iova);
    const last = first + pagesOf(action, size) - 1;
    if (last >= this.#pages) throw rangeBeyond(action, last, this.addressBits);
    return { first, last };
  }

  #scan(first: number, last: number, visit: VisitPages): void {
    scanEntries(this.#nodes, this.#root, this.#levels - 1, 0, first, last, visit);
  }

  /** All nodes, children before parents. */
  #allNodes(): number[] {
    const edit = new TableEdit(this.#resources.arena);
    retireTree(edit, this.#root, this.#levels - 1);
    return edit.retired;
  }
}

function rangeBeyond(action: string, lastPage: number, bits: number): IommuError {
  return new IommuError("RANGE_BEYOND", { action, last: lastAddress(lastPage), bits });
}
