import type { MemoryRegion } from "../region/memory_region.ts";
import type { FlatRange } from "../render/flat_range.ts";
import { RangeFlag } from "../region/range_flags.ts";
import type { AddressSpace } from "./address_space.ts";

/** A part of a region as an address space shows it. */
export interface MemoryRegionSection {
  /** The address space. */
  readonly addressSpace: AddressSpace;
  /** The region; null for a section of an ioeventfd, which names addresses only. */
  readonly region: MemoryRegion | null;
  /** Offset in the region of the first byte. */
  readonly offsetWithinRegion: bigint;
  /** Address of the first byte. */
  readonly offsetWithinAddressSpace: bigint;
  /** Bytes, up to 2^64. */
  readonly size: bigint;
  /** Writes do not reach the memory. */
  readonly readonly: boolean;
  /** Nonvolatile memory. */
  readonly nonvolatile: boolean;
}

/**
 * What wants to know of changes: an accelerator, a migration, a test. The callbacks run in the
 * control context during a commit; the regions that they are told of are alive until it is over.
 * They may not change the topology. What they throw is collected and thrown once the commit is
 * complete, as a {@linkcode ListenerError}.
 */
export interface MemoryListener {
  /** Lower first where things are made, last where they are taken away; 0 unless given. */
  readonly priority?: number;
  /** A commit with changed views begins. */
  begin?(): void;
  /** The commit is complete. */
  commit?(): void;
  /** A section is new. */
  regionAdd?(section: MemoryRegionSection): void;
  /** A section is gone, or differs: then `regionAdd` follows. */
  regionDel?(section: MemoryRegionSection): void;
  /** A section of a changed view is as it was. */
  regionNop?(section: MemoryRegionSection): void;
  /** Clients began to log writes. */
  logStart?(section: MemoryRegionSection, oldMask: number, newMask: number): void;
  /** Clients ceased to log writes. */
  logStop?(section: MemoryRegionSection, oldMask: number, newMask: number): void;
  /** An ioeventfd appeared. */
  eventfdAdd?(section: MemoryRegionSection, data: bigint | null, event: unknown): void;
  /** An ioeventfd disappeared. */
  eventfdDel?(section: MemoryRegionSection, data: bigint | null, event: unknown): void;
  /** Writes in a range may be coalesced. */
  coalescedIoAdd?(section: MemoryRegionSection, address: bigint, size: bigint): void;
  /** They may not any more. */
  coalescedIoDel?(section: MemoryRegionSection, address: bigint, size: bigint): void;
}

/** The section of a range. */
export function sectionOf(space: AddressSpace, range: FlatRange): MemoryRegionSection {
  return {
    addressSpace: space,
    region: range.region,
    offsetWithinRegion: range.offset,
    offsetWithinAddressSpace: range.first,
    size: range.last - range.first + 1n,
    readonly: (range.flags & RangeFlag.READONLY) !== 0,
    nonvolatile: (range.flags & RangeFlag.NONVOLATILE) !== 0,
  };
}

/** Listeners in the order of their priority, those of one priority in the order of registration. */
export class ListenerList {
  #listeners: readonly MemoryListener[] = [];

  /** How many there are. */
  get size(): number {
    return this.#listeners.length;
  }

  /** Whether the listener is registered. */
  has(listener: MemoryListener): boolean {
    return this.#listeners.includes(listener);
  }

  /** Registers a listener behind those of its priority. */
  add(listener: MemoryListener): void {
    const priority = listener.priority ?? 0;
    const at = this.#listeners.findIndex((other) => (other.priority ?? 0) > priority);
    this.#listeners = this.#listeners.toSpliced(at < 0 ? this.size : at, 0, listener);
  }

  /** Takes a listener out. */
  remove(listener: MemoryListener): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener);
  }

  /** Calls each by rising priority; collects what they throw. */
  forward(call: (listener: MemoryListener) => void, errors: unknown[]): void {
    for (const listener of this.#listeners) guard(call, listener, errors);
  }

  /** Calls each by falling priority; collects what they throw. */
  reverse(call: (listener: MemoryListener) => void, errors: unknown[]): void {
    for (const listener of this.#listeners.toReversed()) guard(call, listener, errors);
  }
}

function guard(
  call: (listener: MemoryListener) => void,
  listener: MemoryListener,
  errors: unknown[],
): void {
  try {
    call(listener);
  } catch (error) {
    errors.push(error);
  }
}
