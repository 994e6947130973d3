/**
 * Mapping: finds for each page of a range the largest entry that fits, in an edit.
 *
 * @module
 */

import { lastAddress, SPAN, toAddress } from "../_pages.ts";
import { OverlapError } from "../errors.ts";
import type { Edit } from "./edit.ts";
import { leafHigh, leafLow, MAX_LEAF_LEVEL, TABLE } from "./layout.ts";
import { firstMapped } from "./scan.ts";

/** What is to be mapped, in pages. */
export interface MapRequest {
  /** First page. */
  readonly first: number;
  /** Last page, inclusive. */
  readonly last: number;
  /** What the first page leads to. */
  readonly target: number;
  /** 1 read, 2 write, 3 both. */
  readonly perm: number;
}

/**
 * Plans the part of a request that lies in a node.
 *
 * @param edit Takes what is to be changed.
 * @param request What is to be mapped.
 * @param node The node.
 * @param level Its level.
 * @param base The first page that it covers.
 * @throws {OverlapError} If a page is mapped already.
 * @throws {ArenaExhaustedError} If there is no room for a node.
 */
export function planMap(
  edit: Edit,
  request: MapRequest,
  node: number,
  level: number,
  base: number,
): void {
  const span = SPAN[level]!;
  const from = Math.max(request.first, base);
  const to = Math.min(request.last, base + SPAN[level + 1]! - 1);
  for (let page = from; page <= to;) {
    const slot = Math.floor((page - base) / span);
    const start = base + slot * span;
    const next = start + span;
    const target = request.target + (page - request.first);
    const low = edit.low(node, slot);
    if (low & TABLE) {
      planMap(edit, request, edit.high(node, slot), level - 1, start);
    } else if (low !== 0) {
      throw overlap(edit, request, node, level, base);
    } else if (level <= MAX_LEAF_LEVEL && page === start && next - 1 <= to && target % span === 0) {
      edit.set(node, slot, leafLow(target, request.perm), leafHigh(target));
    } else {
      const child = edit.allocateNode();
      planMap(edit, request, child, level - 1, start);
      edit.setTable(node, slot, child);
    }
    page = next;
  }
}

/** Says which mapping is in the way. */
function overlap(
  edit: Edit,
  { first, last }: MapRequest,
  node: number,
  level: number,
  base: number,
): OverlapError {
  const page = firstMapped(edit, node, level, base, first, last);
  return new OverlapError(toAddress(first), lastAddress(last), toAddress(page));
}
