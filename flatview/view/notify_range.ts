import type { FlatRange } from "../render/flat_range.ts";
import type { Listened } from "./listened_space.ts";
import { sectionOf } from "./memory_listener.ts";
import { notifyCoalesced } from "./notify_coalesced.ts";

/** Notifies listeners that a range is gone; of its coalesced parts before. */
export function notifyRangeGone(listened: Listened, range: FlatRange, errors: unknown[]): void {
  notifyCoalesced(listened, range, "del", errors);
  const section = sectionOf(listened.space, range);
  listened.listeners.reverse((listener) => listener.regionDel?.(section), errors);
}

/** Notifies listeners that a range is new; of its coalesced parts afterwards. */
export function notifyRangeNew(listened: Listened, range: FlatRange, errors: unknown[]): void {
  const section = sectionOf(listened.space, range);
  listened.listeners.forward((listener) => listener.regionAdd?.(section), errors);
  notifyCoalesced(listened, range, "add", errors);
}

/** Notifies listeners that a range stays. */
export function notifyRangeStays(listened: Listened, range: FlatRange, errors: unknown[]): void {
  const section = sectionOf(listened.space, range);
  listened.listeners.forward((listener) => listener.regionNop?.(section), errors);
}

/**
 * Notifies listeners that clients began or stopped to log writes to a range.
 *
 * @param listened The address space.
 * @param range The range as it is now.
 * @param was The clients that logged before.
 * @param is The clients that log from now on.
 * @param errors Collects what listeners throw.
 */
export function notifyLogChange(
  { space, listeners }: Listened,
  range: FlatRange,
  was: number,
  is: number,
  errors: unknown[],
): void {
  if (was === is) return;
  const section = sectionOf(space, range);
  if (is & ~was) listeners.forward((l) => l.logStart?.(section, was, is), errors);
  if (was & ~is) listeners.reverse((l) => l.logStop?.(section, was, is), errors);
}
