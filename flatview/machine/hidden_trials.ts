import type { MemoryRegion } from "../region/memory_region.ts";
import { writable } from "../region/region_node.ts";
import type { Trial } from "./view_mismatch.ts";

/** A bit that the tree's text does not print, and how to flip it for a trial. */
export interface Hidden extends Trial {
  readonly what: "terminates" | "sibling order" | "readonly" | "alias target" | "identity";
  readonly region: MemoryRegion;
  /** The bit's present value. */
  value(): string;
}

/** Whether a region answers accesses that its subregions leave free, or is a pure container. */
export function terminatesTrial(region: MemoryRegion): Hidden {
  const edit = writable(region);
  return {
    what: "terminates",
    region,
    touches: [region],
    toggle: () => {
      edit.terminates = !edit.terminates;
      edit.kind = edit.terminates ? "io" : "container";
    },
    value: () => region.terminates ? "yes" : "no",
  };
}

/** Whether a region makes readonly what it shows. */
export function readonlyTrial(region: MemoryRegion): Hidden {
  const edit = writable(region);
  return {
    what: "readonly",
    region,
    touches: [region],
    toggle: () => edit.readonly = !edit.readonly,
    value: () => region.readonly ? "yes" : "no",
  };
}

/** Which of two overlapping siblings of one priority comes first. */
export function orderTrial(front: MemoryRegion, back: MemoryRegion): Hidden {
  const list = writable(front.container!).subregions;
  // Index of the front one before the trial, to restore exactly that order.
  let home = -1;
  return {
    what: "sibling order",
    region: front,
    touches: [front.container!],
    toggle: () => {
      const at = list.indexOf(front);
      list.splice(at, 1);
      if (home < 0) {
        home = at;
        list.splice(list.indexOf(back) + 1, 0, front);
      } else {
        list.splice(home, 0, front);
        home = -1;
      }
    },
    value: () =>
      list.indexOf(front) < list.indexOf(back) ? `before ${back.name}` : `after ${back.name}`,
  };
}

/** Whether an alias shows its present target or another region of that name. */
export function targetTrial(alias: MemoryRegion, other: MemoryRegion): Hidden {
  const edit = writable(alias);
  let spare = other;
  return {
    what: "alias target",
    region: alias,
    touches: [alias],
    toggle: () => {
      const old = edit.alias!;
      writable(old).aliases.delete(alias);
      writable(spare).aliases.add(alias);
      edit.alias = spare;
      spare = old;
    },
    value: () => alias.alias!.name,
  };
}

/** Which of two regions that print alike the aliases show. */
export function identityTrial(one: MemoryRegion, other: MemoryRegion): Hidden {
  const [mine, others] = [writable(one).aliases, writable(other).aliases];
  return {
    what: "identity",
    region: one,
    touches: [...mine, ...others],
    toggle: () => {
      const [old, young] = [[...mine], [...others]];
      mine.clear();
      others.clear();
      for (const alias of old) {
        writable(alias).alias = other;
        others.add(alias);
      }
      for (const alias of young) {
        writable(alias).alias = one;
        mine.add(alias);
      }
    },
    value: () => "shown by",
  };
}

/** The pairs of siblings whose order the text leaves open and views may show. */
export function overlappingPairs(parent: MemoryRegion): [MemoryRegion, MemoryRegion][] {
  const pairs: [MemoryRegion, MemoryRegion][] = [];
  const list = parent.subregions;
  list.forEach((front, i) => {
    for (let j = i + 1; j < list.length && list[j]!.priority === front.priority; j++) {
      const back = list[j]!;
      // At the same address the text shows the order: it is sorted stably.
      if (front.addr !== back.addr && overlap(front, back)) pairs.push([front, back]);
    }
  });
  return pairs;
}

function overlap(left: MemoryRegion, right: MemoryRegion): boolean {
  return left.enabled && right.enabled && left.addr < right.addr + right.size &&
    right.addr < left.addr + left.size;
}
