/**
 * Printing a dispatch as QEMU does.
 *
 * @module
 */

import {
  LEVEL_BITS,
  NIL,
  NO_REGION,
  NODE_ENTRIES,
  SKIP_BITS,
  SKIP_MASK,
} from "../kernel/layouts.ts";
import type { AddressSpaceDispatch, SectionInfo } from "./address_space_dispatch.ts";

/** What a dump prints of a region: a section carries no more than its id. */
type DumpLabels = Parameters<typeof dumpDispatch>[1];

/** QEMU's labels of the first sections. They go by number and no longer mean anything. */
const LABELS = [" [unassigned]", " [not dirty]", " [ROM]", " [watch]"];

/**
 * Prints a dispatch in the text of QEMU's `info mtree -f -d`, without the `[MRU]` and `[iommu]`
 * marks. Nodes that compaction has bypassed are printed as well, since QEMU keeps them.
 *
 * @param dispatch The dispatch.
 * @param labels What is printed of regions: a section carries no more than an id.
 * @returns The lines, from `  Dispatch` on.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { AddressSpaceDispatch, dumpDispatch, PhysMapBuilder } from "@guestmem/physmap";
 * import { assert } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const builder = new PhysMapBuilder({ pageBits: 12 });
 * builder.add(0, 0xfffff, 0, 1);
 * const dispatch = new AddressSpaceDispatch(arena, builder.finish(arena, 1));
 * const lines = dumpDispatch(dispatch, { name: () => "ram" });
 * assert(lines[3] === "      #1 @0000000000000000..00000000000fffff ram [not dirty]");
 * ```
 */
export function dumpDispatch(
  dispatch: AddressSpaceDispatch,
  labels: {
    /** The name of a region. */
    name(region: number): string;
    /** Whether a region is the root of the view that the dispatch belongs to. */
    isRoot?(region: number): boolean;
  },
): string[] {
  const lines = ["  Dispatch", "    Physical sections"];
  for (let number = 0; number < dispatch.sections; number++) {
    lines.push(sectionLine(dispatch.section(number), labels));
  }
  lines.push(
    `    Nodes (${LEVEL_BITS} bits per level, ${dispatch.levels} levels) ` +
      // In brackets even if it is a section, or NIL.
      `ptr=[${dispatch.root >>> SKIP_BITS}] skip=${dispatch.root & SKIP_MASK}`,
  );
  for (let node = 0; node < dispatch.nodes; node++) {
    lines.push(`      [${node}]`, ...nodeLines(dispatch, node));
  }
  return lines;
}

/** 16 hex digits. */
function hex16(address: bigint): string {
  return address.toString(16).padStart(16, "0");
}

function sectionLine(section: SectionInfo, labels: DumpLabels): string {
  const { number, first, last, region } = section;
  const name = region === NO_REGION ? "(noname)" : labels.name(region);
  const root = region !== NO_REGION && labels.isRoot?.(region) ? " [ROOT]" : "";
  return `      #${number} @${hex16(first)}..${hex16(last)} ${name}${LABELS[number] ?? ""}${root}`;
}

/** Where an entry points: a node, a section or nowhere. */
function target(entry: number): string {
  const pointer = entry >>> SKIP_BITS;
  if (pointer === NIL) return "NIL";
  return (entry & SKIP_MASK) === 0 ? `#${pointer}` : `[${pointer}]`;
}

/** A node's entries, runs of equal ones as one line. */
function nodeLines(dispatch: AddressSpaceDispatch, node: number): string[] {
  const lines: string[] = [];
  for (let from = 0, slot = 1; slot <= NODE_ENTRIES; slot++) {
    const entry = dispatch.entry(node, from);
    if (slot < NODE_ENTRIES && dispatch.entry(node, slot) === entry) continue;
    const run = from === slot - 1 ? "     " : `..${String(slot - 1).padEnd(3)}`;
    const skip = entry & SKIP_MASK;
    lines.push(`\t${String(from).padStart(3)}${run}  skip=${skip}  ptr=${target(entry)}`);
    from = slot;
  }
  return lines;
}
