import type { MemoryRegion } from "../region/memory_region.ts";
import { writable } from "../region/region_state.ts";
import type { Trial } from "./view_mismatch.ts";

/** A bit that the tree's text does not print, and how to flip it for a trial. */
export interface Hidden extends Trial {
  readonly what: "terminates" | "readonly" | "alias target" | "identity";
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

/** Goes back to what all hidden facts of some regions are now, and forth again. */
export function stateTrial(regions: readonly MemoryRegion[]): Trial {
  let spare = regions.map(factsOf);
  const toggle = () => {
    const now = regions.map(factsOf);
    regions.forEach((region, index) => {
      const edit = writable(region);
      const { subregions, aliases, ...fields } = spare[index]!;
      Object.assign(edit, fields);
      edit.subregions.splice(0, edit.subregions.length, ...subregions);
      edit.aliases.clear();
      for (const alias of aliases) edit.aliases.add(alias);
    });
    spare = now;
  };
  return { touches: regions, toggle };
}

function factsOf({ kind, terminates, readonly, alias, subregions, aliases }: MemoryRegion) {
  return {
    ...{ kind, terminates, readonly, alias },
    ...{ subregions: [...subregions], aliases: [...aliases] },
  };
}
