import { Arena } from "@guestmem/rcu";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { highHalf, lowHalf } from "../address/halves.ts";
import { walkFrom } from "../testdata/typescript_walk.ts";
import { LookupBatch } from "./lookup_batch.ts";
import { PhysMapBuilder } from "../build/phys_map_builder.ts";
import { AddressSpaceDispatch } from "../dump/address_space_dispatch.ts";
import { MapGenerations } from "../build/map_generations.ts";
import { DISPATCH } from "../kernel/layouts.ts";
import { PhysMapReader } from "./phys_map_reader.ts";
import {
  type Found,
  overlappingRanges,
  probes,
  type Range,
  scan,
} from "../testdata/linear_scan.ts";
import { refused } from "../testdata/refused.ts";

/** Builds a dispatch of some ranges. */
function build(
  arena: Arena,
  pageBits: number,
  ranges: readonly Range[],
  generation: number,
): number {
  const builder = new PhysMapBuilder({ pageBits });
  for (const { first, last, offset, region, flags } of ranges) {
    builder.add(first, last, offset, region, flags);
  }
  return builder.finish(arena, generation);
}

/** A reader's answer for an address, after a check that the section covers it. */
function read(reader: PhysMapReader, section: number, address: bigint): Found {
  assert(reader.first(section) <= address && address <= reader.last(section));
  const found = { region: reader.region(section), flags: reader.flags(section) };
  return { ...found, offset: reader.offset(section, address) };
}

for (const pageBits of [8, 9, 10, 11, 12, 13, 14, 15, 16]) {
  Deno.test(`pages of 2^${pageBits} bytes: every lookup agrees with a linear scan`, () => {
    const arena = Arena.create({ bytes: 64 << 20 });
    const reader = new PhysMapReader(arena);
    const batch = LookupBatch.create(arena, 512);
    let generation = 0;
    fc.assert(
      fc.property(overlappingRanges(pageBits), (ranges) => {
        const dispatch = build(arena, pageBits, ranges, ++generation);
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
          const page = reader.section(dispatch, address, false);
          assertEquals(walkFrom(arena.i32, dispatch, root, high, low), page, "TypeScript");
          if (address < 2n ** 53n) {
            assertEquals(reader.section(dispatch, Number(address)), section, "number");
            assertEquals(reader.section(dispatch, Number(address), false), page, "number, page");
            assertEquals(reader.walk(dispatch, Number(address)), section, "kernel, number");
          }
        });
        arena.free(dispatch);
      }),
      { seed: 1, numRuns: 150 },
    );
  });
}

Deno.test("a page that several sections share can be had as its container", () => {
  const arena = Arena.create({ bytes: 1 << 16 });
  const reader = new PhysMapReader(arena);
  const ports = [{ first: 0x3f8n, last: 0x3ffn, offset: 0n, region: 7, flags: 0 }];
  const dispatch = build(arena, 12, ports, 1);
  const container = reader.section(dispatch, 0x3f8, false);
  assertEquals(reader.region(container), 0);
  assertEquals([reader.first(container), reader.last(container)], [0n, 0xfffn]);
  assertEquals(reader.region(reader.section(dispatch, 0x3f8)), 7);
  assertEquals(reader.section(dispatch, 0x3f8, false), container, "also from the MRU section");
});

Deno.test("offsets and lengths beyond 2^53 are exact or refused, never rounded", () => {
  const arena = Arena.create({ bytes: 1 << 16 });
  const reader = new PhysMapReader(arena);
  const everything = { first: 0n, last: 2n ** 64n - 1n, offset: 0n, region: 1, flags: 0 };
  const high = { first: 0x1000n, last: 0x1fffn, offset: 2n ** 60n, region: 2, flags: 0 };
  const dispatch = build(arena, 12, [everything, high], 1);
  const whole = reader.section(dispatch, 0);
  assertEquals(reader.remaining(whole, 5), Number.MAX_SAFE_INTEGER);
  assertEquals(reader.offset(whole, 2n ** 64n - 1n), 2n ** 64n - 1n);
  const section = reader.section(dispatch, 0x1234);
  assertEquals(reader.remaining(section, 0x1234), 0x2000 - 0x1234);
  const far = { first: 0n, last: 2n ** 53n + 0xfffn, offset: 0n, region: 3, flags: 0 };
  const other = build(arena, 12, [far], 2);
  assertEquals(reader.remaining(reader.section(other, 0x2000), 0x2000), 2 ** 53 - 0x1000);
  assertEquals(reader.offset(section, 0x1234n), 2n ** 60n + 0x234n);
  const details = refused("OFFSET_PRECISION", () => reader.offset(section, 0x1234));
  assertEquals(details.offset, 2n ** 60n + 0x234n);
});

Deno.test("the MRU section never leads into a map that was freed", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const generations = MapGenerations.create(arena);
  const reader = new PhysMapReader(arena);
  const range = (region: number) => [{ first: 0n, last: 0xfffn, offset: 0n, region, flags: 0 }];
  const old = build(arena, 12, range(1), generations.next());
  assertEquals(reader.region(reader.section(old, 0x10)), 1);
  arena.free(old);
  // A smaller map, so that the MRU row is outside of the new block's rows.
  const empty = build(arena, 12, [], generations.next());
  assertEquals(empty, old, "the block is reused: the test needs the same offset");
  assertEquals(reader.region(reader.section(empty, 0x10)), 0);
  arena.free(empty);
  const next = build(arena, 12, range(2), generations.next());
  assertEquals(next, old);
  assertEquals(reader.region(reader.section(next, 0x10)), 2);
});

Deno.test("the test above fails if generations repeat", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const reader = new PhysMapReader(arena);
  const wide = [{ first: 0n, last: 0x1fffn, offset: 0n, region: 1, flags: 0 }];
  const narrow = [{ first: 0n, last: 0xfffn, offset: 0n, region: 2, flags: 0 }];
  const old = build(arena, 12, wide, 5);
  reader.section(old, 0x1000);
  arena.free(old);
  const next = build(arena, 12, narrow, 5);
  assertEquals(next, old);
  assertNotEquals(reader.section(next, 0x1000), new PhysMapReader(arena).section(next, 0x1000));
});

Deno.test("the MRU section is not used for another dispatch, nor if it is overlaid", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const reader = new PhysMapReader(arena);
  const wide = { first: 0n, last: 0xffffn, offset: 0n, region: 1, flags: 0 };
  const inner = { first: 0x4000n, last: 0x4fffn, offset: 0n, region: 2, flags: 0 };
  const plain = build(arena, 12, [wide], 1);
  const overlaid = build(arena, 12, [wide, inner], 2);
  assertEquals(reader.region(reader.section(plain, 0x3000)), 1);
  assertEquals(reader.region(reader.section(overlaid, 0x4000)), 2);
  assertEquals(reader.region(reader.section(overlaid, 0x3000)), 1);
  assertEquals(reader.region(reader.section(overlaid, 0x4000)), 2);
});

Deno.test("invalid addresses and offsets without a dispatch are refused", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const reader = new PhysMapReader(arena);
  const range = { first: 0n, last: 0xffffn, offset: 0n, region: 1, flags: 0 };
  const dispatch = build(arena, 12, [range], 1);
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
    refused("NOT_A_DISPATCH", () => new AddressSpaceDispatch(arena, offset));
  }
});

Deno.test("a block that shares only the generation of the MRU section is not a dispatch", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const reader = new PhysMapReader(arena);
  const range = { first: 0n, last: 0xffffn, offset: 0n, region: 1, flags: 0 };
  reader.section(build(arena, 12, [range], 77), 0);
  const other = arena.allocate(64, 64);
  DISPATCH.generation.set(new Float64Array(arena.u32.buffer), other, 77);
  refused("NOT_A_DISPATCH", () => reader.section(other, 0));
});

Deno.test("a block that was freed is no longer a dispatch, in an arena in debug mode", () => {
  const arena = Arena.create({ bytes: 1 << 20, debug: true });
  const reader = new PhysMapReader(arena);
  const range = { first: 0n, last: 0xffffn, offset: 0n, region: 1, flags: 0 };
  const dispatch = build(arena, 12, [range], 1);
  reader.section(dispatch, 0);
  arena.free(dispatch);
  refused("NOT_A_DISPATCH", () => reader.section(dispatch, 0));
  refused("NOT_A_DISPATCH", () => reader.walk(dispatch, 0));
});

/** A reader written from the README's tables alone: the region and the offset of an address. */
function readByTheReadme(view: DataView, block: number, address: bigint): Found {
  const word = (at: number) => view.getUint32(block + at, true);
  const long = (at: number) => view.getBigUint64(block + at, true);
  const row = (section: number) => word(32) + 32 * section;
  const find = (): number => {
    let entry = word(16), shift = word(20) + 9 * word(24);
    while ((entry & 63) !== 0) {
      if (entry >>> 6 === 0x3ffffff) return 0;
      shift -= 9 * (entry & 63);
      const slot = Number((address >> BigInt(shift)) & 511n);
      entry = word(64 + 2048 * (entry >>> 6) + 4 * slot);
    }
    const section = entry >>> 6;
    if (address < long(row(section)) || address > long(row(section) + 8)) return 0;
    if (word(row(section) + 28) >>> 31 === 0) return section;
    const byte = Number(address % (1n << BigInt(word(20))));
    return view.getUint16(block + word(row(section) + 16) + 2 * byte, true);
  };
  const at = row(find());
  const offset = address - long(at) + long(at + 16);
  return { region: word(at + 24), flags: word(at + 28) & 0x3fffffff, offset };
}

Deno.test("the README's layout is enough to write a reader", () => {
  const arena = Arena.create({ bytes: 32 << 20 });
  const view = new DataView(arena.u32.buffer);
  for (const pageBits of [8, 12]) {
    fc.assert(
      fc.property(overlappingRanges(pageBits), (ranges) => {
        const dispatch = build(arena, pageBits, ranges, 1);
        assertEquals(view.getUint32(dispatch, true), 0x70616d70);
        assertEquals(view.getFloat64(dispatch + 8, true), 1);
        for (const address of probes(ranges, pageBits)) {
          assertEquals(readByTheReadme(view, dispatch, address), scan(ranges, address));
        }
        arena.free(dispatch);
      }),
      { seed: 4, numRuns: 50 },
    );
  }
});
