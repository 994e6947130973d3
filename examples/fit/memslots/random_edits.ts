/**
 * Random edits of a machine's memory, as fast-check arbitraries.
 *
 * @module
 */

import type { MemoryRegion } from "@guestmem/flatview";
import fc from "fast-check";
import type { Machine } from "../../learn/memslots/machine.ts";

const PAGE = 4096;
/** Addresses are multiples of this, so that ranges begin and end within pages too. */
const STEP = PAGE / 4;

/** An edit of a region. */
export interface Edit {
  readonly edit: "add" | "remove" | "move" | "resize" | "aliasOffset" | "flag" | "romd" | "log";
  readonly region: number;
  /** An address, in steps. */
  readonly place: number;
  readonly priority: number;
  readonly on: boolean;
}

/** A random edit. Most addresses are page-aligned. */
export const anyEdit: fc.Arbitrary<Edit> = fc.record({
  edit: fc.constantFrom(
    ...["add", "add", "add", "remove", "move", "move", "resize"] as const,
    ...["aliasOffset", "flag", "romd", "log", "log"] as const,
  ),
  region: fc.nat(8),
  place: fc.oneof(fc.nat(40).map((page) => page * 4), fc.nat(160)),
  priority: fc.integer({ min: -1, max: 1 }),
  on: fc.boolean(),
});

/** Regions of every kind that matters to slots, none of them mapped yet. */
export function createRegions({ topology, addBlock }: Machine): MemoryRegion[] {
  const ram = topology.initRam("ram", 32 * PAGE, addBlock("ram", 32 * PAGE));
  const more = topology.initRam("more", 12 * PAGE, addBlock("more", 12 * PAGE));
  const rom = topology.initRom("rom", 8 * PAGE, addBlock("rom", 8 * PAGE));
  const flash = topology.initRomDevice("flash", 8 * PAGE, addBlock("flash", 8 * PAGE), {});
  const shadow = topology.initAlias("shadow", 8 * PAGE, ram, 16 * PAGE);
  shadow.setReadonly(true);
  return [
    ram,
    more,
    rom,
    flash,
    shadow,
    topology.initIo("bar", 4 * PAGE, {}),
    topology.initIo("port", 16, {}),
    topology.initAlias("window", 6 * PAGE, rom, 0),
    topology.initReserved("reserved", 2 * PAGE),
  ];
}

/** Applies an edit if it makes sense for the region. */
export function applyEdit({ system }: Machine, regions: readonly MemoryRegion[], plan: Edit): void {
  const region = regions[plan.region]!;
  const { edit, on, place, priority } = plan;
  if (edit === "add" && !region.container) {
    system.addSubregionOverlap(place * STEP, region, priority);
  } else if (edit === "remove") region.container?.delSubregion(region);
  else if (edit === "move") region.setAddress(place * STEP);
  else if (edit === "resize") resize(region, place);
  else if (edit === "aliasOffset" && region.alias) region.setAliasOffset((place % 64) * STEP);
  else if (edit === "flag") on ? region.setEnabled(!region.enabled) : toggleReadonly(region);
  else if (edit === "romd" && region.kind === "romDevice") region.setRomd(!region.romd);
  else if (edit === "log" && region.kind === "ram") toggleLog(region, 1 + priority);
}

/** No region outgrows its block. */
function resize(region: MemoryRegion, place: number): void {
  const most = { more: 12, rom: 8, flash: 8 }[region.name] ?? 32;
  region.setSize((1 + place % (most * 4)) * STEP);
}

function toggleLog(region: MemoryRegion, client: number): void {
  region.setLog((region.dirtyLogMask & 1 << client) === 0, client);
}

function toggleReadonly(region: MemoryRegion): void {
  region.setReadonly(!region.readonly);
}
