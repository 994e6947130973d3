/**
 * The notifiers of one region, and how events reach them.
 *
 * @module
 */

import { type PageRun, partOf } from "../addresses/page_run.ts";
import { lastAddress, MAX_PAGES, pageOf, toAddress } from "../addresses/pages.ts";
import { IommuError } from "../errors/iommu_error.ts";
import type { IommuEvent, IommuNotifier } from "./iommu_notifier.ts";

/** The notifiers of one region. */
export class NotifierList {
  readonly #notifiers = new Set<IommuNotifier>();
  readonly #indexes: number;
  readonly #supported: readonly IommuEvent["kind"][];

  /**
   * @param indexes How many indexes the region has.
   * @param supported The kinds of events that it can report.
   */
  constructor(indexes: number, supported: readonly IommuEvent["kind"][]) {
    this.#indexes = indexes;
    this.#supported = supported;
  }

  /** Whether any notifier follows mappings. */
  get followsMappings(): boolean {
    for (const { kinds } of this.#notifiers) if (kinds.includes("map")) return true;
    return false;
  }

  /** Adds a notifier; throws if it is invalid. */
  add(notifier: IommuNotifier): void {
    const { kinds, first, last, index } = notifier;
    const fail = (reason: string) => refusal("register a notifier", reason);
    if (this.#notifiers.has(notifier)) throw fail("it is registered already");
    if (kinds.length === 0) throw fail("it names no kind of event");
    const refused = kinds.find((kind) => !this.#supported.includes(kind));
    if (refused) throw fail(`the region cannot report "${refused}" events`);
    if (pageOf(first) > pageOf(last) || first > last) {
      throw fail(`its first address ${first} is beyond its last ${last}`);
    }
    if (!Number.isInteger(index) || index < 0 || index >= this.#indexes) {
      throw new IommuError("INVALID_INDEX", { index, count: this.#indexes });
    }
    this.#notifiers.add(notifier);
  }

  /** Removes a notifier; throws unless it is registered. */
  delete(notifier: IommuNotifier): void {
    this.require("unregister a notifier", notifier);
    this.#notifiers.delete(notifier);
  }

  /** Throws unless a notifier is registered. */
  require(action: string, notifier: IommuNotifier): void {
    if (!this.#notifiers.has(notifier)) throw refusal(action, "it is not registered");
  }

  /** Notifies of a run that was mapped. */
  notifyMapped(index: number, run: PageRun): void {
    for (const notifier of this.#following("map", index)) notifyMapped(notifier, run);
  }

  /** Notifies of a range of pages that is no longer mapped. */
  notifyUnmapped(
    kind: "unmap" | "deviceIotlbUnmap",
    index: number,
    first: number,
    last: number,
  ): void {
    for (const notifier of this.#following(kind, index)) {
      const clipped = clip(notifier, first, last);
      if (clipped) notifier.notify({ kind, ...clipped, target: 0n, perm: 0 });
    }
  }

  #following(kind: IommuEvent["kind"], index: number): IommuNotifier[] {
    return [...this.#notifiers].filter((notifier) =>
      notifier.index === index && notifier.kinds.includes(kind)
    );
  }
}

/** Notifies one notifier of a run, clipped to its range. */
export function notifyMapped(notifier: IommuNotifier, run: PageRun): void {
  const first = Math.max(run.first, pageOf(notifier.first));
  const last = Math.min(run.last, pageOf(notifier.last));
  if (first > last) return;
  const { target, perm } = partOf(run, first, last);
  const range = clip(notifier, first, last)!;
  const shift = range.first - toAddress(first);
  notifier.notify({ kind: "map", ...range, target: toAddress(target) + shift, perm });
}

/** The part of a range of pages that is in a notifier's range. */
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

function refusal(action: string, reason: string): IommuError {
  return new IommuError("INVALID_NOTIFIER", { action, reason });
}
