/**
 * Path compaction: an entry above a chain of nodes with one way through points past the chain.
 *
 * @module
 */

import { NIL, NODE_ENTRIES, SKIP_BITS, SKIP_MASK } from "./qemu_entry.ts";

/**
 * Compacts the tree below an entry, after QEMU's `phys_page_compact`. A lookup that skips levels
 * does not see the address bits of those levels, so it must check that the section it arrives at
 * covers the address. Nodes that are no longer reachable stay where they are.
 *
 * @param nodes The node pool; entries of it are changed.
 * @param entry The entry.
 * @param level The level of the node that the entry points at.
 * @returns The entry's new value.
 */
export function compactEntry(nodes: Int32Array, entry: number, level: number): number {
  const node = entry >>> SKIP_BITS;
  // All 512 slots of a level-0 node are leaves, so it has no single way through.
  if (node === NIL || level === 0 || (entry & SKIP_MASK) === 0) return entry;
  const start = node * NODE_ENTRIES;
  let used = 0, only = 0;
  for (let at = start; at < start + NODE_ENTRIES; at++) {
    const child = nodes[at]!;
    if (child >>> SKIP_BITS === NIL) continue;
    used++;
    only = (child & SKIP_MASK) === 0 ? child : compactEntry(nodes, child, level - 1);
    nodes[at] = only;
  }
  if (used !== 1) return entry;
  return (only & SKIP_MASK) === 0 ? only : only + (entry & SKIP_MASK);
}
