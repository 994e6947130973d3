import type { MemoryRegion } from "../region/memory_region.ts";
import { writable } from "../region/region_state.ts";
import { Topology } from "../topology/topology.ts";
import type { Trial, ViewMismatch } from "./view_mismatch.ts";

/** Two overlapping siblings of one priority at different addresses, the front one first. */
export interface SiblingPair {
  readonly front: MemoryRegion;
  readonly back: MemoryRegion;
}

/**
 * The pairs of siblings whose order the text leaves open and views may show. At one address the text
 * shows the order: it is sorted stably.
 */
export function openPairs(parent: MemoryRegion): SiblingPair[] {
  const list = parent.subregions;
  return list.flatMap((front, i) =>
    list.slice(i + 1)
      .filter((back) => back.priority === front.priority)
      .filter((back) => back.addr !== front.addr && overlap(front, back))
      .map((back) => ({ front, back }))
  );
}

/** Whether the views decide the order of a pair: moving either one past the other changes them. */
export function isDecided({ front, back }: SiblingPair, mismatch: ViewMismatch): boolean {
  const score = mismatch.score();
  return mismatch.scoreAfter(moveTrial(front, back, 1)) !== score &&
    mismatch.scoreAfter(moveTrial(back, front, 0)) !== score;
}

/** The moves of one subregion past another that the text allows: none past one at its own address. */
export function movesOf(parent: MemoryRegion): Trial[] {
  const list = parent.subregions;
  return openPairs(parent).flatMap(({ front, back }) => {
    const between = list.slice(list.indexOf(front) + 1, list.indexOf(back));
    const stays = ({ addr }: MemoryRegion) => between.some((other) => other.addr === addr);
    return [
      ...(stays(front) ? [] : [moveTrial(front, back, 1)]),
      ...(stays(back) ? [] : [moveTrial(back, front, 0)]),
    ];
  });
}

/** Moves a region past a sibling: in front of it (0) or behind it (1). */
function moveTrial(moved: MemoryRegion, past: MemoryRegion, step: 0 | 1): Trial {
  const parent = moved.container!;
  const order = parent.subregions.filter((region) => region !== moved);
  order.splice(order.indexOf(past) + step, 0, moved);
  return listTrial(parent, order);
}

/**
 * Orders the subregions of a region as the views show them.
 *
 * The order is built from front to back, for each group of siblings that overlap. Next comes one whose
 * bytes, as far as those placed before leave them visible, are all as printed. Any such sibling will
 * do: it covers nothing that another one has to show. So if there is a right order, one is found, also
 * where several siblings look alike. While other facts are still wrong none may fit, and the one with
 * the fewest wrong bytes comes next.
 *
 * @returns A trial that makes the order, or null if it stands already.
 */
export function orderByViews(parent: MemoryRegion, mismatch: ViewMismatch): Trial | null {
  if (openPairs(parent).length === 0) return null;
  const list = [...parent.subregions];
  for (const group of groupsOf(parent)) {
    const slots = group.map((region) => parent.subregions.indexOf(region));
    const order = placed(parent, group, mismatch);
    slots.forEach((slot, i) => list[slot] = order[i]!);
  }
  return list.every((region, i) => region === parent.subregions[i])
    ? null
    : listTrial(parent, list);
}

/** Siblings of one priority that overlap directly or through others, in list order. */
function groupsOf(parent: MemoryRegion): MemoryRegion[][] {
  let groups: MemoryRegion[][] = [];
  for (const region of parent.subregions) {
    const meets = (other: MemoryRegion) =>
      other.priority === region.priority && (other.addr === region.addr || overlap(other, region));
    const met = groups.filter((group) => group.some(meets));
    groups = [...groups.filter((group) => !met.includes(group)), [...met.flat(), region]];
  }
  const at = (region: MemoryRegion) => parent.subregions.indexOf(region);
  return groups.filter((group) => group.length > 1)
    .map((group) => group.sort((left, right) => at(left) - at(right)));
}

/** The group in the order that the views show. */
function placed(
  parent: MemoryRegion,
  group: readonly MemoryRegion[],
  mismatch: ViewMismatch,
): MemoryRegion[] {
  const rest = [...group];
  const order: MemoryRegion[] = [];
  while (rest.length > 0) {
    // At one address the text shows the order.
    const free = rest.filter((region, i) =>
      !rest.slice(0, i).some((other) => other.addr === region.addr)
    );
    const next = free.length === 1 ? free[0]! : best(parent, group, order, free, mismatch);
    rest.splice(rest.indexOf(next), 1);
    order.push(next);
  }
  return order;
}

/** The sibling that shows the fewest wrong bytes behind those in `front`; the first of equals. */
function best(
  parent: MemoryRegion,
  group: readonly MemoryRegion[],
  front: readonly MemoryRegion[],
  free: readonly MemoryRegion[],
  mismatch: ViewMismatch,
): MemoryRegion {
  // Whatever lies further behind is hidden by a region that looks like nothing printed.
  const screen = new Topology().initIo("\0", parent.size, {});
  const behind = (shown: readonly MemoryRegion[]) => {
    const list = parent.subregions.filter((region) => !group.includes(region));
    const at = list.findIndex(({ priority }) => priority < group[0]!.priority);
    list.splice(at < 0 ? list.length : at, 0, ...shown, screen);
    return listTrial(parent, list);
  };
  const base = behind(front);
  mismatch.toggle(base);
  let next = free[0]!;
  let least: bigint | null = null;
  for (const region of free) {
    const list = [...parent.subregions];
    list.splice(list.indexOf(screen), 0, region);
    const wrong = mismatch.newlyWrong(listTrial(parent, list), screen.name);
    if (least !== null && wrong >= least) continue;
    least = wrong;
    next = region;
  }
  mismatch.toggle(base);
  return next;
}

function overlap(left: MemoryRegion, right: MemoryRegion): boolean {
  return left.enabled && right.enabled && left.addr < right.addr + right.size &&
    right.addr < left.addr + left.size;
}

/** Gives a region this list of subregions. */
function listTrial(parent: MemoryRegion, order: readonly MemoryRegion[]): Trial {
  const list = writable(parent).subregions;
  let spare = order;
  return { touches: [parent], toggle: () => spare = list.splice(0, list.length, ...spare) };
}
