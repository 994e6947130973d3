import { FlatViewError } from "../errors/flat_view_error.ts";
import { type Address, toAddress, toSize } from "./address.ts";
import { toCoalescedRange } from "./coalesced_range.ts";
import { addCoalesced, removeCoalesced } from "./coalescing.ts";
import { type IoEventFd, sameEventfd, toIoEventFd, withEventfd } from "./ioeventfd.ts";
import type { MemoryRegion, RegionOptions } from "./memory_region.ts";
import type { RegionBlock } from "./region_block.ts";
import type { RegionHost } from "./region_host.ts";
import { RegionLifetime } from "./region_lifetime.ts";
import { type RegionNature, RegionState, writable, type WritableField } from "./region_state.ts";
import { forgetIndex } from "./sibling_index.ts";
import { insertSibling, moveSibling, removeSibling } from "./sibling_list.ts";
import { lower, upper } from "./split64.ts";
import type { UndoLog } from "./transaction_log.ts";

/**
 * The only implementation of {@linkcode MemoryRegion}: edits are recorded in the transaction log, and
 * mark what the commit has to render again.
 */
export class Region extends RegionState implements MemoryRegion {
  /** Every region of a topology is one of these. */
  declare readonly container: Region | null;
  readonly isUnguarded: boolean;
  readonly #host: RegionHost;
  readonly #lifetime: RegionLifetime;
  readonly #finalizer: ((region: MemoryRegion) => void) | null;
  readonly #block: RegionBlock | null;

  constructor(
    host: RegionHost,
    id: number,
    name: string,
    size: bigint,
    nature: RegionNature,
    options: RegionOptions,
  ) {
    super(id, name, size, nature, options.owner ?? null, options.context ?? null);
    this.#host = host;
    this.isUnguarded = nature.kind !== "io" || options.disableReentrancyGuard === true;
    const unreferenced = () => host.unreferenced(this, () => this.#finalize());
    this.#lifetime = new RegionLifetime(name, unreferenced);
    this.#finalizer = options.finalize ?? null;
    this.#block = nature.block ?? null;
    if (this.alias === null) return;
    this.alias.ref();
    writable(this.alias).aliases.add(this);
  }

  get refs(): number {
    return this.#lifetime.refs;
  }

  get destroyed(): boolean {
    return this.#lifetime.destroyed;
  }

  get isMapped(): boolean {
    return this.container !== null || [...this.aliases].some(({ isMapped }) => isMapped);
  }

  addSubregion(offset: Address, child: Region): void {
    this.addSubregionOverlap(offset, child, 0);
  }

  addSubregionOverlap(offset: Address, child: Region, priority: number): void {
    const addr = toAddress(offset, "the offset of a subregion");
    this.#assertMayContain(child, priority);
    child.#lifetime.assertAlive("add to a container the region");
    this.#change("add a subregion to", () => {
      child.#setAddr(addr);
      child.#assign("priority", priority);
      child.#lifetime.refUndoably(this.#host.log);
      this.#link(child);
    });
  }

  delSubregion(child: Region): void {
    if (child.container !== this) {
      throw this.#refusal("remove a region from", `"${child.name}" is not in it`);
    }
    this.#change("remove a subregion from", () => {
      this.#unlink(child);
      child.#lifetime.unrefUndoably(this.#host.log);
    });
  }

  setAddress(address: Address): void {
    const addr = toAddress(address, "the address of a region");
    if (addr === this.addr) return;
    this.#change("move", () => {
      const { container } = this;
      if (container === null) return this.#setAddr(addr);
      const list = writable(container).subregions;
      container.#markChild(this);
      moveSibling(list, this, () => this.#setAddr(addr), this.#host.log);
      container.#markChild(this);
    });
  }

  setSize(bytes: Address): void {
    const size = toSize(bytes, "the size of a region");
    if (size === this.size) return;
    this.#change("resize", () => {
      this.#markExtent();
      this.#forgetPlace();
      this.#host.log.record(() => this.#forgetPlace());
      this.#assign("sizeHi", upper(size));
      this.#assign("sizeLo", lower(size));
      this.#markExtent();
    });
  }

  setAliasOffset(bytes: Address): void {
    const offset = toAddress(bytes, "the offset of an alias");
    if (this.alias === null) throw this.#refusal("set the alias offset of", "it is not an alias");
    if (offset === this.aliasOffset) return;
    this.#change("set the alias offset of", () => {
      this.#assign("aliasOffsetHi", upper(offset));
      this.#assign("aliasOffsetLo", lower(offset));
      this.#markContent();
    });
  }

  setEnabled(enabled: boolean): void {
    if (this.enabled === enabled) return;
    this.#change(`set "enabled" of`, () => {
      this.#assign("enabled", enabled);
      this.#markExtent();
    });
  }

  setReadonly(readonly: boolean): void {
    this.#setAttribute("readonly", readonly);
  }

  setNonvolatile(nonvolatile: boolean): void {
    this.#setAttribute("nonvolatile", nonvolatile);
  }

  setUnmergeable(unmergeable: boolean): void {
    this.#setAttribute("unmergeable", unmergeable);
  }

  setRomd(romd: boolean): void {
    if (this.kind !== "romDevice") {
      throw this.#refusal("set the romd mode of", "it is not a ROM device");
    }
    this.#setAttribute("romd", romd);
  }

  resizeRam(bytes: Address): void {
    const size = toSize(bytes, "the size of a region");
    const block = this.#block;
    if (block === null) throw this.#refusal("resize the RAM of", "it was not made with its block");
    this.#change("resize the RAM of", (log) => {
      block.growTo(size, log);
      this.setSize(size);
      if (block.isLargerThan(size)) this.#host.afterGracePeriod(() => block.shrinkTo(size));
    });
  }

  get dirtyLogMask(): number {
    const isLogged = this.ram !== null && this.kind !== "ramDevice" || this.kind === "iommu";
    return isLogged ? this.logMask | this.#host.globalLogMask() : this.logMask;
  }

  setLog(log: boolean, client: number): void {
    if (!Number.isInteger(client) || client < 0 || client > 7) {
      throw this.#refusal("log writes to", `a client is 0 to 7, not ${client}`);
    }
    if (this.ram === null) throw this.#refusal("log writes to", "it is not backed by RAM");
    const users = this.logUsers[client]! + (log ? 1 : -1);
    if (users < 0) throw this.#refusal("stop logging writes to", `client ${client} does not log`);
    this.#change("log writes to", () => {
      this.#assign("logUsers", this.logUsers.with(client, users));
      const mask = users > 0 ? this.logMask | 1 << client : this.logMask & ~(1 << client);
      if (mask === this.logMask) return;
      this.#assign("logMask", mask);
      this.#markContent();
    });
  }

  addEventfd(offset: Address, size: Address, data: Address | null, event: unknown): void {
    const eventfd = toIoEventFd(offset, size, data, event);
    if (eventfd === null) {
      throw this.#refusal("add an ioeventfd to", `its size is ${size}, not 0, 1, 2, 4 or 8`);
    }
    this.#change("add an ioeventfd to", () => {
      this.#setEventfds(withEventfd(this.ioeventfds, eventfd));
    });
  }

  delEventfd(offset: Address, size: Address, data: Address | null, event: unknown): void {
    const eventfd = toIoEventFd(offset, size, data, event);
    const at = this.ioeventfds.findIndex((other) =>
      eventfd !== null && sameEventfd(eventfd, other)
    );
    if (at < 0) throw this.#refusal("remove an ioeventfd from", "it has no such ioeventfd");
    this.#change("remove an ioeventfd from", () => {
      this.#setEventfds(this.ioeventfds.toSpliced(at, 1));
    });
  }

  setCoalescing(): void {
    this.#host.transaction(() => {
      this.clearCoalescing();
      this.addCoalescing(0, this.size);
    });
  }

  addCoalescing(offset: Address, size: Address): void {
    const range = toCoalescedRange(offset, size);
    if (range.size === 0n) throw this.#refusal("coalesce writes to", "the range is empty");
    this.#change("coalesce writes to", () => addCoalesced(this.#host, this, range));
  }

  clearCoalescing(): void {
    if (this.coalesced.length === 0) return;
    this.#change("stop coalescing writes to", () => removeCoalesced(this.#host, this));
  }

  ref(): void {
    this.#lifetime.ref();
  }

  unref(): void {
    this.#lifetime.unref();
  }

  destroy(): void {
    this.#lifetime.assertNotDestroyed();
    this.#change("destroy", (log) => this.#lifetime.destroy(log));
  }

  /** Drops the references that the region holds and runs its callback. The region is dead. */
  #finalize(): void {
    for (const child of this.subregions) {
      writable(child).container = null;
      child.unref();
    }
    writable(this).subregions.length = 0;
    if (this.alias !== null) {
      writable(this.alias).aliases.delete(this);
      this.alias.unref();
    }
    try {
      this.#block?.remove();
    } finally {
      this.#finalizer?.(this);
    }
  }

  /** Runs an edit in a transaction; in one that it opens, if none is open. */
  #change(action: string, edit: (log: UndoLog) => void): void {
    this.#lifetime.assertAlive(action);
    this.#host.transaction(() => edit(this.#host.log));
  }

  /** Sets a field, which goes back if the transaction fails. */
  #assign<K extends WritableField>(field: K, value: RegionState[K]): void {
    this.#host.log.assign<RegionState, K>(this, field, value);
  }

  /** Marks a change of what the region shows at the addresses that it has. */
  #markContent(): void {
    if (this.enabled) this.#host.log.mark(this);
  }

  /** The error of an edit that the region does not allow. */
  #refusal(action: string, reason: string): FlatViewError {
    return new FlatViewError("INVALID_EDIT", { action, region: this.name, reason });
  }

  #setEventfds(eventfds: readonly IoEventFd[]): void {
    const { eventfds: changed } = this.#host.log;
    // Of a disabled region as well: workers may know it already, and it may be enabled later on.
    if (!changed.has(this)) changed.set(this, this.ioeventfds);
    this.#assign("ioeventfds", eventfds);
  }

  #assertMayContain(child: Region, priority: number): void {
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
    this.#change(`set "${name}" of`, () => {
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

  #link(child: Region): void {
    insertSibling(writable(this).subregions, child, this.#host.log);
    child.#assign("container", this);
    this.#markChild(child);
  }

  #unlink(child: Region): void {
    removeSibling(writable(this).subregions, child, this.#host.log);
    child.#assign("container", null);
    this.#markChild(child);
  }

  /** The region lies elsewhere in its container's index of subregions than that says. */
  #forgetPlace(): void {
    if (this.container !== null) forgetIndex(this.container.subregions);
  }

  /** Marks the addresses of a child that comes or goes. */
  #markChild(child: Region): void {
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
}

/** Whether a region is another one or lies in it. */
function liesWithin(region: MemoryRegion, other: MemoryRegion): boolean {
  for (let up: MemoryRegion | null = region; up !== null; up = up.container) {
    if (up === other) return true;
  }
  return false;
}
