/**
 * What this package uses of an RCU domain.
 *
 * @module
 */

import type { Reclaimer, SharedMemory } from "@guestmem/rcu";
import { waitOutside } from "@guestmem/rcu/internal";

/**
 * The grace periods of the domain whose read-side sections protect translations and the use of their
 * results: an `RcuDomain`.
 */
export interface GracePeriods extends Reclaimer {
  /** The arena of the domain, as this context attached to it. */
  readonly arena: SharedMemory;
  /** Waits for a grace period. */
  synchronize(): void;
  /** Waits for a grace period without blocking the thread. */
  synchronizeAsync(): Promise<void>;
}

/**
 * Makes a change and waits until no reader uses the old state.
 *
 * @param domain The domain.
 * @param action The operation, for the error message.
 * @param change Makes the change.
 * @throws {WaitInSectionError} Inside a read-side section. Nothing is changed.
 */
export function changeAndWait(domain: GracePeriods, action: string, change: () => void): void {
  waitOutside(action, () => {
    change();
    domain.synchronize();
  });
}

/**
 * As {@linkcode changeAndWait}, without blocking the thread: the change is made at once, and no reader
 * uses the old state when the promise resolves.
 */
export async function changeAndWaitAsync(
  domain: GracePeriods,
  action: string,
  change: () => void,
): Promise<void> {
  waitOutside(action, change);
  await domain.synchronizeAsync();
}
