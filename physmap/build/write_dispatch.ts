/**
 * A finished map becomes one block of the arena.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import {
  CONTAINER,
  DISPATCH,
  MAGIC,
  NODE_BYTES,
  NODE_ENTRIES,
  SECTION,
  SECTION_FLAG,
} from "../kernel/layouts.ts";
import { compactEntry } from "./compact.ts";
import { dispatchBytes } from "./map_size.ts";
import type { NodePool } from "./node_pool.ts";
import type { SectionTable } from "./section_table.ts";
import type { SubpageTables } from "./subpage_tables.ts";

/** A map to which no more ranges are added. */
export interface FinishedMap {
  /** log2 of the page size. */
  readonly pageBits: number;
  /** The generation that the dispatch gets. */
  readonly generation: number;
  /** The tree, not yet compacted. */
  readonly nodes: NodePool;
  /** The section rows; a container's `table` is the number of its table. */
  readonly sections: SectionTable;
  /** The subpage tables. */
  readonly subpages: SubpageTables;
}

/** Allocates the block, compacts the tree and copies everything; the block's offset. */
export function writeDispatch(allocator: BlockAllocator, map: FinishedMap): number {
  const { nodes, sections, subpages } = map;
  const bytes = dispatchBytes(nodes.count, sections.count, subpages.count, map.pageBits);
  // Before anything else: if it throws, the tree is as it was and takes more ranges.
  const dispatch = allocator.allocate(bytes, DISPATCH.alignment, false);
  const root = compactEntry(nodes.words, nodes.root, nodes.levels - 1);
  writeHeader(allocator, dispatch, map, bytes, root);

  const { u32, i32 } = allocator;
  const rows = dispatch + DISPATCH.sectionsAt.get(u32, dispatch);
  i32.set(nodes.words.subarray(0, nodes.count * NODE_ENTRIES), (dispatch + DISPATCH.size) / 4);
  u32.set(sections.words.subarray(0, sections.count * (SECTION.size / 4)), rows / 4);
  pointContainersAtTables(u32, dispatch);
  const tables = dispatch + DISPATCH.subpagesAt.get(u32, dispatch);
  const numbers = subpages.numbers.subarray(0, subpages.count * subpages.pageSize);
  new Uint16Array(u32.buffer, tables, numbers.length).set(numbers);
  return dispatch;
}

function writeHeader(
  { u32, u8 }: BlockAllocator,
  dispatch: number,
  { pageBits, generation, nodes, sections, subpages }: FinishedMap,
  bytes: number,
  root: number,
): void {
  const sectionsAt = DISPATCH.size + nodes.count * NODE_BYTES;
  DISPATCH.magic.set(u32, dispatch, MAGIC);
  DISPATCH.bytes.set(u32, dispatch, bytes);
  DISPATCH.generation.set(new Float64Array(u32.buffer), dispatch, generation);
  DISPATCH.root.set(u32, dispatch, root);
  DISPATCH.pageBits.set(u32, dispatch, pageBits);
  DISPATCH.levels.set(u32, dispatch, nodes.levels);
  DISPATCH.nodes.set(u32, dispatch, nodes.count);
  DISPATCH.sectionsAt.set(u32, dispatch, sectionsAt);
  DISPATCH.sections.set(u32, dispatch, sections.count);
  DISPATCH.subpagesAt.set(u32, dispatch, sectionsAt + sections.count * SECTION.size);
  DISPATCH.subpages.set(u32, dispatch, subpages.count);
  DISPATCH.reserved.view(u8, dispatch).fill(0);
}

/** Replaces the number of its table in each container's row by the table's offset in the block. */
function pointContainersAtTables(u32: Uint32Array, dispatch: number): void {
  const rows = dispatch + DISPATCH.sectionsAt.get(u32, dispatch);
  const end = rows + DISPATCH.sections.get(u32, dispatch) * SECTION.size;
  const tables = DISPATCH.subpagesAt.get(u32, dispatch);
  const tableBytes = 2 * 2 ** DISPATCH.pageBits.get(u32, dispatch);
  for (let row = rows; row < end; row += SECTION.size) {
    if ((SECTION.flags.get(u32, row) & SECTION_FLAG.CONTAINER) === 0) continue;
    CONTAINER.table.set(u32, row, tables + CONTAINER.table.get(u32, row) * tableBytes);
  }
}
