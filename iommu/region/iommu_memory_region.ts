/**
 * The IOMMU memory region: what flatview asks when an access reaches one, and where notifiers register.
 *
 * @module
 */

import type { IommuOps, MemTxAttrs } from "@guestmem/flatview";
import { type LeafRun, type Mapping, type PageRun, toMapping } from "../addresses/page_run.ts";
import { MASK, MAX_PAGES, pageOf, toAddress } from "../addresses/pages.ts";
import { IommuError } from "../errors/iommu_error.ts";
import type { IommuRegionHandle } from "../handles/region_handle.ts";
import type { IommuEvent, IommuNotifier } from "../notify/iommu_notifier.ts";
import { NotifierList, notifyMapped } from "../notify/notifier_list.ts";

/** What regions of both kinds are made of. */
interface RegionParts {
  readonly name: string;
  readonly indexes?: number;
  readonly attrsToIndex?: (attrs: MemTxAttrs) => number;
  readonly targetRoot?: unknown;
}

/**
 * An IOMMU region, in the control context: pass it to flatview as the region's `IommuOps`. Workers
 * translate through an {@linkcode IommuTranslator} for the same region.
 */
export abstract class IommuMemoryRegion implements IommuOps {
  /** What workers attach with. */
  abstract readonly handle: IommuRegionHandle;
  /** Its name. */
  readonly name: string;
  /** How many IOMMU indexes it has. */
  readonly indexes: number;
  /** Bytes of the smallest page that it maps. */
  readonly minPageSize = 4096;
  /** @internal Its notifiers. */
  protected readonly notifiers: NotifierList;
  readonly #attrsToIndex: (attrs: MemTxAttrs) => number;
  readonly #targetRoot: unknown;

  /**
   * @internal
   *
   * @param options Name and indexes.
   * @param supported The kinds of events that it can report.
   */
  constructor(
    options: RegionParts,
    supported: readonly IommuEvent["kind"][],
  ) {
    this.name = options.name;
    this.indexes = options.indexes ?? 1;
    if (!Number.isInteger(this.indexes) || this.indexes < 1) {
      throw new RangeError(
        `Cannot create region "${this.name}" with ${this.indexes} IOMMU indexes`,
      );
    }
    this.notifiers = new NotifierList(this.indexes, supported);
    this.#attrsToIndex = options.attrsToIndex ?? (() => 0);
    this.#targetRoot = options.targetRoot;
  }

  /** @internal The leaf that maps a page through an index; null if it is not mapped. */
  protected abstract find(index: number, page: number): LeafRun | null;
  /** @internal The mappings of an index in a range of pages, in order. */
  protected abstract runsOf(index: number, first: number, last: number): PageRun[];

  /** @internal What notifiers know of an index: its mappings, unless those change without notice. */
  protected notifiedRuns(index: number, first: number, last: number): PageRun[] {
    return this.runsOf(index, first, last);
  }

  /**
   * Translates an address. Control context; it uses no IOTLB and reports no fault.
   *
   * @param address Offset in the region.
   * @param access What the access wants: 1 read, 2 write, 3 both, 0 to ask without wanting anything.
   * @param iommuIndex The IOMMU index.
   * @returns The result. If the access is not allowed, its `perm` is 0.
   * @throws {IommuError} `INVALID_ADDRESS` or `INVALID_INDEX` if there is no such address or index.
   */
  translate(
    address: number | bigint,
    access: 0 | 1 | 2 | 3,
    iommuIndex: number,
  ): ReturnType<IommuOps["translate"]> {
    this.requireIndex(iommuIndex);
    const page = pageOf(address);
    const found = this.find(iommuIndex, page);
    const target = this.#targetRoot;
    if (!found || (access & ~found.perm) !== 0) {
      return { target, iova: toAddress(page), translated: 0n, addrMask: 0xfffn, perm: 0 };
    }
    const addrMask = BigInt(MASK[found.level]!);
    const { first, target: translated, perm } = toMapping(found);
    return { target, iova: first, translated, addrMask, perm: perm as 1 | 2 | 3 };
  }

  /**
   * The IOMMU index of an access.
   *
   * @param attrs Its attributes.
   * @throws {IommuError} `INVALID_INDEX` if the function given at creation returns no valid index.
   */
  attrsToIndex(attrs: MemTxAttrs): number {
    const index = this.#attrsToIndex(attrs);
    this.requireIndex(index);
    return index;
  }

  /**
   * The mappings of an index, merged where one continues another.
   *
   * @param index The IOMMU index.
   * @returns The mappings in order of their addresses.
   * @throws {IommuError} `INVALID_INDEX` if the region has no such index; `MAPPING_LIMIT` if a guest's
   * tables have too many entries.
   */
  mappings(index = 0): Mapping[] {
    this.requireIndex(index);
    return this.runsOf(index, 0, MAX_PAGES - 1).map(toMapping);
  }

  /**
   * Registers a notifier: from now on it is notified of changes. {@linkcode replay} notifies it of what
   * is mapped already.
   *
   * @param notifier The notifier.
   * @throws {IommuError} `INVALID_NOTIFIER` if it is registered, names no kind of event or one that the
   * region cannot report, or has an empty range; `INVALID_INDEX` if the region has no such index;
   * `MAPPING_LIMIT` if it is to follow the mappings of a guest's tables that have too many. It is
   * registered then.
   */
  registerNotifier(notifier: IommuNotifier): void {
    this.notifiers.add(notifier);
  }

  /**
   * Unregisters a notifier.
   *
   * @param notifier The notifier.
   * @throws {IommuError} `INVALID_NOTIFIER` if it is not registered.
   */
  unregisterNotifier(notifier: IommuNotifier): void {
    this.notifiers.delete(notifier);
  }

  /**
   * Notifies a notifier of every mapping in its range, as if each had been made just now.
   *
   * @param notifier A registered notifier.
   * @throws {IommuError} `INVALID_NOTIFIER` if it is not registered.
   */
  replay(notifier: IommuNotifier): void {
    this.notifiers.require("replay mappings", notifier);
    const { index, first, last } = notifier;
    for (const run of this.notifiedRuns(index, pageOf(first), pageOf(last))) {
      notifyMapped(notifier, run);
    }
  }

  /**
   * Notifies those that follow it that a device is to drop a range from its own IOTLB.
   *
   * @param index The IOMMU index.
   * @param first First address.
   * @param last Last address, inclusive.
   * @throws {IommuError} `INVALID_INDEX` or `INVALID_ADDRESS` if there is no such index or address.
   */
  notifyDeviceIotlb(index: number, first: number | bigint, last: number | bigint): void {
    this.requireIndex(index);
    this.notifiers.notifyUnmapped("deviceIotlbUnmap", index, pageOf(first), pageOf(last));
  }

  /** @internal Notifies of runs that are no longer mapped, adjacent ones in one event. */
  protected notifyUnmapped(index: number, runs: readonly PageRun[]): void {
    for (let at = 0; at < runs.length;) {
      const { first } = runs[at]!;
      let { last } = runs[at++]!;
      while (at < runs.length && runs[at]!.first === last + 1) last = runs[at++]!.last;
      this.notifiers.notifyUnmapped("unmap", index, first, last);
      this.notifiers.notifyUnmapped("deviceIotlbUnmap", index, first, last);
    }
  }

  /** @internal Throws unless the region has an index. */
  protected requireIndex(index: number): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.indexes) {
      throw new IommuError("INVALID_INDEX", { index, count: this.indexes });
    }
  }
}
