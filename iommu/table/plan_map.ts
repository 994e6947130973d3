/**
 * Mapping: finds the largest entry that fits each page of a range, and puts it into an edit.
 *
 * @module
 */

import type { PageRun } from "../addresses/page_run.ts";
import { lastAddress, MAX_LEAF_LEVEL, SPAN, toAddress } from "../addresses/pages.ts";
import { IommuError } from "../errors/iommu_error.ts";
import { ENTRY_BIT } from "../kernel/layouts.ts";
import { leafHigh, leafLow } from "./leaf.ts";
import { firstMapped } from "./scan_entries.ts";
import type { TableEdit } from "./table_edit.ts";

/**
 * Plans the part of a run that is in a node.
 *
 * @param edit Receives the changes.
 * @param run What to map.
 * @param node The node.
 * @param level Its level.
 * @param base The first page that it covers.
 * @throws {IommuError} `OVERLAP` if a page is mapped already.
 * @throws {ArenaExhaustedError} If there is no room for a node.
 */
export function planMap(
  edit: TableEdit,
  run: PageRun,
  node: number,
  level: number,
  base: number,
): void {
  const span = SPAN[level]!;
  const from = Math.max(run.first, base);
  const to = Math.min(run.last, base + SPAN[level + 1]! - 1);
  for (let page = from; page <= to;) {
    const slot = Math.floor((page - base) / span);
    const start = base + slot * span;
    const next = start + span;
    const target = run.target + (page - run.first);
    const low = edit.low(node, slot);
    if (low & ENTRY_BIT.POINTER) {
      planMap(edit, run, edit.high(node, slot), level - 1, start);
    } else if (low !== 0) {
      throw overlap(edit, run, node, level, base);
    } else if (level <= MAX_LEAF_LEVEL && page === start && next - 1 <= to && target % span === 0) {
      edit.set(node, slot, leafLow(target, run.perm), leafHigh(target));
    } else {
      const child = edit.allocateNode();
      planMap(edit, run, child, level - 1, start);
      edit.setPointer(node, slot, child);
    }
    page = next;
  }
}

/** The error for a page that is mapped already, with the address of the first one. */
function overlap(
  edit: TableEdit,
  { first, last }: PageRun,
  node: number,
  level: number,
  base: number,
): IommuError {
  const page = firstMapped(edit, node, level, base, first, last);
  return new IommuError("OVERLAP", {
    first: toAddress(first),
    last: lastAddress(last),
    existing: toAddress(page),
  });
}
