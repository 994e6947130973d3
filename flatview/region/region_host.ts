import type { CoalescedRange } from "./coalesced_range.ts";
import type { MemoryRegion } from "./memory_region.ts";
import type { TransactionLog } from "./transaction_log.ts";

/** What regions need of the topology that they belong to; one object for all of its regions. */
export interface RegionHost {
  /** Where edits record what they change. */
  readonly log: TransactionLog<MemoryRegion>;
  /** Clients that log writes to all memory, as bits. */
  globalLogMask(): number;
  /** Runs an edit as a transaction, or as part of the open one. */
  transaction(edit: () => void): void;
  /** Runs a function a grace period after the commit of the open transactions; never, if they fail. */
  afterGracePeriod(run: () => void): void;
  /** A region's last reference is gone: `finalize` runs once no transaction can bring the region back. */
  unreferenced(region: MemoryRegion, finalize: () => void): void;
  /** Writes in a range may be coalesced from now on, or no longer. */
  coalescedChanged(region: MemoryRegion, range: CoalescedRange, change: "add" | "del"): void;
}
