/**
 * The IOMMU memory region: what flatview asks when it comes upon one, and whom it tells.
 *
 * @module
 */

import type { IommuOps, IommuTlbEntry, MemTxAttrs } from "@guestmem/flatview";
import { MASK, MAX_PAGES, pageOf, toAddress } from "../_pages.ts";
import { type Mapping, type PageRun, toMapping } from "../_runs.ts";
import { IommuIndexError } from "../errors.ts";
import {
  type IommuNotifier,
  type NotifierKind,
  NotifierList,
  tellMapped,
} from "../notify/notifier.ts";

/** What every region may be given. */
export interface IommuRegionOptions {
  /** Its name, for reports. */
  readonly name: string;
  /** How many IOMMU indexes it has: 1 unless given. */
  readonly indexes?: number;
  /** Which index an access takes; 0 unless given. */
  readonly attrsToIndex?: (attrs: MemTxAttrs) => number;
  /** The `target` of what {@linkcode IommuMemoryRegion.translate} returns. */
  readonly targetRoot?: unknown;
}

/** A run of pages, of which one is asked for, with the level of that one's entry. */
export interface FoundPage extends PageRun {
  /** 0, 1 or 2: the entry's page has 4 KiB, 2 MiB or 1 GiB. */
  readonly level: number;
}

/**
 * An IOMMU region, in the control context: pass it to flatview as the region's {@linkcode IommuOps}.
 * Workers translate through an {@linkcode IommuTranslator} that is attached to the same region.
 */
export abstract class IommuMemoryRegion implements IommuOps {
  /** Its name. */
  readonly name: string;
  /** How many IOMMU indexes it has. */
  readonly indexes: number;
  /** Bytes of the smallest page that it translates by. */
  readonly minPageSize = 4096;
  /** @internal Its notifiers. */
  protected readonly notifiers: NotifierList;
  readonly #attrsToIndex: (attrs: MemTxAttrs) => number;
  readonly #targetRoot: unknown;

  /**
   * @internal
   *
   * @param options Name and indexes.
   * @param supported What it can tell notifiers of.
   */
  constructor(options: IommuRegionOptions, supported: readonly NotifierKind[]) {
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

  /** @internal The page of an index that has an address; null if it is not mapped. */
  protected abstract find(index: number, page: number): FoundPage | null;
  /** @internal The mappings of an index in a range of pages, in order. */
  protected abstract runsOf(index: number, first: number, last: number): PageRun[];

  /** @internal What notifiers know of an index: its mappings, unless they may change without a word. */
  protected toldRuns(index: number, first: number, last: number): PageRun[] {
    return this.runsOf(index, first, last);
  }

  /**
   * Translates an address. Control context; it uses no IOTLB and reports no fault.
   *
   * @param address Offset in the region.
   * @param access 1 to read, 2 to write, 3 both, 0 to ask without wanting anything.
   * @param iommuIndex The IOMMU index.
   * @returns The answer. If the access is not allowed, its `perm` is 0.
   * @throws {IommuIndexError} If the region has no such index.
   */
  translate(address: bigint, access: 0 | 1 | 2 | 3, iommuIndex: number): IommuTlbEntry {
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
   * @throws {IommuIndexError} If the function given at creation gives no index of the region.
   */
  attrsToIndex(attrs: MemTxAttrs): number {
    const index = this.#attrsToIndex(attrs);
    this.requireIndex(index);
    return index;
  }

  /**
   * The mappings of an index, joined where they go on in one another.
   *
   * @param index The IOMMU index.
   * @returns The mappings in the order of their addresses.
   * @throws {IommuIndexError} If the region has no such index.
   */
  mappings(index = 0): Mapping[] {
    this.requireIndex(index);
    return this.runsOf(index, 0, MAX_PAGES - 1).map(toMapping);
  }

  /**
   * Registers a notifier: from now on it is told of changes. {@linkcode replay} tells it what there
   * is already.
   *
   * @param notifier The notifier.
   * @throws {NotifierError} If it is registered, names no kind, names one that the region cannot
   * tell of, or has an empty range.
   * @throws {IommuIndexError} If the region has no such index.
   */
  registerNotifier(notifier: IommuNotifier): void {
    this.notifiers.add(notifier);
  }

  /**
   * Unregisters a notifier.
   *
   * @param notifier The notifier.
   * @throws {NotifierError} If it is not registered.
   */
  unregisterNotifier(notifier: IommuNotifier): void {
    this.notifiers.delete(notifier);
  }

  /**
   * Tells a notifier of every mapping in its range, as if it had been made just now.
   *
   * @param notifier A registered notifier.
   * @throws {NotifierError} If it is not registered.
   */
  replay(notifier: IommuNotifier): void {
    this.notifiers.require("replay mappings", notifier);
    const { index, first, last } = notifier;
    for (const run of this.toldRuns(index, pageOf(first), pageOf(last))) tellMapped(notifier, run);
  }

  /**
   * Tells those that follow it that a device is to drop a range from its own IOTLB.
   *
   * @param index The IOMMU index.
   * @param first First address.
   * @param last Last address, inclusive.
   */
  notifyDeviceIotlb(index: number, first: number | bigint, last: number | bigint): void {
    this.requireIndex(index);
    this.notifiers.unmapped("deviceIotlbUnmap", index, pageOf(first), pageOf(last));
  }

  /** @internal Tells of runs that are gone: neighbours in one event, since it says only where nothing is. */
  protected tellUnmapped(index: number, runs: readonly PageRun[]): void {
    for (let at = 0; at < runs.length;) {
      const { first } = runs[at]!;
      let { last } = runs[at++]!;
      while (at < runs.length && runs[at]!.first === last + 1) last = runs[at++]!.last;
      this.notifiers.unmapped("unmap", index, first, last);
      this.notifiers.unmapped("deviceIotlbUnmap", index, first, last);
    }
  }

  /** @internal Throws unless the region has an index. */
  protected requireIndex(index: number): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.indexes) {
      throw new IommuIndexError(index, this.indexes);
    }
  }
}
