/**
 * Placement: a map under construction becomes one block of the arena.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import { compactEntry } from "./compact.ts";
import {
  dispatchBytes,
  HEADER,
  HEADER_BYTES,
  MAGIC,
  NODE_BYTES,
  NODE_ENTRIES,
  SECTION,
  SECTION_BYTES,
  SUBPAGE,
} from "./layout.ts";
import type { NodePool } from "./nodes.ts";
import type { SectionTable } from "./sections.ts";
import type { SubpageTables } from "./subpages.ts";

/** A map whose registrations are over. */
export interface FinishedMap {
  /** log2 of the page size. */
  readonly pageBits: number;
  /** The generation that the dispatch gets. */
  readonly generation: number;
  /** The tree, not yet compacted. */
  readonly nodes: NodePool;
  /** The section rows; a container's `table` word is the number of its table. */
  readonly sections: SectionTable;
  /** The subpage tables. */
  readonly subpages: SubpageTables;
}

/** A dispatch's blocks start on a cache line. */
const ALIGNMENT = 64;

/** Allocates the block, compacts the tree and copies everything; the block's offset. */
export function placeDispatch(allocator: BlockAllocator, map: FinishedMap): number {
  const { nodes, sections, subpages, pageBits } = map;
  const bytes = dispatchBytes(nodes.count, sections.count, subpages.count, pageBits);
  // First of all: if it throws, the tree is as it was and takes more ranges.
  const offset = allocator.allocate(bytes, ALIGNMENT, false);
  const root = compactEntry(nodes.words, nodes.root, nodes.levels - 1);

  const sectionsAt = HEADER_BYTES + nodes.count * NODE_BYTES;
  const subpagesAt = sectionsAt + sections.count * SECTION_BYTES;
  const words = allocator.u32;
  const header = words.subarray(offset >>> 2, (offset + HEADER_BYTES) >>> 2);
  header.fill(0);
  header[HEADER.magic >> 2] = MAGIC;
  header[HEADER.bytes >> 2] = bytes;
  new Float64Array(words.buffer, offset + HEADER.generation, 1)[0] = map.generation;
  header[HEADER.root >> 2] = root;
  header[HEADER.pageBits >> 2] = pageBits;
  header[HEADER.levels >> 2] = nodes.levels;
  header[HEADER.nodes >> 2] = nodes.count;
  header[HEADER.sectionsAt >> 2] = sectionsAt;
  header[HEADER.sections >> 2] = sections.count;
  header[HEADER.subpagesAt >> 2] = subpagesAt;
  header[HEADER.subpages >> 2] = subpages.count;

  allocator.i32.set(
    nodes.words.subarray(0, nodes.count * NODE_ENTRIES),
    (offset + HEADER_BYTES) >>> 2,
  );
  words.set(
    sections.words.subarray(0, sections.count * (SECTION_BYTES / 4)),
    (offset + sectionsAt) >>> 2,
  );
  pointContainersAtTables(words, offset + sectionsAt, sections.count, subpagesAt, pageBits);
  new Uint16Array(words.buffer, offset + subpagesAt, subpages.count * subpages.pageSize)
    .set(subpages.words.subarray(0, subpages.count * subpages.pageSize));
  return offset;
}

/** Replaces the number of its table in each container's row by the table's offset in the block. */
function pointContainersAtTables(
  words: Uint32Array,
  rows: number,
  count: number,
  subpagesAt: number,
  pageBits: number,
): void {
  for (let row = 0; row < count; row++) {
    const at = (rows + row * SECTION_BYTES) >>> 2;
    if ((words[at + (SECTION.flags >> 2)]! & SUBPAGE) === 0) continue;
    const table = at + (SECTION.table >> 2);
    words[table] = subpagesAt + words[table]! * 2 * 2 ** pageBits;
  }
}
