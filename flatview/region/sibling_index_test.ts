import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { renderRanges } from "../render/render.ts";
import { physicalRoot } from "../render/physical_root.ts";
import { Topology } from "../topology/topology.ts";
import { Arena, RcuDomain } from "@guestmem/rcu";
import type { MemoryRegion } from "./memory_region.ts";
import { siblingsNear } from "./sibling_index.ts";

const ALL = 2n ** 64n;

/** Places that crowd together at several scales, and at the end of all addresses. */
const place = fc.tuple(fc.nat(7), fc.nat(40), fc.nat(3)).map(([scale, count, rest]) => {
  if (scale === 7) return ALL - BigInt(count + 1) * 0x1000n;
  return BigInt(count) * 2n ** BigInt(12 + scale * 7) + BigInt(rest);
});
const size = fc.tuple(fc.nat(5), fc.nat(3)).map(([scale, rest]) =>
  2n ** BigInt(scale * 9) + BigInt(rest)
);
const change = fc.record({
  region: fc.nat(59),
  kind: fc.constantFrom("move", "move", "move", "resize", "remove", "raise"),
  place,
  size,
  fails: fc.nat(5).map((n) => n === 0),
});

class Planned extends Error {}

/** A container of many devices, as a transaction changes it. */
function applyChange(
  topology: Topology,
  bus: MemoryRegion,
  region: MemoryRegion,
  change: { kind: string; place: bigint; size: bigint; fails: boolean },
): void {
  try {
    topology.transaction(() => {
      if (region.container === null) bus.addSubregion(change.place, region);
      else if (change.kind === "move") region.setAddress(change.place);
      else if (change.kind === "resize") region.setSize(change.size);
      else {
        bus.delSubregion(region);
        if (change.kind === "raise") bus.addSubregionOverlap(change.place, region, region.id % 3);
      }
      if (change.fails) throw new Planned();
    });
  } catch (error) {
    if (!(error instanceof Planned)) throw error;
  }
}

Deno.test("in a container of many regions, what is found by the index is what a search finds", () => {
  let found = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(place, size), { minLength: 40, maxLength: 60 }),
      fc.array(fc.tuple(change, place, size), { minLength: 30, maxLength: 40 }),
      (regions, changes) => {
        const topology = new Topology();
        const bus = topology.initContainer("bus", ALL);
        const all = regions.map(([at, bytes], i) => {
          const region = topology.initIo(`${i}`, bytes, {});
          bus.addSubregion(at, region);
          return region;
        });
        for (const [change, from, bytes] of changes) {
          applyChange(topology, bus, all[change.region % all.length]!, change);
          const to = from + bytes < ALL ? from + bytes : ALL;
          // Only after a few searches there is an index.
          for (let i = 0; i < 9; i++) siblingsNear(bus.subregions, 0, 0);
          const near = siblingsNear(bus.subregions, Number(from), Number(to));
          const expected = bus.subregions.filter(({ addr, size }) =>
            addr < to && from < addr + size
          );
          assertEquals(near.filter((region) => expected.includes(region)), expected);
          if (near.length < bus.subregions.length) found++;
        }
      },
    ),
    { seed: 9, numRuns: 60 },
  );
  assert(found > 500, `the index was used ${found} times`);
});

Deno.test("views of a container of many regions are those that a rendering of all of it shows", () => {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(place, size), { minLength: 40, maxLength: 60 }),
      fc.array(change, { minLength: 20, maxLength: 30 }),
      (regions, changes) => {
        const topology = new Topology({ arena, domain });
        const bus = topology.initContainer("bus", ALL);
        const root = topology.initContainer("root", ALL);
        root.addSubregion(0, bus);
        root.addSubregionOverlap(0x5000, topology.initIo("behind", ALL / 2n, {}), -1);
        const all: MemoryRegion[] = [];
        topology.transaction(() => {
          for (const [at, bytes] of regions) {
            const region = topology.initIo(`${all.length}`, bytes, {});
            bus.addSubregion(at, region);
            all.push(region);
          }
          topology.createAddressSpace("memory", root);
        });
        const [space] = topology.addressSpaces;
        for (const change of changes) {
          applyChange(topology, bus, all[change.region % all.length]!, change);
          assertEquals(space!.view.ranges(), renderRanges(physicalRoot(root)));
        }
        space!.destroy();
        topology.close();
        domain.barrier();
      },
    ),
    { seed: 10, numRuns: 25 },
  );
});
