import { Arena, ArenaExhaustedError } from "@guestmem/rcu";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { PhysMapBuilder } from "./phys_map_builder.ts";
import { AddressSpaceDispatch } from "../dump/address_space_dispatch.ts";
import { levelsFor } from "./map_size.ts";
import { PhysMapReader } from "../lookup/phys_map_reader.ts";
import { overlappingRanges } from "../testdata/linear_scan.ts";
import { readMachines, registerView } from "../testdata/machines.ts";
import { refused } from "../testdata/refused.ts";

const END = 2n ** 64n - 1n;

/** An allocator that counts what it is asked for. */
function counting(arena: Arena): { arena: Arena; asked: number[] } {
  const asked: number[] = [];
  const allocate = (bytes: number, alignment?: number) => {
    asked.push(bytes);
    return arena.allocate(bytes, alignment);
  };
  return { arena: Object.assign(Object.create(arena), { allocate }), asked };
}

Deno.test("levels by page size", () => {
  const levels = [8, 9, 10, 11, 12, 13, 14, 15, 16].map(levelsFor);
  assertEquals(levels, [7, 7, 6, 6, 6, 6, 6, 6, 6]);
});

Deno.test("a dispatch is one allocation of nodes x 2 KiB + sections x 32 + subpages x page x 2 + 64", async () => {
  const arena = Arena.create({ bytes: 16 << 20 });
  let views = 0;
  for (const { pageBits, views: viewsOfMachine } of await readMachines()) {
    for (const view of viewsOfMachine) {
      const builder = new PhysMapBuilder({ pageBits });
      registerView(builder, view);
      const { arena: counted, asked } = counting(arena);
      const dispatch = new AddressSpaceDispatch(arena, builder.finish(counted, 1));
      const { nodes, sections, subpages, bytes } = dispatch;
      assertEquals(bytes, 64 + nodes * 2048 + sections * 32 + subpages * 2 ** pageBits * 2);
      assertEquals(asked, [bytes]);
      assertEquals(builder.size, { nodes, sections, subpages, bytes });
      arena.free(dispatch.offset);
      views++;
    }
  }
  assert(views > 100);
});

Deno.test("a dispatch is freed whole", () => {
  const arena = Arena.create({ bytes: 16 << 20 });
  const before = arena.stats().liveBytes;
  fc.assert(
    fc.property(overlappingRanges(12), (ranges) => {
      const builder = new PhysMapBuilder({ pageBits: 12 });
      for (const { first, last, offset, region } of ranges) {
        builder.add(first, last, offset, region);
      }
      arena.free(builder.finish(arena, 1));
      assertEquals(arena.stats().liveBytes, before);
    }),
    { seed: 2, numRuns: 20 },
  );
});

Deno.test("a builder that is reset builds the same words as a new one", () => {
  const arena = Arena.create({ bytes: 16 << 20 });
  const reused = new PhysMapBuilder({ pageBits: 9 });
  fc.assert(
    fc.property(overlappingRanges(9), (ranges) => {
      const fresh = new PhysMapBuilder({ pageBits: 9 });
      reused.reset();
      const [a, b] = [fresh, reused].map((builder) => {
        for (const { first, last, offset, region } of ranges) {
          builder.add(first, last, offset, region);
        }
        return new AddressSpaceDispatch(arena, builder.finish(arena, 1));
      }) as [AddressSpaceDispatch, AddressSpaceDispatch];
      const words = ({ offset, bytes }: AddressSpaceDispatch) =>
        arena.u32.slice(offset / 4, (offset + bytes) / 4);
      assertEquals(words(a), words(b));
      arena.free(a.offset);
      arena.free(b.offset);
    }),
    { seed: 3, numRuns: 50 },
  );
});

Deno.test("all of the address space is one leaf below the root", () => {
  const arena = Arena.create({ bytes: 1 << 16 });
  const builder = new PhysMapBuilder({ pageBits: 12 });
  builder.add(0, END, 0, 1);
  const dispatch = builder.finish(arena, 1);
  const reader = new PhysMapReader(arena);
  assertEquals(reader.region(reader.section(dispatch, END)), 1);
  assertEquals(reader.last(reader.section(dispatch, 0)), END);
});

Deno.test("as many sections as a page has bytes, and not one more", () => {
  const arena = Arena.create({ bytes: 8 << 20 });
  const builder = new PhysMapBuilder({ pageBits: 8 });
  for (let i = 0; i < 255; i++) builder.add(i * 0x100, i * 0x100 + 0xff, 0, i + 1);
  assertEquals(builder.size.sections, 256);
  const dispatch = builder.finish(arena, 1);
  const reader = new PhysMapReader(arena);
  assertEquals(reader.region(reader.section(dispatch, 254 * 0x100)), 255);

  builder.reset();
  for (let i = 0; i < 255; i++) builder.add(i * 0x100, i * 0x100 + 0xff, 0, i + 1);
  const details = refused("TOO_MANY_SECTIONS", () => builder.add(0x10000, 0x100ff, 0, 1));
  assertEquals(details.limit, 256);
  refused("BUILDER_STATE", () => builder.finish(arena, 1), "failed in the middle");
});

Deno.test("containers count as sections", () => {
  const builder = new PhysMapBuilder({ pageBits: 8 });
  for (let i = 0; i < 127; i++) builder.add(i * 0x100, i * 0x100 + 1, 0, 1);
  assertEquals(builder.size.sections, 255);
  refused("TOO_MANY_SECTIONS", () => builder.add(0xff00, 0xff01, 0, 1));
});

Deno.test("pages of 64 KiB have room for 65,536 sections", () => {
  const builder = new PhysMapBuilder({ pageBits: 16 });
  for (let i = 0; i < 65535; i++) builder.add(i * 65536, i * 65536 + 65535, 0, 1);
  assertEquals(builder.size.sections, 65536);
  const next = 65535 * 65536;
  const details = refused("TOO_MANY_SECTIONS", () => builder.add(next, next + 65535, 0, 1));
  assertEquals(details.limit, 65536);
});

Deno.test("a node more than allowed is an error, and the map cannot be finished", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const page = 0x1000;
  const enough = new PhysMapBuilder({ pageBits: 12, nodeLimit: 6 });
  enough.add(page, 2 * page - 1, 0, 1);
  enough.finish(arena, 1);
  const tooFew = new PhysMapBuilder({ pageBits: 12, nodeLimit: 5 });
  const details = refused("TOO_MANY_NODES", () => tooFew.add(page, 2 * page - 1, 0, 1));
  assertEquals(details.limit, 5);
  refused("BUILDER_STATE", () => tooFew.add(0, 1, 0, 1), "failed");
  refused("BUILDER_STATE", () => tooFew.finish(arena, 1), "failed");
  tooFew.reset();
  tooFew.finish(arena, 1);
});

Deno.test("bad ranges are refused, and change nothing", () => {
  const builder = new PhysMapBuilder({ pageBits: 12 });
  builder.add(0, 0xfff, 0, 1);
  const { size } = builder;
  const inverted = refused("INVERTED_RANGE", () => builder.add(2, 1, 0, 1));
  assertEquals([inverted.first, inverted.last], [2n, 1n]);
  refused("INVERTED_RANGE", () => builder.add(2n ** 40n, 5, 0, 1));
  const past = refused("RANGE_OVERFLOW", () => builder.add(0, END + 1n, 0, 1));
  assertEquals(past.last, END + 1n);
  refused("RANGE_OVERFLOW", () => builder.add(0, 0x1fff, END - 0x1ffen, 1), "offsets");
  builder.add(0, 0x1fff, END - 0x1fffn, 1);
  refused("RANGE_OVERFLOW", () => builder.add(0, END, 1, 1));
  for (const bad of [-1, 0.5, NaN, 2 ** 53, -1n]) {
    refused("INVALID_ADDRESS", () => builder.add(bad, 0xfff, 0, 1));
    refused("INVALID_ADDRESS", () => builder.add(0, 0xfff, bad, 1));
  }
  for (const region of [0, -1, 2 ** 32, 1.5]) {
    assertThrows(() => builder.add(0, 1, 0, region), RangeError, "region");
  }
  for (const flags of [-1, 2 ** 30, 0.5]) {
    assertThrows(() => builder.add(0, 1, 0, 1, flags), RangeError, "flags");
  }
  assertEquals(builder.size.sections, size.sections + 1);
});

Deno.test("page sizes that are not supported are refused", () => {
  for (const pageBits of [7, 17, 12.5, NaN]) {
    assertThrows(() => new PhysMapBuilder({ pageBits }), RangeError, "pageBits");
  }
});

Deno.test("a finished builder is of no use until it is reset", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const builder = new PhysMapBuilder({ pageBits: 12 });
  for (const generation of [0, -1, 0.5, NaN, 2 ** 53]) {
    refused("INVALID_GENERATION", () => builder.finish(arena, generation));
  }
  builder.finish(arena, 1);
  refused("BUILDER_STATE", () => builder.finish(arena, 2), "is finished");
  const details = refused("BUILDER_STATE", () => builder.add(0, 1, 0, 1), "register a range");
  assertEquals(details.state, "finished");
  builder.reset();
  builder.add(0, 1, 0, 1);
});

Deno.test("an exhausted arena leaves nothing behind, and the builder goes on", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const builder = new PhysMapBuilder({ pageBits: 16 });
  for (let i = 0; i < 16; i++) builder.add(i * 65536, i * 65536, 0, 1); // 16 x 128 KiB of tables
  const before = arena.stats().liveBytes;
  assertThrows(() => builder.finish(arena, 1), ArenaExhaustedError);
  assertEquals(arena.stats().liveBytes, before);
  builder.add(2 ** 40, 2 ** 40 + 65535, 0, 2);
  const larger = Arena.create({ bytes: 8 << 20 });
  const dispatch = builder.finish(larger, 1);
  const reader = new PhysMapReader(larger);
  assertEquals(reader.region(reader.section(dispatch, 2 ** 40)), 2);
  assertEquals(reader.region(reader.section(dispatch, 15 * 65536)), 1);
});
