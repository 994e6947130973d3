/**
 * Notifiers: how the control context tells those that keep mappings of their own of an IOMMU's
 * changes. After QEMU's `IOMMUNotifier`.
 *
 * @module
 */

import { lastAddress, MAX_PAGES, pageOf, toAddress } from "../_pages.ts";
import { type PageRun, partOf } from "../_runs.ts";
import { IommuIndexError, NotifierError } from "../errors.ts";

/** What a notifier can be told of. */
export type NotifierKind = "map" | "unmap" | "deviceIotlbUnmap";

/** A change of a region's mappings. It lives as long as the call. */
export interface IommuEvent {
  /** What happened. */
  readonly kind: NotifierKind;
  /** First address, never before the notifier's range. */
  readonly first: bigint;
  /** Last address, inclusive, never behind the notifier's range. */
  readonly last: bigint;
  /** What the first address translates to; 0 if nothing does any more. */
  readonly target: bigint;
  /** What is allowed: 1 read, 2 write, 3 both; 0 if nothing is mapped any more. */
  readonly perm: number;
}

/** Who is told of what. */
export interface IommuNotifier {
  /** What it is told of. */
  readonly kinds: readonly NotifierKind[];
  /** First address of its range. */
  readonly first: number | bigint;
  /** Last address of its range, inclusive. */
  readonly last: number | bigint;
  /** The IOMMU index whose mappings it follows. */
  readonly index: number;
  /** Takes an event. It must neither throw nor change mappings of the region. */
  notify(event: IommuEvent): void;
}

/** The notifiers of one region. */
export class NotifierList {
  readonly #notifiers = new Set<IommuNotifier>();
  readonly #indexes: number;
  readonly #supported: readonly NotifierKind[];

  /**
   * @param indexes How many indexes the region has.
   * @param supported What it can tell.
   */
  constructor(indexes: number, supported: readonly NotifierKind[]) {
    this.#indexes = indexes;
    this.#supported = supported;
  }

  /** Whether somebody wants to be told of mappings. */
  get wantsMappings(): boolean {
    for (const { kinds } of this.#notifiers) if (kinds.includes("map")) return true;
    return false;
  }

  /** Adds a notifier. */
  add(notifier: IommuNotifier): void {
    const fail = (reason: string) => new NotifierError("register a notifier", reason);
    if (this.#notifiers.has(notifier)) throw fail("it is registered already");
    if (notifier.kinds.length === 0) throw fail("it names no kind of event");
    const refused = notifier.kinds.find((kind) => !this.#supported.includes(kind));
    if (refused) throw fail(`the region cannot tell of "${refused}" events`);
    if (pageOf(notifier.first) > pageOf(notifier.last) || notifier.first > notifier.last) {
      throw fail(`its first address ${notifier.first} lies behind its last ${notifier.last}`);
    }
    const { index } = notifier;
    if (!Number.isInteger(index) || index < 0 || index >= this.#indexes) {
      throw new IommuIndexError(index, this.#indexes);
    }
    this.#notifiers.add(notifier);
  }

  /** Takes a notifier out. */
  delete(notifier: IommuNotifier): void {
    if (!this.#notifiers.delete(notifier)) {
      throw new NotifierError("unregister a notifier", "it is not registered");
    }
  }

  /** Throws unless the notifier is registered. */
  require(action: string, notifier: IommuNotifier): void {
    if (!this.#notifiers.has(notifier)) throw new NotifierError(action, "it is not registered");
  }

  /** Tells everybody of a run that was mapped. */
  mapped(index: number, run: PageRun): void {
    for (const notifier of this.#of("map", index)) tellMapped(notifier, run);
  }

  /** Tells everybody that a range is not mapped any more. */
  unmapped(kind: "unmap" | "deviceIotlbUnmap", index: number, first: number, last: number): void {
    for (const notifier of this.#of(kind, index)) {
      const clipped = clip(notifier, first, last);
      if (clipped) notifier.notify({ kind, ...clipped, target: 0n, perm: 0 });
    }
  }

  #of(kind: NotifierKind, index: number): IommuNotifier[] {
    return [...this.#notifiers].filter((notifier) =>
      notifier.index === index && notifier.kinds.includes(kind)
    );
  }
}

/** Tells one notifier of a run, clipped to its range. */
export function tellMapped(notifier: IommuNotifier, run: PageRun): void {
  const first = Math.max(run.first, pageOf(notifier.first));
  const last = Math.min(run.last, pageOf(notifier.last));
  if (first > last) return;
  const { target, perm } = partOf(run, first, last);
  const range = clip(notifier, first, last)!;
  const shift = range.first - toAddress(first);
  notifier.notify({ kind: "map", ...range, target: toAddress(target) + shift, perm });
}

/** The part of a range of pages that lies in a notifier's range. */
function clip(
  notifier: IommuNotifier,
  firstPage: number,
  lastPage: number,
): { first: bigint; last: bigint } | null {
  const from = BigInt(notifier.first);
  const to = BigInt(notifier.last);
  const pageFirst = toAddress(firstPage);
  const pageLast = lastAddress(Math.min(lastPage, MAX_PAGES - 1));
  const first = pageFirst > from ? pageFirst : from;
  const last = pageLast < to ? pageLast : to;
  return first <= last ? { first, last } : null;
}
