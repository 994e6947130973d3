/**
 * A shadow of a region's mappings, as VFIO keeps one in the host's IOMMU.
 *
 * @module
 */

import { type Mapping, toMapping } from "../addresses/page_run.ts";
import { lastAddress, MAX_PAGES, pageOf } from "../addresses/pages.ts";
import { RunList } from "../addresses/run_list.ts";
import { IommuError } from "../errors/iommu_error.ts";
import type { IommuEvent, IommuNotifier } from "./iommu_notifier.ts";

/** Where the shadow is kept: what VFIO's two ioctls do. */
type DmaContainer = ConstructorParameters<typeof ShadowMapping>[1];

/** What a shadow needs of the region that it follows: an `IommuMemoryRegion`. */
export interface NotifierRegistry {
  /** Registers a notifier. */
  registerNotifier(notifier: IommuNotifier): void;
  /** Unregisters a notifier. */
  unregisterNotifier(notifier: IommuNotifier): void;
  /** Notifies a notifier of every mapping in its range. */
  replay(notifier: IommuNotifier): void;
}

/**
 * Follows a region's mappings and keeps a container equal to them: after each call that changes the
 * region, both have the same mappings. Control context.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { ShadowMapping, TableIommu } from "@guestmem/iommu";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const iommu = new TableIommu({ arena, domain });
 * const table = iommu.createTable();
 * const region = iommu.createRegion({ name: "gpu" });
 * region.bind(0, table.id);
 *
 * const calls: string[] = [];
 * const shadow = new ShadowMapping(region, {
 *   mapDma: ({ first, target }) => calls.push(`map ${first} to ${target}`),
 *   unmapDma: (first, last) => calls.push(`unmap ${first} to ${last}`),
 * });
 * table.map(0x1000, 0x1000, 0x5000, 3);
 * assertEquals(shadow.mappings, region.mappings());
 * table.unmap(0, 0x10000);
 * assertEquals(calls, ["map 4096 to 20480", "unmap 4096 to 8191"]);
 * ```
 */
export class ShadowMapping {
  readonly #region: NotifierRegistry;
  readonly #container: DmaContainer;
  readonly #notifier: IommuNotifier;
  readonly #runs = new RunList();

  /**
   * Registers with the region and copies what is mapped.
   *
   * @param region The region to follow: an {@linkcode IommuMemoryRegion}.
   * @param container What to keep equal, such as VFIO's two ioctls; nothing is mapped in it yet.
   * @param index The IOMMU index; 0 unless given.
   * @throws {IommuError} `INVALID_NOTIFIER` if the region cannot report mappings.
   */
  constructor(
    region: NotifierRegistry,
    container: {
      /** Maps a range of which nothing is mapped. */
      mapDma(mapping: Mapping): void;
      /** Unmaps a range, parts of which may not be mapped. When it returns the device cannot reach it. */
      unmapDma(first: bigint, last: bigint): void;
    },
    index = 0,
  ) {
    this.#region = region;
    this.#container = container;
    this.#notifier = {
      kinds: ["map", "unmap"],
      first: 0,
      last: lastAddress(MAX_PAGES - 1),
      index,
      notify: (event) => this.#apply(event),
    };
    region.registerNotifier(this.#notifier);
    region.replay(this.#notifier);
  }

  /** The mappings of the container, merged where one continues another. */
  get mappings(): Mapping[] {
    return this.#runs.merged.map(toMapping);
  }

  /** Stops following and unmaps everything. */
  close(): void {
    this.#region.unregisterNotifier(this.#notifier);
    for (const { first, last } of this.mappings) this.#unmap(first, last);
  }

  #apply({ kind, first, last, target, perm }: IommuEvent): void {
    if (kind !== "map") return this.#unmap(first, last);
    const run = { first: pageOf(first), last: pageOf(last), target: pageOf(target), perm };
    if (!this.#runs.add(run)) throw new IommuError("SHADOW_CONFLICT", { first, last });
    this.#container.mapDma({ first, last, target, perm });
  }

  #unmap(first: bigint, last: bigint): void {
    this.#runs.remove(pageOf(first), pageOf(last));
    this.#container.unmapDma(first, last);
  }
}
