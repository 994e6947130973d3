/**
 * What the tables and regions of a unit share.
 *
 * @module
 */

import { type BlockAllocator, DeferredBudgetError } from "@guestmem/rcu";
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

/** Frees blocks after a grace period; those beyond the domain's budget in a callback. */
export function deferFreeAll({ arena, domain }: UnitResources, blocks: readonly number[]): void {
  for (const [at, block] of blocks.entries()) {
    try {
      domain.deferFree(block);
    } catch (error) {
      if (!(error instanceof DeferredBudgetError)) throw error;
      return domain.callRcu(() => blocks.slice(at).forEach((rest) => arena.free(rest)));
    }
  }
}
