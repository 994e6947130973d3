import { DIRTY_LOG_BITS, dirtyLogMask } from "../region/range_flags.ts";
import type { FlatRange } from "../render/flat_range.ts";
import type { Listened } from "./listened_space.ts";
import {
  notifyLogChange,
  notifyRangeGone,
  notifyRangeNew,
  notifyRangeStays,
} from "./notify_range.ts";

/**
 * Notifies the listeners of an address space of how its view changes: a walk over old and new ranges
 * by address, first for what goes (by falling priority of the listeners), then for what comes and
 * what stays (by rising priority). A range that differs in anything but its dirty-log mask goes and
 * comes.
 */
export function notifyDifference(
  listened: Listened,
  before: readonly FlatRange[],
  after: readonly FlatRange[],
  errors: unknown[],
): void {
  pairRanges(before, after, (old, now) => {
    if (old !== null && now === null) notifyRangeGone(listened, old, errors);
  });
  pairRanges(before, after, (old, now) => {
    if (old === null) notifyRangeNew(listened, now!, errors);
    else if (now !== null) {
      notifyRangeStays(listened, now, errors);
      notifyLogChange(
        listened,
        now,
        dirtyLogMask(old.flags),
        dirtyLogMask(now.flags),
        errors,
      );
    }
  });
}

/** Pairs equal ranges; a range of one side only is visited alone, in address order, the old one first. */
function pairRanges(
  before: readonly FlatRange[],
  after: readonly FlatRange[],
  visit: (old: FlatRange | null, now: FlatRange | null) => void,
): void {
  for (let i = 0, j = 0; i < before.length || j < after.length;) {
    const old = before[i];
    const now = after[j];
    if (old !== undefined && now !== undefined && equal(old, now)) {
      visit(old, now);
      i++;
      j++;
    } else if (old !== undefined && (now === undefined || old.first <= now.first)) {
      visit(old, null);
      i++;
    } else {
      visit(null, now!);
      j++;
    }
  }
}

function equal(left: FlatRange, right: FlatRange): boolean {
  return left.first === right.first && left.last === right.last && left.region === right.region &&
    left.offset === right.offset && ((left.flags ^ right.flags) & ~DIRTY_LOG_BITS) === 0;
}
