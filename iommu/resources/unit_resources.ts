/**
 * What the tables and regions of a unit share.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import type { InvalidationLog } from "../iotlb/invalidation_log.ts";
import type { GracePeriods } from "./grace_periods.ts";

/** What a unit gives its tables and regions. */
export interface UnitResources {
  /** Where tables and blocks of regions are allocated. */
  readonly arena: BlockAllocator;
  /** The domain whose sections protect translations. */
  readonly domain: GracePeriods;
  /** The log that reaches every IOTLB. */
  readonly log: InvalidationLog;
}
