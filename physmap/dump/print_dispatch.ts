/**
 * Printing a dispatch as QEMU does.
 *
 * @module
 */

import { NO_REGION } from "../kernel/layouts.ts";
import { LEVEL_BITS, NIL, NODE_ENTRIES, SKIP_BITS, SKIP_MASK } from "./qemu_entry.ts";
import type { PrintedSection } from "./section_table.ts";

/** What a dump prints of a region. */
interface DumpLabels {
  readonly name: (region: number) => string;
  readonly isRoot?: (region: number) => boolean;
}

/** QEMU's labels of the first sections. They go by number and no longer mean anything. */
const LABELS = [" [unassigned]", " [not dirty]", " [ROM]", " [watch]"];

/** QEMU's dispatch, complete and compacted. */
export interface PrintedDispatch {
  /** The sections, #0 first. */
  readonly sections: readonly PrintedSection[];
  /** The nodes. */
  readonly words: Int32Array;
  /** How many nodes there are. */
  readonly nodes: number;
  /** The root entry. */
  readonly root: number;
  /** Levels of the map. */
  readonly levels: number;
}

/** The lines of a dispatch, from `  Dispatch` on. */
export function printDispatch(
  { sections, words, nodes, root, levels }: PrintedDispatch,
  labels: DumpLabels,
): string[] {
  const lines = ["  Dispatch", "    Physical sections"];
  sections.forEach((section, number) => lines.push(sectionLine(section, number, labels)));
  lines.push(
    `    Nodes (${LEVEL_BITS} bits per level, ${levels} levels) ` +
      // In brackets even if it is a section, or NIL.
      `ptr=[${root >>> SKIP_BITS}] skip=${root & SKIP_MASK}`,
  );
  for (let node = 0; node < nodes; node++) {
    lines.push(`      [${node}]`, ...nodeLines(words, node * NODE_ENTRIES));
  }
  return lines;
}

/** 16 hex digits. */
function hex16(address: bigint): string {
  return address.toString(16).padStart(16, "0");
}

function sectionLine(section: PrintedSection, number: number, labels: DumpLabels): string {
  const { first, last, region } = section;
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

/** The entries of the node that starts at a word, runs of equal ones as one line. */
function nodeLines(words: Int32Array, start: number): string[] {
  const lines: string[] = [];
  for (let from = 0, slot = 1; slot <= NODE_ENTRIES; slot++) {
    const entry = words[start + from]!;
    if (slot < NODE_ENTRIES && words[start + slot] === entry) continue;
    const run = from === slot - 1 ? "     " : `..${String(slot - 1).padEnd(3)}`;
    const skip = entry & SKIP_MASK;
    lines.push(`\t${String(from).padStart(3)}${run}  skip=${skip}  ptr=${target(entry)}`);
    from = slot;
  }
  return lines;
}
