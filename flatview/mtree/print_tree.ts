import type { MemoryRegion } from "../region/memory_region.ts";
import { hex16, upper } from "../region/split64.ts";
import type { Dialect } from "./dialect.ts";
import { printedKind } from "./printed_kind.ts";

const MASK64 = (1n << 64n) - 1n;

/** An address space, with what the text shows of it. */
export type NamedRoot = Parameters<typeof printTree>[0][number];

/**
 * The region tree in the text of QEMU's `info mtree -D`: a block for each root, then one for each
 * region that an alias shows. QEMU prints the roots in the order of a hash table; here they come in
 * the order of the address spaces.
 *
 * @param spaces The address spaces: their names and roots.
 * @param dialect Whose text; QEMU 7.2's by default.
 * @returns The lines, without line ends; every block ends with an empty line.
 *
 * @example
 * ```ts
 * import { Topology } from "@guestmem/flatview";
 * import { printTree } from "@guestmem/flatview/mtree";
 * import { assertEquals } from "@std/assert";
 *
 * const topology = new Topology();
 * const system = topology.initContainer("system", 2n ** 64n);
 * system.addSubregion(0x1000, topology.initIo("uart", 8, {}));
 * assertEquals(printTree([{ name: "memory", root: system }]), [
 *   "address-space: memory",
 *   "  0000000000000000-ffffffffffffffff (prio 0, i/o): system",
 *   "    0000000000001000-0000000000001007 (prio 0, i/o): uart",
 *   "",
 * ]);
 * ```
 */
export function printTree(
  spaces: readonly { readonly name: string; readonly root: MemoryRegion }[],
  dialect: Dialect = "qemu-7.2",
): string[] {
  const lines: string[] = [];
  const queue = new Set<MemoryRegion>();
  for (const [root, names] of byRoot(spaces)) {
    lines.push(...names.map((name) => `address-space: ${name}`));
    printRegion(root, 0n, 1, dialect, queue, lines);
    lines.push("");
  }
  // The iteration of a Set also visits what is added during it.
  for (const target of queue) {
    lines.push(`memory-region: ${target.name}`);
    printRegion(target, 0n, 1, dialect, queue, lines);
    lines.push("");
  }
  return lines;
}

function byRoot(spaces: readonly NamedRoot[]): [MemoryRegion, string[]][] {
  const names = new Map<MemoryRegion, string[]>();
  for (const { name, root } of spaces) {
    const list = names.get(root);
    if (list === undefined) names.set(root, [name]);
    else list.push(name);
  }
  for (const list of names.values()) list.sort(byCodeUnit);
  return [...names];
}

function byCodeUnit(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function printRegion(
  region: MemoryRegion,
  base: bigint,
  level: number,
  dialect: Dialect,
  queue: Set<MemoryRegion>,
  lines: string[],
): void {
  const start = (base + region.addr) & MASK64;
  const nonvolatile = region.nonvolatile ? "nv-" : "";
  const head = `${"  ".repeat(level)}${span(start, region.size)} ` +
    `(prio ${region.priority}, ${nonvolatile}${printedKind(region, dialect)}): `;
  const tail = region.enabled ? "" : " [disabled]";
  if (region.alias === null) {
    lines.push(head + region.name + tail);
  } else {
    queue.add(region.alias);
    const window = span(region.aliasOffset, region.size);
    lines.push(`${head}alias ${region.name} @${region.alias.name} ${window}${tail}`);
  }
  const children = [...region.subregions];
  children.sort((left, right) => left.addr < right.addr ? -1 : left.addr > right.addr ? 1 : 0);
  for (const child of children) printRegion(child, start, level + 1, dialect, queue, lines);
}

/** First and last address of a range; one of size 0 ends where it starts. */
function span(start: bigint, size: bigint): string {
  return `${hex(start)}-${hex(size === 0n ? start : (start + size - 1n) & MASK64)}`;
}

function hex(value: bigint): string {
  return hex16(upper(value), Number(value & 0xffff_ffffn));
}
