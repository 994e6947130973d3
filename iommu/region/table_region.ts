/**
 * A region whose accesses go through mapping tables.
 *
 * @module
 */

import type { MemTxAttrs } from "@guestmem/flatview";
import { instantiateKernel } from "@guestmem/rcu/internal";
import type { LeafRun, PageRun } from "../addresses/page_run.ts";
import { MAX_LEAF_LEVEL, MAX_PAGES, SPAN } from "../addresses/pages.ts";
import {
  BLOCKED,
  BYPASS,
  type IommuRegionHandle,
  REGION,
  REGION_MAGIC,
} from "../handles/region_handle.ts";
import type { IommuHandle } from "../handles/unit_handle.ts";
import { EVERY_DOMAIN } from "../iotlb/invalidation_log.ts";
import { changeAndWait, changeAndWaitAsync } from "../resources/grace_periods.ts";
import type { UnitResources } from "../resources/unit_resources.ts";
import type { MappingTable, TableListener } from "../table/mapping_table.ts";
import { IommuMemoryRegion } from "./iommu_memory_region.ts";

/**
 * A region whose indexes are bound to {@linkcode MappingTable}s. From
 * {@linkcode TableIommu.createRegion}. Control context.
 */
export class TableRegion extends IommuMemoryRegion {
  /** What workers attach with. */
  override readonly handle: IommuRegionHandle;
  readonly #resources: UnitResources;
  readonly #tableOf: (id: number) => MappingTable;
  readonly #bound: (MappingTable | "bypass" | "blocked")[];
  readonly #listeners: TableListener[];

  /**
   * @internal From {@linkcode TableIommu.createRegion}.
   *
   * @param resources What the unit gives it.
   * @param unit The unit's handle.
   * @param tableOf Finds a domain's table; throws if there is none.
   * @param options Name and indexes.
   */
  constructor(
    resources: UnitResources,
    unit: IommuHandle,
    tableOf: (id: number) => MappingTable,
    options: {
      readonly name: string;
      readonly indexes?: number;
      readonly attrsToIndex?: (attrs: MemTxAttrs) => number;
      readonly targetRoot?: unknown;
      readonly target?: number;
    },
  ) {
    super(options, ["map", "unmap", "deviceIotlbUnmap"]);
    const { arena } = resources;
    const offset = arena.allocate(REGION.bindings.at(0, this.indexes));
    REGION.magic.set(arena.u32, offset, REGION_MAGIC.table);
    REGION.indexes.set(arena.u32, offset, this.indexes);
    REGION.target.set(arena.u32, offset, options.target ?? 0);
    this.handle = { kind: "guestmem-iommu-region", unit, offset };
    this.#resources = resources;
    this.#tableOf = tableOf;
    this.#bound = Array.from({ length: this.indexes }, () => "blocked");
    this.#listeners = this.#bound.map((_, index) => ({
      mapped: (run) => this.notifiers.notifyMapped(index, run),
      unmapped: (runs) => this.notifyUnmapped(index, runs),
    }));
  }

  /**
   * Binds an index, and returns when no reader uses its previous binding through this region.
   * Notifiers are notified of what is no longer mapped, then of what is.
   *
   * @param index The IOMMU index.
   * @param binding A domain's id; `"bypass"`, so that addresses pass unchanged; or `"blocked"`, so that
   * every access is refused.
   * @throws {IommuError} `INVALID_INDEX` or `UNKNOWN_DOMAIN` if there is no such index or domain.
   * @throws {WaitInSectionError} Inside a read-side section. Nothing is changed.
   */
  bind(index: number, binding: number | "bypass" | "blocked"): void {
    const { domain } = this.#resources;
    changeAndWait(domain, "bind a region", () => this.#rebind(index, binding));
  }

  /**
   * As {@linkcode bind}, without blocking the thread.
   *
   * @param index The IOMMU index.
   * @param binding A domain's id, `"bypass"` or `"blocked"`.
   */
  async bindAsync(index: number, binding: number | "bypass" | "blocked"): Promise<void> {
    const { domain } = this.#resources;
    await changeAndWaitAsync(domain, "bind a region", () => this.#rebind(index, binding));
  }

  /** @internal Blocks every index and frees the block after a grace period. */
  release(): void {
    for (let index = 0; index < this.indexes; index++) this.#rebind(index, "blocked");
    this.#resources.domain.deferFree(this.handle.offset);
  }

  /** @internal Whether an index is bound to a table. */
  isBoundTo(table: MappingTable): boolean {
    return this.#bound.includes(table);
  }

  /** @internal */
  protected override find(index: number, page: number): LeafRun | null {
    const bound = this.#bound[index]!;
    if (bound === "blocked") return null;
    if (bound !== "bypass") return bound.find(page);
    const span = SPAN[MAX_LEAF_LEVEL]!;
    const first = page - page % span;
    return { first, last: first + span - 1, target: first, perm: 3, level: MAX_LEAF_LEVEL };
  }

  /** @internal */
  protected override runsOf(index: number, first: number, last: number): PageRun[] {
    const bound = this.#bound[index]!;
    if (bound === "blocked") return [];
    return bound === "bypass" ? [{ first, last, target: first, perm: 3 }] : bound.runs(first, last);
  }

  #rebind(index: number, binding: number | "bypass" | "blocked"): void {
    this.requireIndex(index);
    const next = typeof binding === "number" ? this.#tableOf(binding) : binding;
    const previous = this.#bound[index]!;
    if (next === previous) return;
    const { arena, log } = this.#resources;
    const gone = this.runsOf(index, 0, MAX_PAGES - 1);
    if (typeof previous !== "string") previous.removeListener(this.#listeners[index]!);
    this.#bound[index] = next;
    const word = next === "blocked" ? BLOCKED : next === "bypass" ? BYPASS : next.offset;
    instantiateKernel(arena.memory).store32(REGION.bindings.at(this.handle.offset, index), word);
    // Translators read their bindings again when the log has moved, whatever the record invalidates:
    // one page of every domain is the least.
    log.append(EVERY_DOMAIN, 0, 0);
    if (typeof next !== "string") next.addListener(this.#listeners[index]!);
    this.notifyUnmapped(index, gone);
    for (const run of this.runsOf(index, 0, MAX_PAGES - 1)) this.notifiers.notifyMapped(index, run);
  }
}
