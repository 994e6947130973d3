import { RangeFlag } from "../region/range_flags.ts";
import { hex16, lower, upper } from "../region/split64.ts";
import type { FlatRange } from "../render/flat_range.ts";
import type { Dialect } from "./dialect.ts";
import type { liveViews } from "./live_views.ts";
import type { NamedRoot } from "./print_tree.ts";
import { printedKind } from "./printed_kind.ts";
import type { PrintedAddressSpace, RangeText } from "./printed_view.ts";

/** A flat view, with what its text shows. */
export type ViewText = ReturnType<typeof liveViews>[number];

/**
 * Flat views in the text of QEMU's `info mtree -f`, or `-f -d` if the views have the lines of their dispatch.
 *
 * @param views The views, which are numbered in this order.
 * @param dialect Whose text; QEMU 7.2's by default.
 * @returns The lines, without line ends; every view ends with an empty line.
 *
 * @example
 * ```ts
 * import { Topology } from "@guestmem/flatview";
 * import { liveViews, printFlatViews } from "@guestmem/flatview/mtree";
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const topology = new Topology({ arena, domain: RcuDomain.create(arena) });
 * topology.createAddressSpace("I/O", topology.initIo("io", 0x10000, {}));
 * assertEquals(printFlatViews(liveViews(topology, false)), [
 *   "FlatView #0",
 *   ' AS "I/O", root: io',
 *   " Root memory region: io",
 *   "  0000000000000000-000000000000ffff (prio 0, i/o): io",
 *   "",
 * ]);
 * ```
 */
export function printFlatViews(
  views: Readonly<ReturnType<typeof liveViews>>,
  dialect: Dialect = "qemu-7.2",
): string[] {
  return views.flatMap((view, number) => [
    `FlatView #${number}`,
    ...view.addressSpaces.map((space) => addressSpaceLine(printedAddressSpace(space))),
    ` Root memory region: ${view.root?.name ?? "(none)"}`,
    ...view.ranges.length === 0
      ? ["  No rendered FlatView"]
      : [...view.ranges.map((range) => rangeLine(range, dialect)), ...view.dispatch],
    "",
  ]);
}

/** The names in the line of an address space. */
export function printedAddressSpace({ name, root }: NamedRoot): PrintedAddressSpace {
  return { name, root: root.name, alias: root.alias?.name ?? null };
}

/** The line of an address space over the ranges of its view. */
export function addressSpaceLine({ name, root, alias }: PrintedAddressSpace): string {
  return ` AS "${name}", root: ${root}${alias === null ? "" : `, alias ${alias}`}`;
}

/** What the line of a range says. */
export function rangeText(range: FlatRange, dialect: Dialect): RangeText {
  const { first, last, region, offset, flags } = range;
  const nonvolatile = flags & RangeFlag.NONVOLATILE ? "nv-" : "";
  const kind = flags & RangeFlag.READONLY ? "rom" : printedKind(region, dialect);
  const prio = region.priority;
  return { first, last, prio, kind: nonvolatile + kind, name: region.name, offset };
}

/** The line of a range. */
export function rangeLine(range: FlatRange, dialect: Dialect): string {
  const { first, last, prio, kind, name, offset } = rangeText(range, dialect);
  return `  ${hex(first)}-${hex(last)} (prio ${prio}, ${kind}): ${name}` +
    (offset === 0n ? "" : ` @${hex(offset)}`);
}

function hex(value: bigint): string {
  return hex16(upper(value), lower(value));
}
