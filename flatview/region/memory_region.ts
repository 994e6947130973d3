import { FlatViewError } from "../errors/flat_view_error.ts";
import { type Address, toAddress, toSize } from "./address.ts";
import { toCoalescedRange } from "./coalesced_range.ts";
import { type IoEventFd, sameEventfd, toIoEventFd, withEventfd } from "./ioeventfd.ts";
import type { RegionHost } from "./region_host.ts";
import { type RegionNature, RegionNode, writable, type WritableField } from "./region_node.ts";
import { lower, upper } from "./split64.ts";
import type { UndoLog } from "./transaction_log.ts";

/** What every region may be given at creation. */
export interface RegionOptions {
  /**
   * Whoever owns the region: opaque here, handed back in reports. Regions with one owner belong to one
   * device: while a callback of one runs, its accesses to any of them are refused.
   */
  readonly owner?: unknown;
  /**
   * Token (`arena.token`) of the context that runs the region's callbacks for all that have not bound
   * them; the control context unless given.
   */
  readonly context?: number;
  /** Runs once, when no reader can find the region any longer: see {@linkcode MemoryRegion.destroy}. */
  readonly finalize?: (region: MemoryRegion) => void;
}

/**
 * A region of guest memory: a node of the tree that the views are rendered from. Control context
 * only. Its properties are read-only for users and change through its methods. A change outside a
 * transaction runs as one. A change to a region that is finalised throws `REGION_DEAD`, and an
 * address or size that does not fit throws `INVALID_ADDRESS`.
 *
 * Create regions with the `init...` methods of {@linkcode Topology}.
 */
export class MemoryRegion extends RegionNode<MemoryRegion> {
  readonly #host: RegionHost<MemoryRegion>;
  readonly #finalizer: ((region: MemoryRegion) => void) | null;

  /** @internal */
  constructor(
    host: RegionHost<MemoryRegion>,
    id: number,
    name: string,
    size: bigint,
    nature: RegionNature<MemoryRegion>,
    options: RegionOptions,
  ) {
    super(id, name, size, nature, options.owner ?? null, options.context ?? null);
    this.#host = host;
    this.#finalizer = options.finalize ?? null;
    if (this.alias === null) return;
    this.alias.ref();
    writable(this.alias).aliases.add(this);
  }

  /** Whether the region is in a container, itself or by way of an alias. Its container may be in none. */
  get isMapped(): boolean {
    return this.container !== null || [...this.aliases].some(({ isMapped }) => isMapped);
  }

  /**
   * Puts a region into this one, at priority 0.
   *
   * @param offset Where, in bytes from the start of this region.
   * @param child A region without a container.
   * @throws {FlatViewError} `INVALID_EDIT` if the child has a container or contains this region.
   */
  addSubregion(offset: Address, child: MemoryRegion): void {
    this.addSubregionOverlap(offset, child, 0);
  }

  /**
   * Puts a region into this one, over or under others.
   *
   * @param offset Where, in bytes from the start of this region.
   * @param child A region without a container.
   * @param priority The higher hides the lower; among equals the latest is in front.
   * @throws {FlatViewError} `INVALID_EDIT` if the child has a container or contains this region.
   */
  addSubregionOverlap(offset: Address, child: MemoryRegion, priority: number): void {
    const addr = toAddress(offset, "the offset of a subregion");
    this.#assertMayContain(child, priority);
    child.assertAlive("add to a container the region");
    this.change("add a subregion to", () => {
      child.#setAddr(addr);
      child.#assign("priority", priority);
      child.refUndoably(this.#host.log);
      this.#link(child);
    });
  }

  /**
   * Takes a region out of this one.
   *
   * @throws {FlatViewError} `INVALID_EDIT` if the child is not in this region.
   */
  delSubregion(child: MemoryRegion): void {
    if (child.container !== this) {
      throw this.#refusal("remove a region from", `"${child.name}" is not in it`);
    }
    this.change("remove a subregion from", () => {
      this.#unlink(child);
      child.unrefUndoably(this.#host.log);
    });
  }

  /** Moves the region in its container, and in front of its siblings of the same priority. */
  setAddress(address: Address): void {
    const addr = toAddress(address, "the address of a region");
    if (addr === this.addr) return;
    this.change("move", () => {
      const { container } = this;
      if (container !== null) container.#unlink(this);
      this.#setAddr(addr);
      if (container !== null) container.#link(this);
    });
  }

  /** Changes the size. */
  setSize(bytes: Address): void {
    const size = toSize(bytes, "the size of a region");
    if (size === this.size) return;
    this.change("resize", () => {
      this.#markExtent();
      this.#assign("sizeHi", upper(size));
      this.#assign("sizeLo", lower(size));
      this.#markExtent();
    });
  }

  /**
   * Moves the window that an alias shows.
   *
   * @throws {FlatViewError} `INVALID_EDIT` if the region is not an alias.
   */
  setAliasOffset(bytes: Address): void {
    const offset = toAddress(bytes, "the offset of an alias");
    if (this.alias === null) throw this.#refusal("set the alias offset of", "it is not an alias");
    if (offset === this.aliasOffset) return;
    this.change("set the alias offset of", () => {
      this.#assign("aliasOffsetHi", upper(offset));
      this.#assign("aliasOffsetLo", lower(offset));
      this.#markContent();
    });
  }

  /** Enables or disables the region and all below it. */
  setEnabled(enabled: boolean): void {
    if (this.enabled === enabled) return;
    this.change(`set "enabled" of`, () => {
      this.#assign("enabled", enabled);
      this.#markExtent();
    });
  }

  /** Makes the region and all below it readonly, or takes that back. */
  setReadonly(readonly: boolean): void {
    this.#setAttribute("readonly", readonly);
  }

  /** Marks the region and all below it as nonvolatile, or takes that back. */
  setNonvolatile(nonvolatile: boolean): void {
    this.#setAttribute("nonvolatile", nonvolatile);
  }

  /**
   * Keeps the ranges of the region and of all below it apart, or takes that back: a listener then gets
   * a section for each alias of it, even where two show adjacent parts.
   */
  setUnmergeable(unmergeable: boolean): void {
    this.#setAttribute("unmergeable", unmergeable);
  }

  /**
   * Switches a ROM device between direct reads (true) and callbacks.
   *
   * @throws {FlatViewError} `INVALID_EDIT` if the region is not a ROM device.
   */
  setRomd(romd: boolean): void {
    if (this.kind !== "romDevice") {
      throw this.#refusal("set the romd mode of", "it is not a ROM device");
    }
    this.#setAttribute("romd", romd);
  }

  /** The clients that log writes to the region, as bits: its own, and those that log all memory. */
  get dirtyLogMask(): number {
    const isLogged = this.ram !== null && this.kind !== "ramDevice" || this.kind === "iommu";
    return isLogged ? this.logMask | this.#host.globalLogMask() : this.logMask;
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
      throw this.#refusal("log writes to", `a client is 0 to 7, not ${client}`);
    }
    if (this.ram === null) throw this.#refusal("log writes to", "it is not backed by RAM");
    const users = this.logUsers[client]! + (log ? 1 : -1);
    if (users < 0) throw this.#refusal("stop logging writes to", `client ${client} does not log`);
    this.change("log writes to", () => {
      this.#assign("logUsers", this.logUsers.with(client, users));
      const mask = users > 0 ? this.logMask | 1 << client : this.logMask & ~(1 << client);
      if (mask === this.logMask) return;
      this.#assign("logMask", mask);
      this.#markContent();
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
      throw this.#refusal("add an ioeventfd to", `its size is ${size}, not 0, 1, 2, 4 or 8`);
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
    if (at < 0) throw this.#refusal("remove an ioeventfd from", "it has no such ioeventfd");
    this.change("remove an ioeventfd from", () => {
      this.#setEventfds(this.ioeventfds.toSpliced(at, 1));
    });
  }

  /** Allows writes to the whole region to be coalesced, and nothing else that was allowed before. */
  setCoalescing(): void {
    this.#host.transaction(() => {
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
    if (range.size === 0n) throw this.#refusal("coalesce writes to", "the range is empty");
    this.change("coalesce writes to", () => {
      writable(this).coalesced = [...this.coalesced, range];
      this.#host.coalescedChanged(this, range, "add");
      this.#host.log.record(() => {
        writable(this).coalesced = this.coalesced.filter((other) => other !== range);
        this.#host.coalescedChanged(this, range, "del");
      });
    });
  }

  /** Ends all coalescing. Listeners are notified at once. */
  clearCoalescing(): void {
    if (this.coalesced.length === 0) return;
    this.change("stop coalescing writes to", () => {
      const old = this.coalesced;
      writable(this).coalesced = [];
      for (const range of old) this.#host.coalescedChanged(this, range, "del");
      this.#host.log.record(() => {
        writable(this).coalesced = old;
        for (const range of old.toReversed()) this.#host.coalescedChanged(this, range, "add");
      });
    });
  }

  /** @internal Drops the references that the region holds and runs its callback. The region is dead. */
  finalize(): void {
    for (const child of this.subregions) {
      writable(child).container = null;
      child.unref();
    }
    writable(this).subregions.length = 0;
    if (this.alias !== null) {
      writable(this.alias).aliases.delete(this);
      this.alias.unref();
    }
    this.#finalizer?.(this);
  }

  /** @internal */
  protected override change(action: string, edit: (log: UndoLog) => void): void {
    this.assertAlive(action);
    this.#host.transaction(() => edit(this.#host.log));
  }

  /** @internal */
  protected override unreferenced(): void {
    this.#host.unreferenced(this);
  }

  #assertMayContain(child: MemoryRegion, priority: number): void {
    const refusal = (reason: string) => child.#refusal("add to a container the region", reason);
    if (!Number.isInteger(priority)) {
      throw refusal(`its priority must be an integer, not ${priority}`);
    }
    if (child.#host !== this.#host) throw refusal("it belongs to another topology");
    if (child.container !== null) throw refusal(`it is in container "${child.container.name}"`);
    if (liesWithin(this, child)) throw refusal(`it contains "${this.name}"`);
  }

  #setAttribute(name: "readonly" | "nonvolatile" | "romd" | "unmergeable", value: boolean): void {
    if (this[name] === value) return;
    this.change(`set "${name}" of`, () => {
      this.#assign(name, value);
      this.#markContent();
    });
  }

  #setAddr(addr: bigint): void {
    if (addr === this.addr) return;
    this.#assign("addrHi", upper(addr));
    this.#assign("addrLo", lower(addr));
    // The region may also be the root of an address space: rendering adds a root's own address.
    this.#markContent();
  }

  #setEventfds(eventfds: readonly IoEventFd[]): void {
    const { eventfds: changed } = this.#host.log;
    // Of a disabled region as well: workers may know it already, and it may be enabled later on.
    if (!changed.has(this)) changed.set(this, this.ioeventfds);
    this.#assign("ioeventfds", eventfds);
  }

  /** Puts the child in front of the first sibling whose priority is not greater than its own. */
  #link(child: MemoryRegion): void {
    const { log } = this.#host;
    const list = writable(this).subregions;
    let at = 0;
    while (at < list.length && list[at]!.priority > child.priority) at++;
    list.splice(at, 0, child);
    log.record(() => list.splice(list.indexOf(child), 1));
    child.#assign("container", this);
    this.#markChild(child);
  }

  #unlink(child: MemoryRegion): void {
    const { log } = this.#host;
    const list = writable(this).subregions;
    const at = list.indexOf(child);
    list.splice(at, 1);
    log.record(() => list.splice(at, 0, child));
    child.#assign("container", null);
    this.#markChild(child);
  }

  #assign<K extends WritableField>(field: K, value: MemoryRegion[K]): void {
    this.#host.log.assign<MemoryRegion, K>(this, field, value);
  }

  /** Marks a change of what the region shows at the addresses that it has. */
  #markContent(): void {
    if (this.enabled) this.#host.log.mark(this);
  }

  /** Marks the addresses of a child that comes or goes. */
  #markChild(child: MemoryRegion): void {
    if (!this.enabled || !child.enabled) return;
    this.#host.log.mark(this, child.addr, child.addr + child.size);
  }

  /**
   * Marks the region, and the part of its container that it takes up now. The second mark is needed
   * because the region may move later in the same transaction: the commit looks for what is marked in
   * the region itself only where the region lies in the end.
   */
  #markExtent(): void {
    const { container, addr, size } = this;
    this.#host.log.mark(this);
    if (container !== null) this.#host.log.mark(container, addr, addr + size);
  }

  #refusal(action: string, reason: string): FlatViewError {
    return new FlatViewError("INVALID_EDIT", { action, region: this.name, reason });
  }
}

/** Whether a region is another one or lies in it. */
function liesWithin(region: MemoryRegion, other: MemoryRegion): boolean {
  for (let up: MemoryRegion | null = region; up !== null; up = up.container) {
    if (up === other) return true;
  }
  return false;
}
