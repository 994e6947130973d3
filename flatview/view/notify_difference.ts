import { DIRTY_LOG_BITS, dirtyLogMask } from "../region/range_flags.ts";
import type { FlatRange } from "../render/flat_range.ts";
import type { ListenedSpace } from "./listened_space.ts";
import { sectionOf } from "./memory_listener.ts";
import { notifyCoalesced } from "./notify_coalesced.ts";

/**
 * Notifies the listeners of an address space of how its view changes: a walk over old and new ranges
 * by address, first for what goes (by falling priority of the listeners), then for what comes and
 * what stays (by rising priority). A range that differs in anything but its dirty-log mask goes and
 * comes.
 */
export function notifyDifference(
  listened: ListenedSpace,
  before: readonly FlatRange[],
  after: readonly FlatRange[],
  errors: unknown[],
): void {
  pairRanges(before, after, (old, now) => {
    if (old !== null && now === null) notifyGone(listened, old, errors);
  });
  pairRanges(before, after, (old, now) => {
    if (old === null) notifyNew(listened, now!, errors);
    else if (now !== null) notifySame(listened, old, now, errors);
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

function notifyGone(listened: ListenedSpace, range: FlatRange, errors: unknown[]): void {
  notifyCoalesced(listened, range, "del", errors);
  const section = sectionOf(listened.space, range);
  listened.listeners.reverse((listener) => listener.regionDel?.(section), errors);
}

function notifyNew(listened: ListenedSpace, range: FlatRange, errors: unknown[]): void {
  const section = sectionOf(listened.space, range);
  listened.listeners.forward((listener) => listener.regionAdd?.(section), errors);
  notifyCoalesced(listened, range, "add", errors);
}

function notifySame(
  { space, listeners }: ListenedSpace,
  old: FlatRange,
  now: FlatRange,
  errors: unknown[],
): void {
  const section = sectionOf(space, now);
  const [was, is] = [dirtyLogMask(old.flags), dirtyLogMask(now.flags)];
  listeners.forward((listener) => listener.regionNop?.(section), errors);
  if (is & ~was) listeners.forward((l) => l.logStart?.(section, was, is), errors);
  if (was & ~is) listeners.reverse((l) => l.logStop?.(section, was, is), errors);
}
