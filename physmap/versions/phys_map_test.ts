import { Arena, ArenaExhaustedError } from "@guestmem/rcu";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { DISPATCH, HEIGHT_MASK, NODE_SLOTS, SECTION } from "../kernel/layouts.ts";
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

/** An arena whose allocations fail from some time on. */
function failing(arena: Arena): { arena: Arena; allow(allocations: number): void } {
  let left = Infinity;
  const allocate = (bytes: number, alignment?: number, zeroed?: boolean) => {
    if (--left < 0) {
      throw new ArenaExhaustedError({ requested: bytes, freeBytes: 0, largestFree: 0 });
    }
    return arena.allocate(bytes, alignment, zeroed);
  };
  const free = (block: number) => arena.free(block);
  return {
    arena: Object.assign(Object.create(arena), { allocate, free }),
    allow: (allocations) => left = allocations,
  };
}

Deno.test("an arena that is exhausted at any allocation leaves the base and its counts as they were", () => {
  const { arena, allow } = failing(Arena.create({ bytes: 1 << 20 }));
  const map = new PhysMap(arena, MapGenerations.create(arena), { pageBits: 12 });
  const first = map.edit();
  for (let i = 0; i < 200; i++) first.map(i * 0x3000, i * 0x3000 + 0x1fff, 0, i + 1);
  const base = first.finish();
  const [before, live] = [shape(arena, base), map.live];
  let failures = 0;
  for (let isDone = false; !isDone; failures++) {
    allow(failures);
    try {
      const edit = map.edit(base);
      try {
        for (let i = 0; i < 400; i++) edit.map(i * 0x1800, i * 0x1800 + 0x7ff, 0, 1000 + i);
        edit.unmap(0x10_0000, END);
        map.free(edit.finish());
        isDone = true;
      } catch (error) {
        assert(error instanceof ArenaExhaustedError);
        refused("EDIT_STATE", () => edit.map(0, 0, 0, 1), "can only be discarded");
        edit.discard();
      }
    } catch (error) {
      assert(error instanceof ArenaExhaustedError, String(error));
    }
    assertEquals(map.live, live);
    assertEquals(shape(arena, base), before);
  }
  assert(failures > 5, `only ${failures} allocations failed`);
  allow(Infinity);
  map.free(base);
  assertEquals(map.live, { nodes: 0, sections: 0 });
});

Deno.test("a version that moves one range copies a path, and shares the rest", () => {
  const { map } = setUp();
  const edit = map.edit();
  for (let i = 0; i < 4000; i++) edit.map(i * 0x8000, i * 0x8000 + 0x3fff, 0, i + 1);
  const base = edit.finish();
  const { nodes, sections } = map.live;
  const next = map.edit(base);
  next.unmap(0x10_0000, 0x10_3fff);
  next.map(0xffff_0000_0000n, 0xffff_0000_0fffn, 0, 1);
  const moved = next.finish();
  assertEquals(map.live.sections, sections + 1);
  assert(map.live.nodes - nodes <= 6, `${map.live.nodes - nodes} nodes are new`);
  map.free(base);
  assertEquals(map.live.sections, sections);
  map.free(moved);
});

Deno.test("what is assigned over others takes their place, and what they have beside it stays", () => {
  const { arena, map } = setUp();
  const edit = map.edit();
  edit.map(0, END, 0, 1);
  edit.map(0x4000, 0x4fff, 0x10, 2, 3);
  edit.unmap(0x4800, 0x1_0000_0fffn);
  const version = edit.finish();
  assertEquals(sectionsOf(arena, map, version), [
    { first: 0n, last: 0x3fffn, offset: 0n, region: 1, flags: 0 },
    { first: 0x4000n, last: 0x47ffn, offset: 0x10n, region: 2, flags: 3 },
    { first: 0x1_0000_1000n, last: END, offset: 0x1_0000_1000n, region: 1, flags: 0 },
  ]);
  assertEquals(map.sections(version, 0x47ff, 0x1_0000_0fffn).length, 1);
  assertEquals(map.sections(version, 0x4800, 0x1_0000_0fffn), []);
});

Deno.test("edits and versions are refused where they make no sense", () => {
  const { arena, map } = setUp();
  const edit = map.edit();
  refused("EDIT_STATE", () => map.edit(), "another edit is open");
  refused("INVERTED_RANGE", () => edit.map(2, 1, 0, 1));
  refused("INVALID_ADDRESS", () => edit.map(-1, 1, 0, 1));
  refused("INVALID_ADDRESS", () => edit.unmap(0, 2 ** 53));
  refused("RANGE_OVERFLOW", () => edit.map(0, END + 1n, 0, 1), "addresses");
  refused("RANGE_OVERFLOW", () => edit.map(0, 1, END, 1), "offsets");
  for (const region of [0, -1, 0.5, 2 ** 32]) {
    assertThrows(() => edit.map(0, 1, 0, region), RangeError, "region");
  }
  assertThrows(() => edit.map(0, 1, 0, 1, 2 ** 30), RangeError, "flags");
  const version = edit.finish();
  assertEquals(map.sections(version), []);
  refused("EDIT_STATE", () => edit.map(0, 1, 0, 1), "is finished");
  refused("EDIT_STATE", () => edit.finish(), "finish a version");
  edit.discard(); // does nothing
  assertEquals(map.sections(version), []);
  for (const offset of [0, version + 4, version + 64]) {
    refused("NOT_A_DISPATCH", () => map.edit(offset));
    refused("NOT_A_DISPATCH", () => map.free(offset));
    refused("NOT_A_DISPATCH", () => map.sections(offset));
  }
  map.free(version);
  refused("NOT_A_DISPATCH", () => map.free(version));
  const generations = MapGenerations.create(arena);
  for (const pageBits of [7, 17, 12.5, NaN]) {
    assertThrows(() => new PhysMap(arena, generations, { pageBits }), RangeError, "pageBits");
  }
});
