import { ListenerError } from "../errors/flat_view_error.ts";
import { type Address, toAddress, toSize } from "../region/address.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { RegionFactory } from "../region/region_factory.ts";
import { TransactionLog } from "../region/transaction_log.ts";
import type { AddressSpace } from "../view/address_space.ts";
import { AddressSpaces, type PublishedState } from "../view/address_spaces.ts";
import { findSection } from "../view/find_section.ts";
import type { MemoryListener, MemoryRegionSection } from "../view/memory_listener.ts";
import { notifyLogClear, notifyLogSync } from "../view/notify_dirty_log.ts";
import { GlobalLog } from "./global_log.ts";

/** What of a topology others look at and listen to: its published sections and its dirty logs. */
export abstract class ListenedTopology extends RegionFactory {
  /** @internal */
  protected readonly log: TransactionLog<MemoryRegion> = new TransactionLog();
  /** @internal */
  protected readonly spaces: AddressSpaces = new AddressSpaces();
  /** @internal What listeners threw during the open transaction. */
  protected readonly listenerErrors: unknown[] = [];
  /** @internal */
  protected readonly globalLog: GlobalLog = new GlobalLog(
    this.log,
    this.spaces,
    this.listenerErrors,
  );

  /** Runs changes as one transaction. */
  abstract transaction<T>(changes: () => T): T;

  /**
   * Registers a listener for an address space, and notifies it of what is there.
   *
   * @param listener Is notified of changes from now on.
   * @param space The address space.
   * @throws {FlatViewError} `ADDRESS_SPACE_STATE` if the listener is registered already, or the
   * address space is destroyed.
   * @throws {ListenerError} If the listener threw; it is registered.
   */
  registerListener(listener: MemoryListener, space: AddressSpace): void {
    const { eventfds } = this.log;
    const published: PublishedState = {
      eventfdsOf: (region) => eventfds.get(region) ?? region.ioeventfds,
      logsAll: this.globalLog.isAnnounced,
    };
    notify((errors) => this.spaces.register(listener, space, published, errors));
  }

  /**
   * Takes a listener back, and notifies it that what was there is gone.
   *
   * @throws {FlatViewError} `ADDRESS_SPACE_STATE` if it is not registered there.
   * @throws {ListenerError} If the listener threw; it is taken back.
   */
  unregisterListener(listener: MemoryListener, space: AddressSpace): void {
    notify((errors) => this.spaces.unregister(listener, space, errors));
  }

  /**
   * Starts to log writes to all memory, for client 2 (migration) of each region. Calls are counted.
   *
   * @throws {ListenerError} If listeners threw; logging has started.
   */
  startGlobalLog(): void {
    this.transaction(() => this.globalLog.start());
  }

  /**
   * Stops logging writes to all memory, once it was called as often as
   * {@linkcode Topology.startGlobalLog}.
   *
   * @throws {FlatViewError} `NOT_LOGGING` if it was called more often.
   * @throws {ListenerError} If listeners threw; logging has stopped.
   */
  stopGlobalLog(): void {
    this.transaction(() => this.globalLog.stop());
  }

  /**
   * Asks the listeners to bring dirty logs up to date (`logSync`). To be called before a log is read.
   *
   * @param region The region whose log will be read; all unless given.
   * @throws {ListenerError} If listeners threw; all were asked.
   */
  syncDirtyLog(region: MemoryRegion | null = null): void {
    notify((errors) => notifyLogSync(this.spaces, region, errors));
  }

  /**
   * Notifies the listeners that a part of a region's dirty log was read and cleared (`logClear`), so
   * that they log its next writes again.
   *
   * @param region The region.
   * @param offset First byte, an offset in the region.
   * @param size Bytes.
   * @throws {FlatViewError} `INVALID_ADDRESS`.
   * @throws {ListenerError} If listeners threw; all were notified.
   */
  clearDirtyLog(region: MemoryRegion, offset: Address, size: Address): void {
    const from = toAddress(offset, "the offset of a dirty log");
    const to = from + toSize(size, "the size of a dirty log");
    notify((errors) => notifyLogClear(this.spaces, region, from, to, errors));
  }

  /**
   * Finds what is published at a part of a region, seen from the address space whose root is the
   * region's outermost container: of several, the one that was created first.
   *
   * @param region A region, most often a container or the root itself.
   * @param offset First byte, an offset in the region.
   * @param size Bytes, at least one.
   * @returns The first section that meets the part, cut to it; null if there is none. It is as it was
   * published when the region of the section was found: the next commit may change it.
   * @throws {FlatViewError} `INVALID_ADDRESS`.
   */
  find(region: MemoryRegion, offset: Address, size: Address): MemoryRegionSection | null {
    const from = toAddress(offset, "the offset to find");
    return findSection(this.spaces, region, from, toSize(size, "the size to find"));
  }

  /**
   * Whether a region shows something else than itself at an offset: for instance, whether a device has
   * been plugged in there.
   *
   * @param container The region.
   * @param offset An offset in it.
   * @throws {FlatViewError} `INVALID_ADDRESS`.
   */
  isPresent(container: MemoryRegion, offset: Address): boolean {
    const section = this.find(container, offset, 1);
    return section !== null && section.region !== container;
  }
}

/** Makes calls of listeners, and throws what they threw once all are made. */
function notify(call: (errors: unknown[]) => void): void {
  const errors: unknown[] = [];
  call(errors);
  if (errors.length > 0) throw new ListenerError(errors);
}
