/**
 * The edits of the region tree: each checks, records how to undo itself and marks what the commit
 * has to look at. An edit outside a transaction is a transaction of its own.
 */
import type { AddressSpace } from "../view/address_space.ts";
import type { CoalescedRange } from "../view/coalesced.ts";
import type { IoEventFd } from "../view/ioeventfd.ts";
import { RegionDeadError, RegionError } from "./errors.ts";
import type { MemoryRegion } from "./memory_region.ts";
import { type Address, toAddress, toSize } from "./address.ts";
import { lower, upper } from "./split64.ts";

/** The tree as the code that may change it sees it. */
export type EditableRegion =
  & {
    -readonly [
      K in keyof Omit<
        MemoryRegion,
        "subregions" | "aliases" | "addressSpaces" | "ioeventfds" | "coalesced" | "container"
      >
    ]: MemoryRegion[K];
  }
  & {
    container: MemoryRegion | null;
    subregions: MemoryRegion[];
    aliases: Set<MemoryRegion>;
    addressSpaces: Set<AddressSpace>;
    ioeventfds: readonly IoEventFd[];
    coalesced: readonly CoalescedRange[];
  };

/** A region as the code that may change it sees it. */
export function editable(region: MemoryRegion): EditableRegion {
  return region as unknown as EditableRegion;
}

/** Runs one edit in a transaction (its own, if none is open) on a region that is alive. */
export function inTransaction(region: MemoryRegion, action: string, change: () => void): void {
  if (region.refs === 0) throw new RegionDeadError(action, region.name, "it is finalised");
  region.topology.transaction(change);
}

/** See {@linkcode MemoryRegion.addSubregionOverlap}. */
export function addSubregion(
  parent: MemoryRegion,
  child: MemoryRegion,
  offset: Address,
  priority: number,
): void {
  const action = "add to a container the region";
  const addr = toAddress(offset, "the offset of a subregion");
  if (!Number.isInteger(priority)) {
    throw new RegionError(action, child.name, `its priority must be an integer, not ${priority}`);
  }
  if (child.topology !== parent.topology) {
    throw new RegionError(action, child.name, `it belongs to another topology`);
  }
  if (child.container !== null) {
    throw new RegionError(action, child.name, `it is in container "${child.container.name}"`);
  }
  for (let up: MemoryRegion | null = parent; up !== null; up = up.container) {
    if (up === child) throw new RegionError(action, child.name, `it contains "${parent.name}"`);
  }
  if (child.refs === 0) throw new RegionDeadError(action, child.name, "it is finalised");
  inTransaction(parent, "add a subregion to", () => {
    const log = parent.topology.log;
    setPlace(child, addr);
    log.assign(editable(child), "priority", priority);
    treeRef(child);
    link(parent, child);
  });
}

/** See {@linkcode MemoryRegion.delSubregion}. */
export function delSubregion(parent: MemoryRegion, child: MemoryRegion): void {
  if (child.container !== parent) {
    throw new RegionError("remove a region from", parent.name, `"${child.name}" is not in it`);
  }
  inTransaction(parent, "remove a subregion from", () => {
    unlink(parent, child);
    treeUnref(child);
  });
}

/** See {@linkcode MemoryRegion.setAddress}. */
export function setAddress(region: MemoryRegion, address: Address): void {
  const addr = toAddress(address, "the address of a region");
  if (addr === region.addr) return;
  inTransaction(region, "move", () => {
    const container = region.container;
    if (container !== null) unlink(container, region);
    setPlace(region, addr);
    if (container !== null) link(container, region);
  });
}

/** See {@linkcode MemoryRegion.setSize}. */
export function setSize(region: MemoryRegion, value: Address): void {
  const size = toSize(value, "the size of a region");
  if (size === region.size) return;
  inTransaction(region, "resize", () => {
    const log = region.topology.log;
    markPlace(region);
    log.assign(editable(region), "sizeHi", upper(size));
    log.assign(editable(region), "sizeLo", lower(size));
    markPlace(region);
  });
}

/** See {@linkcode MemoryRegion.setAliasOffset}. */
export function setAliasOffset(region: MemoryRegion, value: Address): void {
  const offset = toAddress(value, "the offset of an alias");
  if (region.alias === null) {
    throw new RegionError("set the alias offset of", region.name, "it is no alias");
  }
  if (offset === region.aliasOffset) return;
  inTransaction(region, "set the alias offset of", () => {
    const log = region.topology.log;
    log.assign(editable(region), "aliasOffsetHi", upper(offset));
    log.assign(editable(region), "aliasOffsetLo", lower(offset));
    if (region.enabled) log.mark(region);
  });
}

/** See {@linkcode MemoryRegion.setEnabled}, {@linkcode MemoryRegion.setReadonly} and {@linkcode MemoryRegion.setNonvolatile}. */
export function setFlag(
  region: MemoryRegion,
  flag: "enabled" | "readonly" | "nonvolatile" | "romd",
  value: boolean,
): void {
  if (region[flag] === value) return;
  inTransaction(region, `set "${flag}" of`, () => {
    const log = region.topology.log;
    log.assign(editable(region), flag, value);
    if (flag === "enabled") markPlace(region);
    else if (region.enabled) log.mark(region);
  });
}

/** See {@linkcode MemoryRegion.setRomd}. */
export function setRomd(region: MemoryRegion, romd: boolean): void {
  if (region.kind !== "romDevice") {
    throw new RegionError("set the romd mode of", region.name, "it is no ROM device");
  }
  setFlag(region, "romd", romd);
}

/** See {@linkcode MemoryRegion.setLog}. */
export function setLog(region: MemoryRegion, on: boolean, client: number): void {
  if (!Number.isInteger(client) || client < 0 || client > 7) {
    throw new RegionError("log writes to", region.name, `a client is 0 to 7, not ${client}`);
  }
  if (region.ram === null) {
    throw new RegionError("log writes to", region.name, "it is not backed by RAM");
  }
  const mask = on ? region.dirtyLogMask | 1 << client : region.dirtyLogMask & ~(1 << client);
  if (mask === region.dirtyLogMask) return;
  inTransaction(region, "log writes to", () => {
    const log = region.topology.log;
    log.assign(editable(region), "dirtyLogMask", mask);
    if (region.enabled) log.mark(region);
  });
}

/** See {@linkcode MemoryRegion.destroy}. */
export function destroy(region: MemoryRegion): void {
  if (region.destroyed) {
    throw new RegionDeadError("destroy", region.name, "it was destroyed before");
  }
  inTransaction(region, "destroy", () => {
    region.topology.log.assign(editable(region), "destroyed", true);
    treeUnref(region);
  });
}

/** See {@linkcode MemoryRegion.ref}. */
export function ref(region: MemoryRegion): void {
  if (region.refs === 0) throw new RegionDeadError("reference", region.name, "it is finalised");
  editable(region).refs++;
}

/** See {@linkcode MemoryRegion.unref}. */
export function unref(region: MemoryRegion): void {
  if (region.refs === 0) throw new RegionDeadError("drop", region.name, "it is finalised");
  editable(region).refs--;
  if (region.refs === 0) region.topology.dropped(region);
}

/** References that the tree itself holds: taken back with the transaction. Relative, since views drop theirs meanwhile. */
function treeRef(region: MemoryRegion): void {
  ref(region);
  region.topology.log.record(() => editable(region).refs--);
}

function treeUnref(region: MemoryRegion): void {
  unref(region);
  region.topology.log.record(() => editable(region).refs++);
}

/**
 * Marks a region, and its place in its container as that is now: the region may move within the same
 * transaction, and what is marked in the region itself is looked for where it lies in the end.
 */
function markPlace(region: MemoryRegion): void {
  const { log } = region.topology;
  const { container, addr, size } = region;
  log.mark(region);
  if (container !== null) log.mark(container, addr, addr + size);
}

function setPlace(region: MemoryRegion, addr: bigint): void {
  if (addr === region.addr) return;
  const log = region.topology.log;
  log.assign(editable(region), "addrHi", upper(addr));
  log.assign(editable(region), "addrLo", lower(addr));
  // It may be the root of an address space, too, to which rendering adds its own address.
  if (region.enabled) {
    log.mark(region);
    log.moved.add(region);
  }
}

/** Puts the child before the first sibling whose priority is not greater than its own. */
function link(parent: MemoryRegion, child: MemoryRegion): void {
  const log = parent.topology.log;
  const list = editable(parent).subregions;
  let at = 0;
  while (at < list.length && list[at]!.priority > child.priority) at++;
  list.splice(at, 0, child);
  log.record(() => list.splice(list.indexOf(child), 1));
  log.assign(editable(child), "container", parent);
  if (parent.enabled && child.enabled) log.mark(parent, child.addr, child.addr + child.size);
}

function unlink(parent: MemoryRegion, child: MemoryRegion): void {
  const log = parent.topology.log;
  const list = editable(parent).subregions;
  const at = list.indexOf(child);
  list.splice(at, 1);
  log.record(() => list.splice(at, 0, child));
  log.assign(editable(child), "container", null);
  if (parent.enabled && child.enabled) log.mark(parent, child.addr, child.addr + child.size);
}
