import { FlatViewError } from "../errors/flat_view_error.ts";
import type { Address } from "./address.ts";
import { toCoalescedRange } from "./coalesced_range.ts";
import { type IoEventFd, sameEventfd, toIoEventFd, withEventfd } from "./ioeventfd.ts";
import type { RegionHost } from "./region_host.ts";
import { type RegionNature, RegionNode, writable, type WritableField } from "./region_node.ts";
import type { UndoLog } from "./transaction_log.ts";

/**
 * A region as it is edited, and the edits that say who else hears of writes to it: dirty logs, events
 * that are signalled in the device's place, listeners that may queue writes.
 *
 * `Region` is the derived class, which adds the edits of the tree.
 */
export abstract class WatchedRegion<Region extends { readonly size: bigint }>
  extends RegionNode<Region> {
  /** @internal The topology that the region belongs to. */
  protected readonly host: RegionHost<Region>;

  /** @internal */
  constructor(
    host: RegionHost<Region>,
    id: number,
    name: string,
    size: bigint,
    nature: RegionNature<Region>,
    owner: unknown,
    context: number | null,
  ) {
    super(id, name, size, nature, owner, context);
    this.host = host;
  }

  /** The clients that log writes to the region, as bits: its own, and those that log all memory. */
  get dirtyLogMask(): number {
    const isLogged = this.ram !== null && this.kind !== "ramDevice" || this.kind === "iommu";
    return isLogged ? this.logMask | this.host.globalLogMask() : this.logMask;
  }

  /**
   * Starts or stops logging of writes for a client. Calls are counted: a client's logging stops with
   * the last of its users.
   *
   * @param log Whether to log.
   * @param client Number of the client, 0 to 7.
   * @throws {FlatViewError} `INVALID_EDIT` if the region is not RAM, the client is out of range, or
   * logging is stopped more often than it was started.
   */
  setLog(log: boolean, client: number): void {
    if (!Number.isInteger(client) || client < 0 || client > 7) {
      throw this.refusal("log writes to", `a client is 0 to 7, not ${client}`);
    }
    if (this.ram === null) throw this.refusal("log writes to", "it is not backed by RAM");
    const users = this.logUsers[client]! + (log ? 1 : -1);
    if (users < 0) throw this.refusal("stop logging writes to", `client ${client} does not log`);
    this.change("log writes to", () => {
      this.assign("logUsers", this.logUsers.with(client, users));
      const mask = users > 0 ? this.logMask | 1 << client : this.logMask & ~(1 << client);
      if (mask === this.logMask) return;
      this.assign("logMask", mask);
      this.markContent();
    });
  }

  /**
   * Has a write signal an event instead of calling the device.
   *
   * @param offset Offset of the write in the region.
   * @param size Bytes of the write: 1, 2, 4 or 8; 0 for any.
   * @param data The value that must be written; null for any.
   * @param event What is signalled: handed to the listeners as it is. If it is an
   * {@linkcode EventNotifier}, every worker signals it; what else it may be is the listeners' alone.
   * @throws {FlatViewError} `INVALID_EDIT` if the size is another one.
   */
  addEventfd(offset: Address, size: Address, data: Address | null, event: unknown): void {
    const eventfd = toIoEventFd(offset, size, data, event);
    if (eventfd === null) {
      throw this.refusal("add an ioeventfd to", `its size is ${size}, not 0, 1, 2, 4 or 8`);
    }
    this.change("add an ioeventfd to", () => {
      this.#setEventfds(withEventfd(this.ioeventfds, eventfd));
    });
  }

  /**
   * Takes an ioeventfd back.
   *
   * @throws {FlatViewError} `INVALID_EDIT` if the region has none that was added with these values.
   */
  delEventfd(offset: Address, size: Address, data: Address | null, event: unknown): void {
    const eventfd = toIoEventFd(offset, size, data, event);
    const at = this.ioeventfds.findIndex((other) =>
      eventfd !== null && sameEventfd(eventfd, other)
    );
    if (at < 0) throw this.refusal("remove an ioeventfd from", "it has no such ioeventfd");
    this.change("remove an ioeventfd from", () => {
      this.#setEventfds(this.ioeventfds.toSpliced(at, 1));
    });
  }

  /** Allows writes to the whole region to be coalesced, and nothing else that was allowed before. */
  setCoalescing(): void {
    this.host.transaction(() => {
      this.clearCoalescing();
      this.addCoalescing(0, this.size);
    });
  }

  /**
   * Allows writes to a part of the region to be coalesced. Listeners are notified at once.
   *
   * @param offset First byte, an offset in the region.
   * @param size Bytes, at least one.
   * @throws {FlatViewError} `INVALID_EDIT` if the range is empty.
   */
  addCoalescing(offset: Address, size: Address): void {
    const range = toCoalescedRange(offset, size);
    if (range.size === 0n) throw this.refusal("coalesce writes to", "the range is empty");
    this.change("coalesce writes to", () => {
      writable(this).coalesced = [...this.coalesced, range];
      this.host.coalescedChanged(this.#self, range, "add");
      this.host.log.record(() => {
        writable(this).coalesced = this.coalesced.filter((other) => other !== range);
        this.host.coalescedChanged(this.#self, range, "del");
      });
    });
  }

  /** Ends all coalescing. Listeners are notified at once. */
  clearCoalescing(): void {
    if (this.coalesced.length === 0) return;
    this.change("stop coalescing writes to", () => {
      const old = this.coalesced;
      writable(this).coalesced = [];
      for (const range of old) this.host.coalescedChanged(this.#self, range, "del");
      this.host.log.record(() => {
        writable(this).coalesced = old;
        for (const range of old.toReversed()) this.host.coalescedChanged(this.#self, range, "add");
      });
    });
  }

  /** @internal */
  protected override change(action: string, edit: (log: UndoLog) => void): void {
    this.assertAlive(action);
    this.host.transaction(() => edit(this.host.log));
  }

  /** @internal Sets a field, which goes back if the transaction fails. */
  protected assign<K extends WritableField>(field: K, value: RegionNode<Region>[K]): void {
    this.host.log.assign<RegionNode<Region>, K>(this, field, value);
  }

  /** @internal Marks a change of what the region shows at the addresses that it has. */
  protected markContent(): void {
    if (this.enabled) this.host.log.mark(this.#self);
  }

  /** @internal The error of an edit that the region does not allow. */
  protected refusal(action: string, reason: string): FlatViewError {
    return new FlatViewError("INVALID_EDIT", { action, region: this.name, reason });
  }

  #setEventfds(eventfds: readonly IoEventFd[]): void {
    const { eventfds: changed } = this.host.log;
    // Of a disabled region as well: workers may know it already, and it may be enabled later on.
    if (!changed.has(this.#self)) changed.set(this.#self, this.ioeventfds);
    this.assign("ioeventfds", eventfds);
  }

  get #self(): Region {
    return this as unknown as Region;
  }
}
