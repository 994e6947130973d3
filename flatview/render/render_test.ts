import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Hit, hitAt, hitOfRange } from "../model/point_model.ts";
import {
  applyEdit,
  createPlanned,
  editPlan,
  interestingAddresses,
  regionPlans,
} from "../model/random_tree.ts";
import { FlatViewError } from "../errors/flat_view_error.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { RangeFlag } from "../region/range_flags.ts";
import { Topology } from "../topology/topology.ts";
import type { FlatRange } from "./flat_range.ts";
import { renderRanges } from "./render.ts";

const FULL = 1n << 64n;

/** Ranges as short text: `first-last name+offset`. */
function show(ranges: readonly FlatRange[]): string[] {
  return ranges.map((r) =>
    `${r.first.toString(16)}-${r.last.toString(16)} ${r.region.name}+${r.offset.toString(16)}`
  );
}

/** The ranges tile what the model shows: same answer at every edge and beside it. */
function assertLikeModel(root: MemoryRegion, ranges: readonly FlatRange[], extra: bigint[]): void {
  const edges = ranges.flatMap((r) => [r.first, r.last]);
  for (const address of interestingAddresses([...edges, ...extra])) {
    const range = ranges.find((r) => r.first <= address && address <= r.last);
    const got = range === undefined ? null : hitOfRange(range, address);
    assertEquals(describe(got), describe(hitAt(root, address)), `at 0x${address.toString(16)}`);
  }
}

function describe(hit: Partial<Hit> | null): unknown {
  return hit === null ? null : { ...hit, region: hit.region?.name, way: "" };
}

/** Sorted, disjoint, and no two neighbours that should have been joined. */
function assertWellFormed(ranges: readonly FlatRange[]): void {
  ranges.forEach((range, i) => {
    assert(range.first <= range.last);
    const before = ranges[i - 1];
    if (before === undefined) return;
    assert(before.last < range.first);
    const joins = before.last + 1n === range.first && before.region === range.region &&
      before.flags === range.flags && (range.flags & RangeFlag.UNMERGEABLE) === 0 &&
      before.offset + (range.first - before.first) === range.offset;
    assert(!joins, "two neighbours should have been joined");
  });
}

Deno.test("random trees render as the point model decides", () => {
  fc.assert(
    fc.property(
      regionPlans,
      fc.array(editPlan, { minLength: 4, maxLength: 60 }),
      (plans, edits) => {
        const topology = new Topology();
        const regions = createPlanned(topology, plans);
        for (const edit of edits) applyEdit(regions, edit);
        for (const root of regions.slice(0, 3)) {
          let ranges: FlatRange[];
          try {
            ranges = renderRanges(root);
          } catch (error) {
            // An alias may show itself.
            if (error instanceof FlatViewError && error.code === "RENDER_LIMIT") continue;
            throw error;
          }
          assertWellFormed(ranges);
          assertLikeModel(root, ranges, regions.flatMap((r) => [r.addr, r.addr + r.size]));
        }
      },
    ),
    { seed: 4, numRuns: 400 },
  );
});

Deno.test("all of the address space is one range", () => {
  const topology = new Topology();
  const all = topology.initIo("all", FULL, {});
  assertEquals(show(renderRanges(all)), ["0-ffffffffffffffff all+0"]);
  const last = topology.initIo("last", 1n, {});
  all.addSubregion(FULL - 1n, last);
  assertEquals(show(renderRanges(all)), [
    "0-fffffffffffffffe all+0",
    "ffffffffffffffff-ffffffffffffffff last+0",
  ]);
});

Deno.test("the base of an alias's target may be negative", () => {
  const topology = new Topology();
  const root = topology.initContainer("root", FULL);
  const ram = topology.initRam("ram", FULL, { blockId: 1, ramAddr: 0n });
  const top = topology.initAlias("top", 0x1000n, ram, FULL - 0x1000n);
  root.addSubregion(0, top);
  assertEquals(show(renderRanges(root)), ["0-fff ram+fffffffffffff000"]);
});

Deno.test("neighbours join only if region, offset and flags run on", () => {
  const topology = new Topology();
  const root = topology.initContainer("root", FULL);
  const ram = topology.initRam("ram", 0x3000n, { blockId: 1, ramAddr: 0n });
  const low = topology.initAlias("low", 0x1000n, ram, 0);
  const middle = topology.initAlias("middle", 0x1000n, ram, 0x1000);
  root.addSubregion(0x10000, low);
  root.addSubregion(0x11000, middle);
  assertEquals(show(renderRanges(root)), ["10000-11fff ram+0"]);
  middle.setReadonly(true);
  assertEquals(show(renderRanges(root)), ["10000-10fff ram+0", "11000-11fff ram+1000"]);
  low.setReadonly(true);
  assertEquals(show(renderRanges(root)), ["10000-11fff ram+0"]);
  middle.setAliasOffset(0x2000);
  assertEquals(show(renderRanges(root)), ["10000-10fff ram+0", "11000-11fff ram+2000"]);
});

Deno.test("what is unmergeable stays apart, and so does all below it", () => {
  const topology = new Topology();
  const root = topology.initContainer("root", FULL);
  const ram = topology.initRam("ram", 0x2000n, { blockId: 1, ramAddr: 0n });
  const group = topology.initContainer("group", FULL);
  root.addSubregion(0, group);
  group.addSubregion(0x10000, topology.initAlias("low", 0x1000n, ram, 0));
  group.addSubregion(0x11000, topology.initAlias("high", 0x1000n, ram, 0x1000));
  const apart = ["10000-10fff ram+0", "11000-11fff ram+1000"];
  const isMarked = () => renderRanges(root).map(({ flags }) => flags >> 16);
  group.setUnmergeable(true);
  assertEquals([show(renderRanges(root)), isMarked()], [apart, [1, 1]]);
  group.setUnmergeable(false);
  ram.setUnmergeable(true);
  assertEquals(show(renderRanges(root)), apart);
  ram.setUnmergeable(false);
  assertEquals([show(renderRanges(root)), isMarked()], [["10000-11fff ram+0"], [0]]);
});

Deno.test("a root's own address is added, even where it lies in a container", () => {
  const topology = new Topology();
  const bus = topology.initContainer("bus", FULL);
  const io = topology.initIo("io", 0x100n, {});
  bus.addSubregion(0x8000_0000, io);
  assertEquals(show(renderRanges(io)), ["80000000-800000ff io+0"]);
});

Deno.test("an alias that shows itself is an error, and one that runs out is not", () => {
  const topology = new Topology();
  const root = topology.initContainer("root", FULL);
  const self = topology.initAlias("self", 0x1000n, root, 0);
  root.addSubregion(0, self);
  assertThrows(() => renderRanges(root), FlatViewError, "shows itself");
  self.setAddress(0x800);
  const io = topology.initIo("io", 0x800n, {});
  root.addSubregion(0, io);
  assertEquals(show(renderRanges(root)), ["0-7ff io+0", "800-fff io+0", "1000-17ff io+0"]);
});

Deno.test("two aliases that multiply each other are an error", () => {
  const topology = new Topology();
  const root = topology.initContainer("root", FULL);
  root.addSubregion(0x1, topology.initAlias("a", 1n << 63n, root, 0));
  root.addSubregion(0x2, topology.initAlias("b", 1n << 63n, root, 0));
  const error = assertThrows(() => renderRanges(root), FlatViewError);
  assertEquals(error.code, "RENDER_LIMIT");
});
