import { ListenerError } from "../errors/flat_view_error.ts";
import type { CoalescedRange } from "../region/coalesced_range.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { RegionHost } from "../region/region_host.ts";
import { TransactionLog } from "../region/transaction_log.ts";
import type { AddressSpace } from "../view/address_space.ts";
import { AddressSpaces } from "../view/address_spaces.ts";
import { notifyCoalescedPart } from "../view/notify_coalesced.ts";
import { publishViews } from "../view/publish_views.ts";
import { planViews } from "../view/view_plan.ts";
import type { ViewStore } from "../view/view_store.ts";
import { GlobalLog } from "./global_log.ts";

/** A region without references. */
interface Unreferenced {
  readonly region: MemoryRegion;
  readonly finalize: () => void;
}

/**
 * The transactions of a topology: runs them, publishes what the outermost changed, undoes what failed,
 * and finalises the regions that nothing refers to any longer.
 */
export class Transactions implements RegionHost {
  readonly log: TransactionLog<MemoryRegion> = new TransactionLog();
  /** The address spaces and their listeners. */
  readonly spaces: AddressSpaces = new AddressSpaces();
  /** Address spaces that the open transaction created. */
  readonly newSpaces: Set<AddressSpace> = new Set();
  /** Logging of all memory. */
  readonly globalLog: GlobalLog;
  readonly #store: ViewStore | null;
  /** What listeners threw during the open transaction. */
  readonly #listenerErrors: unknown[] = [];
  /** Regions to be finalised. */
  readonly #unreferenced: Unreferenced[] = [];
  #finalizing = false;

  /** @param store Where views are published; null if they are not. */
  constructor(store: ViewStore | null) {
    this.#store = store;
    this.globalLog = new GlobalLog(this.log, this.spaces, this.#listenerErrors);
  }

  globalLogMask(): number {
    return this.globalLog.mask;
  }

  /** See {@linkcode Topology.transaction}. */
  transaction<T>(changes: () => T): T {
    const { log } = this;
    log.begin();
    let result: T;
    try {
      result = changes();
      if (log.depth === 1) this.#commit();
    } catch (error) {
      log.rollBack();
      throw log.depth === 1 ? this.#withListenerErrors(error) : error;
    } finally {
      log.end();
      if (log.depth === 0) {
        this.newSpaces.clear();
        this.#finalizeUnreferenced();
      }
    }
    if (log.depth === 0 && this.#listenerErrors.length > 0) {
      throw new ListenerError(this.#listenerErrors.splice(0));
    }
    return result;
  }

  afterGracePeriod(run: () => void): void {
    const { afterGracePeriod: queue } = this.log;
    queue.push(run);
    this.log.record(() => queue.splice(queue.indexOf(run), 1));
  }

  unreferenced(region: MemoryRegion, finalize: () => void): void {
    this.#unreferenced.push({ region, finalize });
    if (this.log.depth === 0) this.#finalizeUnreferenced();
  }

  /** Notifies the listeners of every address space that shows the region now. */
  coalescedChanged(
    region: MemoryRegion,
    coalesced: CoalescedRange,
    change: "add" | "del",
  ): void {
    for (const listened of this.spaces.hearing("coalescedIoAdd", "coalescedIoDel")) {
      for (const range of listened.space.view.ranges()) {
        if (range.region === region) {
          notifyCoalescedPart(listened, range, coalesced, change, this.#listenerErrors);
        }
      }
    }
  }

  /**
   * Publishes what the outermost transaction changed. All that can fail comes before anything is
   * published, so that the transaction can still be undone.
   */
  #commit(): void {
    const { log, newSpaces } = this;
    const store = this.#store;
    log.freeze();
    if (store !== null && log.dirty.size + log.eventfds.size + newSpaces.size > 0) {
      const plan = planViews(log, newSpaces, this.spaces, store);
      log.discardUndo();
      publishViews(plan, log.dirty.size > 0, this.spaces, store, this.#listenerErrors);
    }
    this.globalLog.committed();
    for (const run of log.afterGracePeriod) store === null ? run() : store.retire(run);
  }

  /** What a failed transaction throws: its error, and what listeners threw when they heard of changes. */
  #withListenerErrors(error: unknown): unknown {
    const errors = this.#listenerErrors.splice(0);
    if (errors.length === 0) return error;
    return new AggregateError([error, ...errors], "A transaction failed, and so did listeners");
  }

  #finalizeUnreferenced(): void {
    // Finalising drops the references to children and targets, which may be their last: they queue up.
    if (this.#finalizing) return;
    this.#finalizing = true;
    const queue = this.#unreferenced;
    const errors: unknown[] = [];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (next.region.refs !== 0) continue;
      this.#store?.regions.drop(next.region);
      try {
        next.finalize();
      } catch (error) {
        errors.push(error);
      }
    }
    this.#finalizing = false;
    if (errors.length === 0) return;
    // They would be thrown after the finalisers' errors, which hide them.
    errors.push(...this.#listenerErrors.splice(0));
    throw new AggregateError(errors, "Finalisers of regions failed");
  }
}
