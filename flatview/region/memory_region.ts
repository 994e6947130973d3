import { type Address, toAddress, toSize } from "./address.ts";
import { WatchedRegion } from "./watched_region.ts";
import type { RegionBlock } from "./region_block.ts";
import type { RegionHost } from "./region_host.ts";
import { type RegionNature, writable } from "./region_node.ts";
import { lower, upper } from "./split64.ts";

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
export class MemoryRegion extends WatchedRegion<MemoryRegion> {
  readonly #finalizer: ((region: MemoryRegion) => void) | null;
  readonly #block: RegionBlock | null;

  /** @internal */
  constructor(
    host: RegionHost<MemoryRegion>,
    id: number,
    name: string,
    size: bigint,
    nature: RegionNature<MemoryRegion>,
    options: RegionOptions,
  ) {
    super(host, id, name, size, nature, options.owner ?? null, options.context ?? null);
    this.#finalizer = options.finalize ?? null;
    this.#block = nature.block ?? null;
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
      child.assign("priority", priority);
      child.refUndoably(this.host.log);
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
      throw this.refusal("remove a region from", `"${child.name}" is not in it`);
    }
    this.change("remove a subregion from", () => {
      this.#unlink(child);
      child.unrefUndoably(this.host.log);
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
      this.assign("sizeHi", upper(size));
      this.assign("sizeLo", lower(size));
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
    if (this.alias === null) throw this.refusal("set the alias offset of", "it is not an alias");
    if (offset === this.aliasOffset) return;
    this.change("set the alias offset of", () => {
      this.assign("aliasOffsetHi", upper(offset));
      this.assign("aliasOffsetLo", lower(offset));
      this.markContent();
    });
  }

  /** Enables or disables the region and all below it. */
  setEnabled(enabled: boolean): void {
    if (this.enabled === enabled) return;
    this.change(`set "enabled" of`, () => {
      this.assign("enabled", enabled);
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
      throw this.refusal("set the romd mode of", "it is not a ROM device");
    }
    this.#setAttribute("romd", romd);
  }

  /**
   * Resizes a region that was made with its block ({@linkcode RegionFactory.initRamBlock}), and the
   * block with it. A block grows before the region shows more of it, and shrinks a grace period after
   * the commit: readers of the old view may still use what is cut off. What is in use of the block
   * counts as dirty for all clients.
   *
   * @param bytes The new size, up to the region's `maxSize`. The block has whole pages.
   * @throws {FlatViewError} `INVALID_EDIT` if the region was not made with its block.
   * @throws What the blocks throw, for a size that does not fit: nothing was changed.
   */
  resizeRam(bytes: Address): void {
    const size = toSize(bytes, "the size of a region");
    const block = this.#block;
    if (block === null) throw this.refusal("resize the RAM of", "it was not made with its block");
    this.change("resize the RAM of", (log) => {
      block.growTo(size, log);
      this.setSize(size);
      if (block.isLargerThan(size)) this.host.afterGracePeriod(() => block.shrinkTo(size));
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
    try {
      this.#block?.remove();
    } finally {
      this.#finalizer?.(this);
    }
  }

  /** @internal */
  protected override unreferenced(): void {
    this.host.unreferenced(this);
  }

  #assertMayContain(child: MemoryRegion, priority: number): void {
    const refusal = (reason: string) => child.refusal("add to a container the region", reason);
    if (!Number.isInteger(priority)) {
      throw refusal(`its priority must be an integer, not ${priority}`);
    }
    if (child.host !== this.host) throw refusal("it belongs to another topology");
    if (child.container !== null) throw refusal(`it is in container "${child.container.name}"`);
    if (liesWithin(this, child)) throw refusal(`it contains "${this.name}"`);
  }

  #setAttribute(name: "readonly" | "nonvolatile" | "romd" | "unmergeable", value: boolean): void {
    if (this[name] === value) return;
    this.change(`set "${name}" of`, () => {
      this.assign(name, value);
      this.markContent();
    });
  }

  #setAddr(addr: bigint): void {
    if (addr === this.addr) return;
    this.assign("addrHi", upper(addr));
    this.assign("addrLo", lower(addr));
    // The region may also be the root of an address space: rendering adds a root's own address.
    this.markContent();
  }

  /** Puts the child in front of the first sibling whose priority is not greater than its own. */
  #link(child: MemoryRegion): void {
    const { log } = this.host;
    const list = writable(this).subregions;
    let at = 0;
    while (at < list.length && list[at]!.priority > child.priority) at++;
    list.splice(at, 0, child);
    log.record(() => list.splice(list.indexOf(child), 1));
    child.assign("container", this);
    this.#markChild(child);
  }

  #unlink(child: MemoryRegion): void {
    const { log } = this.host;
    const list = writable(this).subregions;
    const at = list.indexOf(child);
    list.splice(at, 1);
    log.record(() => list.splice(at, 0, child));
    child.assign("container", null);
    this.#markChild(child);
  }

  /** Marks the addresses of a child that comes or goes. */
  #markChild(child: MemoryRegion): void {
    if (!this.enabled || !child.enabled) return;
    this.host.log.mark(this, child.addr, child.addr + child.size);
  }

  /**
   * Marks the region, and the part of its container that it takes up now. The second mark is needed
   * because the region may move later in the same transaction: the commit looks for what is marked in
   * the region itself only where the region lies in the end.
   */
  #markExtent(): void {
    const { container, addr, size } = this;
    this.host.log.mark(this);
    if (container !== null) this.host.log.mark(container, addr, addr + size);
  }
}

/** Whether a region is another one or lies in it. */
function liesWithin(region: MemoryRegion, other: MemoryRegion): boolean {
  for (let up: MemoryRegion | null = region; up !== null; up = up.container) {
    if (up === other) return true;
  }
  return false;
}
