import { Arena, ArenaExhaustedError } from "@guestmem/rcu";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HEIGHT_MASK, NODE_SLOTS, SECTION } from "../kernel/layouts.ts";
import { DISPATCH } from "../kernel/layouts.ts";
import { PhysMapReader } from "../lookup/phys_map_reader.ts";
import { overlappingRanges, probes, type Range, scan } from "../testdata/linear_scan.ts";
import { refused } from "../testdata/refused.ts";
import { MapGenerations } from "./map_generations.ts";
import { PhysMap } from "./phys_map.ts";

const END = 2n ** 64n - 1n;

function setUp(bytes = 1 << 22) {
  const arena = Arena.create({ bytes });
  const named = new Map<number, number>();
  const count = (region: number, by: number) => {
    const sections = (named.get(region) ?? 0) + by;
    if (sections === 0) named.delete(region);
    else named.set(region, sections);
  };
  const map = new PhysMap(arena, MapGenerations.create(arena), {
    pageBits: 12,
    onName: (region) => count(region, 1),
    onFree: (region) => count(region, -1),
  });
  return { arena, map, named };
}

/** One change of a history: a range is assigned, or taken back. */
type Change = Range & { readonly isMapped: boolean };

const changes: fc.Arbitrary<Change[]> = fc
  .tuple(overlappingRanges(12), fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }))
  .map(([ranges, mapped]) => ranges.map((range, i) => ({ ...range, isMapped: mapped[i]! })));

/** A history: for each version, the index of the one that it is made of, and what it changes. */
const histories = fc.array(fc.tuple(fc.nat(), changes, fc.nat()), { minLength: 1, maxLength: 12 });

/** The tree of a version as text: its shape, and what it points at. */
function shape(arena: Arena, dispatch: number): unknown {
  const { u32 } = arena;
  const at = (entry: number): unknown => {
    const height = entry & HEIGHT_MASK;
    if (entry === 0) return 0;
    if (height === 0) {
      return [SECTION.first.getBig(u32, entry), SECTION.last.getBig(u32, entry)].join();
    }
    const slots = (entry - height) / 4;
    return { height, slots: Array.from({ length: NODE_SLOTS }, (_, i) => at(u32[slots + i]!)) };
  };
  return at(DISPATCH.root.get(u32, dispatch));
}

/** Nodes and sections that the versions reach. */
function reachable(arena: Arena, versions: Iterable<number>): { nodes: number; sections: number } {
  const { u32 } = arena;
  const nodes = new Set<number>();
  const sections = new Set<number>();
  const visit = (entry: number): void => {
    const height = entry & HEIGHT_MASK;
    if (entry === 0) return;
    if (height === 0) sections.add(entry);
    else if (!nodes.has(entry)) {
      nodes.add(entry);
      const slots = (entry - height) / 4;
      for (let i = 0; i < NODE_SLOTS; i++) visit(u32[slots + i]!);
    }
  };
  for (const version of versions) visit(DISPATCH.root.get(u32, version));
  return { nodes: nodes.size, sections: sections.size };
}

/** What a version shows: its sections by rising address, joined to no other. */
function sectionsOf(arena: Arena, map: PhysMap, dispatch: number): Range[] {
  const { u32 } = arena;
  return map.sections(dispatch).map((section) => ({
    first: SECTION.first.getBig(u32, section),
    last: SECTION.last.getBig(u32, section),
    offset: SECTION.offset.getBig(u32, section),
    region: SECTION.region.get(u32, section),
    flags: SECTION.flags.get(u32, section),
  }));
}

/** A range that is not assigned, in the terms of a linear scan. */
const nothing = ({ first, last }: Range): Range => ({
  first,
  last,
  offset: first,
  region: 0,
  flags: 0,
});

Deno.test("each version of a history shows what a linear scan and a build from nothing show", () => {
  let compared = 0;
  fc.assert(
    fc.property(histories, (history) => {
      const { arena, map, named } = setUp(1 << 22);
      const reader = new PhysMapReader(arena);
      const { liveBlocks } = arena.stats();
      const versions: { dispatch: number; ranges: Range[] }[] = [];
      const check = ({ dispatch, ranges }: { dispatch: number; ranges: Range[] }) => {
        for (const address of probes(ranges, 12)) {
          const section = reader.section(dispatch, address);
          const { region, flags, offset } = scan(ranges, address);
          assert(reader.first(section) <= address && address <= reader.last(section));
          const found = [reader.region(section), reader.flags(section)];
          assertEquals([...found, reader.offset(section, address)], [region, flags, offset]);
        }
        const sections = sectionsOf(arena, map, dispatch);
        const fresh = map.edit();
        for (const { first, last, offset, region, flags } of sections) {
          fresh.map(first, last, offset, region, flags);
        }
        const built = fresh.finish();
        assertEquals(shape(arena, dispatch), shape(arena, built), "the shape of a build");
        assertEquals(sections.length, DISPATCH.sections.get(arena.u32, dispatch));
        map.free(built);
        compared++;
      };
      for (const [from, changes, dying] of history) {
        const base = versions.length > 0 ? versions[from % versions.length] : undefined;
        const edit = map.edit(base?.dispatch);
        const ranges = [...base?.ranges ?? []];
        for (const change of changes) {
          const { first, last, offset, region, flags, isMapped } = change;
          if (isMapped) edit.map(first, last, offset, region, flags);
          else edit.unmap(first, last);
          ranges.push(isMapped ? change : nothing(change));
        }
        const version = { dispatch: edit.finish(), ranges };
        check(version);
        versions.push(version);
        if (dying % 3 === 0) map.free(versions.splice(dying % versions.length, 1)[0]!.dispatch);
        assertEquals(map.live, reachable(arena, versions.map(({ dispatch }) => dispatch)));
      }
      versions.forEach(check);
      for (const { dispatch } of versions) map.free(dispatch);
      assertEquals([map.live, named.size], [{ nodes: 0, sections: 0 }, 0]);
      assertEquals(arena.stats().liveBlocks, liveBlocks);
    }),
    { seed: 6, numRuns: 60 },
  );
  assert(compared > 400);
});
