import { DIRTY_LOG_BITS, DIRTY_LOG_SHIFT } from "../region/range_flags.ts";
import type { FlatRange } from "../render/flat_range.ts";
import type { AddressSpace } from "./address_space.ts";
import { tellCoalesced } from "./coalesced.ts";
import { sectionOf } from "./listener.ts";

/**
 * Tells the listeners of an address space how its view changes: a walk over old and new ranges by
 * address, first for what goes (by falling priority of the listeners), then for what comes and what
 * stays (by rising priority). A range that differs in anything but its dirty-log mask goes and comes.
 */
export function tellDifference(
  space: AddressSpace,
  before: readonly FlatRange[],
  after: readonly FlatRange[],
  errors: unknown[],
): void {
  if (space.listeners.size === 0) return;
  pass(before, after, (old, now) => {
    if (old !== null && now === null) tellGone(space, old, errors);
  });
  pass(before, after, (old, now) => {
    if (old === null) tellNew(space, now!, errors);
    else if (now !== null) tellSame(space, old, now, errors);
  });
}

/** Pairs equal ranges; a range of one side only is visited alone, in address order, the old one first. */
function pass(
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

function tellGone(space: AddressSpace, range: FlatRange, errors: unknown[]): void {
  tellCoalesced(space, range, "del", errors);
  const section = sectionOf(space, range);
  space.listeners.reverse((listener) => listener.regionDel?.(section), errors);
}

function tellNew(space: AddressSpace, range: FlatRange, errors: unknown[]): void {
  const section = sectionOf(space, range);
  space.listeners.forward((listener) => listener.regionAdd?.(section), errors);
  tellCoalesced(space, range, "add", errors);
}

function tellSame(space: AddressSpace, old: FlatRange, now: FlatRange, errors: unknown[]): void {
  const section = sectionOf(space, now);
  const [was, is] = [dirtyLogMask(old), dirtyLogMask(now)];
  space.listeners.forward((listener) => listener.regionNop?.(section), errors);
  if (is & ~was) space.listeners.forward((l) => l.logStart?.(section, was, is), errors);
  if (was & ~is) space.listeners.reverse((l) => l.logStop?.(section, was, is), errors);
}

/** The clients that log writes to a range. */
export function dirtyLogMask(range: FlatRange): number {
  return (range.flags & DIRTY_LOG_BITS) >>> DIRTY_LOG_SHIFT;
}
