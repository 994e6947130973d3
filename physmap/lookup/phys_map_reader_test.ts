import { Arena } from "@guestmem/rcu";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { highHalf, lowHalf } from "../address/halves.ts";
import { walkFrom } from "../testdata/typescript_walk.ts";
import { LookupBatch } from "./lookup_batch.ts";
import { TestMap } from "../testdata/build.ts";
import { MapGenerations } from "../versions/map_generations.ts";
import { DISPATCH } from "../kernel/layouts.ts";
import { PhysMapReader } from "./phys_map_reader.ts";
import { type Found, overlappingRanges, probes, scan } from "../testdata/linear_scan.ts";
import { refused } from "../testdata/refused.ts";

/** A reader's answer for an address, after a check that the section covers it. */
function read(reader: PhysMapReader, section: number, address: bigint): Found {
  assert(reader.first(section) <= address && address <= reader.last(section));
  const found = { region: reader.region(section), flags: reader.flags(section) };
  return { ...found, offset: reader.offset(section, address) };
}

for (const pageBits of [8, 9, 10, 11, 12, 13, 14, 15, 16]) {
  Deno.test(`pages of 2^${pageBits} bytes: every lookup agrees with a linear scan`, () => {
    const arena = Arena.create({ bytes: 4 << 20 });
    const test = new TestMap(arena, pageBits);
    const reader = new PhysMapReader(arena);
    const batch = LookupBatch.create(arena, 512);
    fc.assert(
      fc.property(overlappingRanges(pageBits), (ranges) => {
        const dispatch = test.build(ranges);
        const root = DISPATCH.root.get(arena.u32, dispatch);
        const addresses = probes(ranges, pageBits);
        addresses.forEach((address, index) => batch.setAddress(index, address));
        batch.lookup(dispatch, addresses.length);
        addresses.forEach((address, index) => {
          const section = reader.section(dispatch, address);
          assertEquals(read(reader, section, address), scan(ranges, address));
          const high = highHalf(address), low = lowHalf(address);
          assertEquals(reader.sectionAt(dispatch, high | 0, low | 0), section, "halves");
          assertEquals(reader.walk(dispatch, address), section, "kernel");
          assertEquals(batch.sections[index], section, "batch");
          assertEquals(walkFrom(arena.i32, dispatch, root, high, low), section, "TypeScript");
          const page = reader.pageSection(dispatch, address);
          assertEquals(page, pageOf(reader, section, address, pageBits) ?? page, "page");
          if (address < 2n ** 53n) {
            assertEquals(reader.section(dispatch, Number(address)), section, "number");
            assertEquals(reader.pageSection(dispatch, Number(address)), page, "number, page");
            assertEquals(reader.walk(dispatch, Number(address)), section, "kernel, number");
          }
        });
        test.map.free(dispatch);
      }),
      { seed: 1, numRuns: 150 },
    );
  });
}

/** The section, if it has all of the page of an address; null if what has the page cannot be said. */
function pageOf(
  reader: PhysMapReader,
  section: number,
  address: bigint,
  pageBits: number,
): number | null {
  const first = address >> BigInt(pageBits) << BigInt(pageBits);
  const last = first + 2n ** BigInt(pageBits) - 1n;
  return reader.first(section) <= first && last <= reader.last(section) ? section : null;
}

Deno.test("a page that several sections share has no section", () => {
  const arena = Arena.create({ bytes: 1 << 16 });
  const reader = new PhysMapReader(arena);
  const dispatch = new TestMap(arena).build([
    { first: 0x3f8, last: 0x3ff, region: 7 },
    { first: 0x1000, last: 0x1fff, region: 8 },
    { first: 0x2000, last: 0x27ff, region: 9 },
  ]);
  const regions = [0x3f8, 0x400, 0x1234, 0x2000, 0x2fff, 0x9000].map((address) =>
    reader.region(reader.pageSection(dispatch, address))
  );
  assertEquals(regions, [0, 0, 8, 0, 0, 0]);
  assertEquals(reader.region(reader.pageSection(dispatch, 0x1fffn)), 8);
});

Deno.test("offsets and lengths beyond 2^53 are exact or refused, never rounded", () => {
  const arena = Arena.create({ bytes: 1 << 16 });
  const reader = new PhysMapReader(arena);
  const everything = { first: 0n, last: 2n ** 64n - 1n, offset: 0n, region: 1, flags: 0 };
  const high = { first: 0x1000n, last: 0x1fffn, offset: 2n ** 60n, region: 2, flags: 0 };
  const test = new TestMap(arena);
  const dispatch = test.build([everything, high]);
  const above = reader.section(dispatch, 0x2000);
  assertEquals(reader.remaining(above, 0x2005), Number.MAX_SAFE_INTEGER);
  assertEquals(reader.offset(above, 2n ** 64n - 1n), 2n ** 64n - 1n);
  const section = reader.section(dispatch, 0x1234);
  assertEquals(reader.remaining(section, 0x1234), 0x2000 - 0x1234);
  const far = { first: 0n, last: 2n ** 53n + 0xfffn, offset: 0n, region: 3, flags: 0 };
  const other = test.build([far]);
  assertEquals(reader.remaining(reader.section(other, 0x2000), 0x2000), 2 ** 53 - 0x1000);
  assertEquals(reader.offset(section, 0x1234n), 2n ** 60n + 0x234n);
  const details = refused("OFFSET_PRECISION", () => reader.offset(section, 0x1234));
  assertEquals(details.offset, 2n ** 60n + 0x234n);
});

/** Two versions at one offset: the second lies where the first did. */
function reused(arena: Arena, generations: Pick<MapGenerations, "next">) {
  const { map } = new TestMap(arena, 12, generations as MapGenerations);
  const build = (last: number, region: number): number => {
    const edit = map.edit();
    edit.map(0, last, 0, region);
    return edit.finish();
  };
  return { map, build };
}

Deno.test("the MRU section never leads into a version that was freed", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const { map, build } = reused(arena, MapGenerations.create(arena));
  const reader = new PhysMapReader(arena);
  const old = build(0x1fff, 1);
  assertEquals(reader.region(reader.section(old, 0x1010)), 1);
  map.free(old);
  const next = build(0xfff, 2);
  assertEquals(next, old, "the block is reused: the test needs the same offset");
  assertEquals(reader.region(reader.section(next, 0x1010)), 0);
  assertEquals(reader.region(reader.section(next, 0x10)), 2);
});

Deno.test("the test above fails if generations repeat", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const { map, build } = reused(arena, { next: () => 5 });
  const reader = new PhysMapReader(arena);
  const old = build(0x1fff, 1);
  reader.section(old, 0x1010);
  map.free(old);
  const next = build(0xfff, 2);
  assertEquals(next, old);
  assertNotEquals(reader.section(next, 0x1010), new PhysMapReader(arena).section(next, 0x1010));
});

Deno.test("the MRU section is not used for another version, though the two share most sections", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const reader = new PhysMapReader(arena);
  const test = new TestMap(arena);
  const plain = test.build([{ first: 0, last: 0xfffff, region: 1 }]);
  const cut = test.build([{ first: 0x4000, last: 0x4fff, region: 2 }], plain);
  assertEquals(reader.region(reader.section(plain, 0x4000)), 1);
  assertEquals(reader.region(reader.section(cut, 0x4000)), 2);
  assertEquals(reader.region(reader.section(cut, 0x3000)), 1);
  assertEquals(reader.region(reader.section(plain, 0x4000)), 1);
});

Deno.test("invalid addresses and offsets without a dispatch are refused", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const reader = new PhysMapReader(arena);
  const range = { first: 0n, last: 0xffffn, offset: 0n, region: 1, flags: 0 };
  const dispatch = new TestMap(arena).build([range]);
  reader.section(dispatch, 0); // the range is now the MRU section
  const bad = [-1, 0.5, NaN, Infinity, 2 ** 53, 2 ** 64, -(2 ** 32), -1n, 2n ** 64n];
  for (const address of bad) {
    refused("INVALID_ADDRESS", () => reader.section(dispatch, address));
    refused("INVALID_ADDRESS", () => reader.walk(dispatch, address));
  }
  assertEquals(reader.section(dispatch, -0), reader.section(dispatch, 0));
  for (const offset of [0, dispatch + 16, dispatch + 64, 1 << 20, 2 ** 32 - 64, -64]) {
    const details = refused("NOT_A_DISPATCH", () => reader.section(offset, 0));
    assertEquals(details.offset, offset);
    refused("NOT_A_DISPATCH", () => reader.walk(offset, 0));
  }
});

Deno.test("a block that shares only the generation of the MRU section is not a dispatch", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const reader = new PhysMapReader(arena);
  const range = { first: 0n, last: 0xffffn, offset: 0n, region: 1, flags: 0 };
  const dispatch = new TestMap(arena).build([range]);
  reader.section(dispatch, 0);
  const other = arena.allocate(64, 64);
  const generation = reader.generation(dispatch);
  DISPATCH.generation.set(new Float64Array(arena.u32.buffer), other, generation);
  refused("NOT_A_DISPATCH", () => reader.section(other, 0));
});

Deno.test("a version that was freed is no longer a dispatch", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const reader = new PhysMapReader(arena);
  const range = { first: 0n, last: 0xffffn, offset: 0n, region: 1, flags: 0 };
  const test = new TestMap(arena);
  const dispatch = test.build([range]);
  reader.section(dispatch, 0);
  test.map.free(dispatch);
  refused("NOT_A_DISPATCH", () => reader.section(dispatch, 0));
  refused("NOT_A_DISPATCH", () => reader.walk(dispatch, 0));
});

/** A reader written from the reference's tables alone: the region and the offset of an address. */
function readByTheReadme(view: DataView, block: number, address: bigint): Found {
  const word = (at: number) => view.getUint32(at, true);
  const long = (at: number) => view.getBigUint64(at, true);
  const find = (): number => {
    let entry = word(block + 4);
    while ((entry & 31) !== 0) {
      const height = entry & 31;
      const slot = Number((address >> BigInt(7 * height - 7)) & 127n);
      entry = word(entry - height + 4 * slot);
    }
    if (entry === 0 || address < long(entry) || address > long(entry + 8)) return block + 32;
    return entry;
  };
  const at = find();
  const offset = address - long(at) + long(at + 16);
  return { region: word(at + 24), flags: word(at + 28), offset };
}

Deno.test("the layout in the reference is enough to write a reader", () => {
  const arena = Arena.create({ bytes: 4 << 20 });
  const view = new DataView(arena.u32.buffer);
  const test = new TestMap(arena);
  let generation = 0;
  fc.assert(
    fc.property(overlappingRanges(12), (ranges) => {
      const dispatch = test.build(ranges);
      assertEquals(view.getUint32(dispatch, true), 0x70616d70);
      assertEquals(view.getFloat64(dispatch + 8, true), ++generation);
      assertEquals(view.getUint32(dispatch + 16, true), 12);
      for (const address of probes(ranges, 12)) {
        assertEquals(readByTheReadme(view, dispatch, address), scan(ranges, address));
      }
      test.map.free(dispatch);
    }),
    { seed: 4, numRuns: 100 },
  );
});
