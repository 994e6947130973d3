import type { MemoryRegion } from "../region/memory_region.ts";
import { RangeFlag } from "../region/range_flags.ts";
import type { FlatRange } from "../render/flat_range.ts";
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
  /** Not to be joined with its neighbours. */
  readonly unmergeable: boolean;
}

/**
 * Whoever wants to know of changes: an accelerator, a migration, a test. The callbacks run in the
 * control context, most of them during a commit; the regions that they are notified of are alive
 * until it is over. They must not change the topology (`COMMIT_IN_PROGRESS`). What they throw is
 * collected and thrown once the commit is complete, as a {@linkcode ListenerError}.
 */
export interface MemoryListener {
  /** Lower is called first for what comes, last for what goes; 0 unless given. */
  readonly priority?: number;
  /** A commit of changes to regions begins, whether or not a view changes. */
  begin?(): void;
  /** The commit is complete. */
  commit?(): void;
  /** A section is new. */
  regionAdd?(section: MemoryRegionSection): void;
  /** A section is gone, or differs: then `regionAdd` follows. */
  regionDel?(section: MemoryRegionSection): void;
  /** A section is as it was. Called in every commit that has a `begin`, whichever address space it changes. */
  regionNop?(section: MemoryRegionSection): void;
  /** Clients began to log writes. */
  logStart?(section: MemoryRegionSection, oldMask: number, newMask: number): void;
  /** Clients stopped logging writes. */
  logStop?(section: MemoryRegionSection, oldMask: number, newMask: number): void;
  /** Clients began to log writes to all memory; `logStart` follows for each section. */
  logGlobalStart?(): void;
  /** Nobody logs writes to all memory any longer; `logStop` was called for each section. */
  logGlobalStop?(): void;
  /** Somebody is about to read the dirty log of a section: bring it up to date. */
  logSync?(section: MemoryRegionSection): void;
  /** The dirty log of a section was read and cleared: log its next writes again. */
  logClear?(section: MemoryRegionSection): void;
  /** An ioeventfd appeared. */
  eventfdAdd?(section: MemoryRegionSection, data: bigint | null, event: unknown): void;
  /** An ioeventfd disappeared. */
  eventfdDel?(section: MemoryRegionSection, data: bigint | null, event: unknown): void;
  /** Writes in a range may be coalesced. */
  coalescedIoAdd?(section: MemoryRegionSection, address: bigint, size: bigint): void;
  /** Writes in a range may be coalesced no longer. */
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
    unmergeable: (range.flags & RangeFlag.UNMERGEABLE) !== 0,
  };
}
