/**
 * A region whose accesses go through mapping tables.
 *
 * @module
 */

import type { Arena, RcuDomain } from "@guestmem/rcu";
import { waitOutside } from "@guestmem/rcu/internal";
import { MAX_PAGES, SPAN } from "../_pages.ts";
import type { PageRun } from "../_runs.ts";
import { EVERY_DOMAIN, type InvalidationLog } from "../iotlb/invalidations.ts";
import type { MappingTable, TableListener } from "../table/mapping_table.ts";
import { BLOCKED, BYPASS, REGION, REGION_MAGIC } from "../unit/layout.ts";
import type { IommuHandle } from "../unit/unit.ts";
import { type FoundPage, IommuMemoryRegion, type IommuRegionOptions } from "./iommu_region.ts";

/** Options of a region in front of mapping tables. */
export interface TableRegionOptions extends IommuRegionOptions {
  /** Handle of the address space in which accesses end under `"bypass"`; 0 unless given. */
  readonly target?: number;
}

/** What a worker attaches to a region with. Structured-cloneable. */
export interface IommuRegionHandle {
  /** Tells it from other handles. */
  readonly kind: "guestmem-iommu-region";
  /** The unit. */
  readonly unit: IommuHandle;
  /** Offset of the region's block. */
  readonly offset: number;
}

/** What a region needs of its unit. */
export interface RegionPlace {
  /** The arena. */
  readonly arena: Arena;
  /** The domain whose sections protect translations. */
  readonly domain: RcuDomain;
  /** The log that reaches every IOTLB. */
  readonly log: InvalidationLog;
  /** The unit. */
  readonly unit: IommuHandle;
}

/** What accesses with some index go through: a domain by its id, nothing, or no further. */
export type Binding = number | "bypass" | "blocked";

const IDENTITY: PageRun = { first: 0, last: MAX_PAGES - 1, target: 0, perm: 3 };

/** See the module. Made by {@linkcode TableIommu.createRegion}. Control context. */
export class TableRegion extends IommuMemoryRegion {
  /** What workers attach with. */
  readonly handle: IommuRegionHandle;
  readonly #place: RegionPlace & { table(id: number): MappingTable };
  readonly #bound: (MappingTable | "bypass" | "blocked")[];
  readonly #listeners: TableListener[];

  /**
   * @internal Made by {@linkcode TableIommu.createRegion}.
   *
   * @param place Where it lives, and how a domain is found.
   * @param options Name and indexes.
   */
  constructor(
    place: RegionPlace & { table(id: number): MappingTable },
    options: TableRegionOptions,
  ) {
    super(options, ["map", "unmap", "deviceIotlbUnmap"]);
    const { arena, unit } = place;
    const offset = arena.allocate(REGION.bindings + this.indexes * 4);
    arena.u32[(offset + REGION.magic) >>> 2] = REGION_MAGIC;
    arena.u32[(offset + REGION.indexes) >>> 2] = this.indexes;
    arena.u32[(offset + REGION.target) >>> 2] = options.target ?? 0;
    this.handle = { kind: "guestmem-iommu-region", unit, offset };
    this.#place = place;
    this.#bound = Array.from({ length: this.indexes }, () => "blocked");
    this.#listeners = this.#bound.map((_, index) => ({
      mapped: (run) => this.notifiers.mapped(index, run),
      unmapped: (runs) => this.tellUnmapped(index, runs),
    }));
  }

  /**
   * Binds an index, and returns when no reader uses what it was bound to before through this region.
   * Notifiers are told what is gone, then what has come.
   *
   * @param index The IOMMU index.
   * @param binding A domain's id, `"bypass"` or `"blocked"`.
   * @throws {IommuIndexError} If the region has no such index.
   * @throws {UnknownDomainError} If there is no such domain.
   * @throws {WaitInSectionError} Inside a read-side section. Nothing is changed.
   */
  bind(index: number, binding: Binding): void {
    waitOutside(this.#place.arena, "bind a region", () => {
      this.#rebind(index, binding);
      this.#place.domain.synchronize();
    });
  }

  /**
   * As {@linkcode bind}, without blocking the thread.
   *
   * @param index The IOMMU index.
   * @param binding A domain's id, `"bypass"` or `"blocked"`.
   */
  async bindAsync(index: number, binding: Binding): Promise<void> {
    waitOutside(this.#place.arena, "bind a region", () => this.#rebind(index, binding));
    await this.#place.domain.synchronizeAsync();
  }

  /** @internal Blocks every index and frees the block after a grace period. */
  release(): void {
    for (let index = 0; index < this.indexes; index++) this.#rebind(index, "blocked");
    this.#place.domain.deferFree(this.handle.offset);
  }

  /** @internal Whether an index is bound to a table. */
  isBoundTo(table: MappingTable): boolean {
    return this.#bound.includes(table);
  }

  /** @internal */
  protected override find(index: number, page: number): FoundPage | null {
    const bound = this.#bound[index]!;
    if (bound === "blocked") return null;
    if (bound !== "bypass") return bound.find(page);
    const first = page - page % SPAN[2]!;
    return { first, last: first + SPAN[2]! - 1, target: first, perm: 3, level: 2 };
  }

  /** @internal */
  protected override runsOf(index: number, first: number, last: number): PageRun[] {
    const bound = this.#bound[index]!;
    if (bound === "blocked") return [];
    return bound === "bypass"
      ? [{ ...IDENTITY, first, last, target: first }]
      : bound.runs(first, last);
  }

  #rebind(index: number, binding: Binding): void {
    this.requireIndex(index);
    const next = typeof binding === "number" ? this.#place.table(binding) : binding;
    const before = this.#bound[index]!;
    if (next === before) return;
    const gone = this.runsOf(index, 0, MAX_PAGES - 1);
    if (typeof before !== "string") before.removeListener(this.#listeners[index]!);
    this.#bound[index] = next;
    const word = next === "blocked" ? BLOCKED : next === "bypass" ? BYPASS : next.offset;
    this.#place.arena.kernel.store32(this.handle.offset + REGION.bindings + index * 4, word);
    // A translator reads its bindings again when the log has moved; the range is as small as can be.
    this.#place.log.append(EVERY_DOMAIN, 0, 0);
    if (typeof next !== "string") next.addListener(this.#listeners[index]!);
    this.tellUnmapped(index, gone);
    for (const run of this.runsOf(index, 0, MAX_PAGES - 1)) this.notifiers.mapped(index, run);
  }
}
