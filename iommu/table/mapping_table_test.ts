import {
  Arena,
  ArenaExhaustedError,
  DeferredBudgetError,
  RcuDomain,
  WaitInSectionError,
} from "@guestmem/rcu";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { IommuError, type IommuErrorDetails } from "../errors/iommu_error.ts";
import { IotlbEntry } from "../iotlb/iotlb_entry.ts";
import { SlowTable } from "../testdata/slow_table.ts";
import { IommuReader } from "../translate/iommu_reader.ts";
import { TableIommu } from "../unit/table_iommu.ts";
import fc from "fast-check";

const PAGE = 4096;
const MIB = 1 << 20;
const GIB = 1 << 30;

/** A table with a region bound to it and a reader of this context. */
function setUp(addressBits = 48, bytes = 32 * MIB) {
  const arena = Arena.create({ bytes });
  const domain = RcuDomain.create(arena);
  const iommu = new TableIommu({ arena, domain });
  const table = iommu.createTable({ addressBits, target: 7 });
  const region = iommu.createRegion({ name: "device" });
  region.bind(0, table.id);
  const reader = domain.register();
  const translator = new IommuReader(arena, reader, iommu.handle, { iotlbEntries: 8 })
    .translator(region.handle);
  const entry = new IotlbEntry();
  /** What a worker finds for a page. */
  const translate = (page: number): { target: number; perm: number } | null => {
    const guard = reader.lock();
    try {
      const address = BigInt(page) << 12n;
      if (!translator.translate(address, 0, 0, entry)) return null;
      assertEquals(entry.target, 7);
      return { target: (entry.translated + (page * PAGE - entry.iova)) / PAGE, perm: entry.perm };
    } finally {
      guard.unlock();
    }
  };
  return { arena, domain, table, reader, translate };
}

/** Pages near the borders of small and large pages. */
const nearBorders = fc.tuple(
  fc.constantFrom(0, 512, 1024, 512 * 512, 512 * 512 + 512, 2 * 512 * 512, 5 * 512 ** 3),
  fc.integer({ min: -3, max: 3 }),
).map(([border, by]) => Math.max(border + by, 0));
const sizes = fc.oneof(
  fc.integer({ min: 1, max: 5 }),
  fc.constantFrom(511, 512, 513, 1024, 512 * 512, 512 * 512 + 513),
);
const targets = fc.tuple(fc.constantFrom(0, 512, 512 * 512, 2 ** 40), fc.constantFrom(0, 0, 1, 3))
  .map(([base, by]) => base + by);

interface Operation {
  map: boolean;
  first: number;
  pages: number;
  target: number;
  /** Whether the target has the alignment of the address, so that large pages fit. */
  aligned: boolean;
  perm: number;
}

const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.record({
    map: fc.boolean(),
    first: nearBorders,
    pages: sizes,
    target: targets,
    aligned: fc.boolean(),
    perm: fc.integer({ min: 1, max: 3 }),
  }),
  { minLength: 1, maxLength: 25 },
);

for (const addressBits of [43, 48, 57, 64]) {
  Deno.test(`a table of ${addressBits} bits agrees with a list of intervals (IOMMU-G5)`, () => {
    const { arena, domain, table, translate } = setUp(addressBits);
    domain.barrier();
    const { liveBytes } = arena.stats();
    fc.assert(
      fc.property(operations, (list) => {
        const model = new SlowTable();
        for (const { map, first, pages, target, aligned, perm } of list) {
          const last = first + pages - 1;
          const to = aligned ? target - target % (512 * 512) + first % (512 * 512) : target;
          if (!map) {
            assertEquals(table.unmap(first * PAGE, pages * PAGE), model.unmap(first, last));
          } else if (model.map({ first, last, target: to, perm })) {
            table.map(first * PAGE, pages * PAGE, BigInt(to) * 4096n, perm);
          } else {
            const before = arena.stats().liveBytes;
            const map = () => table.map(first * PAGE, pages * PAGE, BigInt(to) * 4096n, perm);
            const { details: { existing } } = assertThrows(
              map,
              IommuError<"OVERLAP">,
              "mapped already",
            );
            assert(model.find(Number(existing >> 12n)));
            assertEquals(arena.stats().liveBytes, before, "nothing is left of a failed map");
          }
          for (const page of [first - 1, first, first + 1, last - 1, last, last + 1]) {
            if (page >= 0) assertEquals(translate(page), model.find(page), `page ${page}`);
          }
        }
        const runs = table.mappings().map((run) => ({
          first: Number(run.first >> 12n),
          last: Number(run.last >> 12n),
          target: Number(run.target >> 12n),
          perm: run.perm,
        }));
        assertEquals(runs, model.merged);
        table.unmap(0, 1n << BigInt(addressBits));
        domain.barrier();
        assertEquals(arena.stats().liveBytes, liveBytes, "every node is freed");
      }),
      { seed: 1, numRuns: 150 },
    );
    arena.checkHeap();
  });
}

Deno.test("a range uses the largest pages that both alignments allow", () => {
  const { table } = setUp();
  table.map(GIB - 2 * MIB - PAGE, GIB + 4 * MIB + 2 * PAGE, 3 * GIB - 2 * MIB - PAGE, 3);
  assertEquals(table.stats.leaves, [2, 2, 1]);
  assertEquals(table.mappings().length, 1);
  const { first, last, target } = table.lookup(GIB + 5)!;
  assertEquals([first, last, target], [BigInt(GIB), 2n * BigInt(GIB) - 1n, 3n * BigInt(GIB)]);
  table.map(8 * GIB, GIB, 2 * MIB, 1);
  assertEquals(table.stats.leaves, [2, 2 + 512, 1], "the target is aligned to 2 MiB only");
});

Deno.test("unmapping a page of a large one leaves the rest in the largest pages", () => {
  const { table, translate } = setUp();
  table.map(GIB, GIB, 5 * GIB, 3);
  assertEquals(table.unmap(GIB + 3 * MIB, PAGE), 1);
  assertEquals(table.stats.leaves, [511, 511, 0]);
  assertEquals(translate((GIB + 3 * MIB) / PAGE), null);
  assertEquals(translate((2 * GIB - PAGE) / PAGE), { target: (6 * GIB - PAGE) / PAGE, perm: 3 });
  assertEquals(table.mappings().map(({ first, last }) => [first, last]), [
    [0x4000_0000n, 0x402f_ffffn],
    [0x4030_1000n, 0x7fff_ffffn],
  ]);
});

Deno.test("the last page of 64 bits can be mapped", () => {
  const { table, translate } = setUp(64);
  table.map(2n ** 64n - 4096n, PAGE, 2n ** 64n - 4096n, 2);
  assertEquals(translate(2 ** 52 - 1), { target: 2 ** 52 - 1, perm: 2 });
  assertEquals(table.unmap(0, 2n ** 64n), 1);
  assertEquals(table.lookup(2n ** 64n - 1n), null);
});

Deno.test("bad input is refused by name and changes nothing (IOMMU-G4)", () => {
  const { table } = setUp(39);
  const refused = (code: keyof IommuErrorDetails, run: () => void, message?: string) =>
    assertEquals(assertThrows(run, IommuError, message).code, code);
  const map =
    (iova: number | bigint, size: number | bigint, target: number | bigint, perm = 3) => () =>
      table.map(iova, size, target, perm);
  refused("UNALIGNED", map(1, PAGE, 0), "the address must be a multiple of 0x1000 and is 0x1");
  refused("UNALIGNED", map(0, 100, 0), "the size");
  refused("UNALIGNED", map(0, PAGE, 0x800n), "the target");
  refused("INVALID_ADDRESS", map(0, 0, 0));
  refused("INVALID_ADDRESS", map(-PAGE, PAGE, 0));
  refused("INVALID_ADDRESS", map(0.5, PAGE, 0));
  refused("INVALID_ADDRESS", map(NaN, PAGE, 0));
  refused("INVALID_ADDRESS", map(2n ** 64n, PAGE, 0));
  refused("RANGE_BEYOND", map(2 ** 39 - PAGE, 2 * PAGE, 0), "below 2^39");
  refused("RANGE_BEYOND", map(0, 2 * PAGE, 2n ** 64n - 4096n), "below 2^64");
  refused("INVALID_PERMISSION", map(0, PAGE, 0, 0));
  refused("INVALID_PERMISSION", map(0, PAGE, 0, 4));
  refused("UNALIGNED", () => table.unmap(0, 5));
  table.map(4 * PAGE, PAGE, 0, 1);
  refused("OVERLAP", map(0, GIB, 0), "0x4000 is mapped already");
  assertEquals(table.mappings().length, 1);
});

Deno.test("an exhausted arena leaves the table as it was (IOMMU-G4)", () => {
  const { arena, table } = setUp(48, 256 * 1024);
  table.map(0, 2 * MIB, 0, 3);
  const before = arena.stats().liveBytes;
  const scattered = () => table.map(0x1000_0000_0000 - PAGE * 600 + 2 * MIB, 600 * MIB, PAGE, 3);
  assertThrows(scattered, ArenaExhaustedError);
  assertEquals(arena.stats().liveBytes, before);
  assertEquals(table.mappings().length, 1);
  const blocks: number[] = [];
  assertThrows(() => {
    for (;;) blocks.push(arena.allocate(2048));
  }, ArenaExhaustedError);
  assertThrows(() => table.unmap(PAGE, PAGE), ArenaExhaustedError, undefined, "no room to split");
  assertEquals(table.mappings()[0]!.last, BigInt(2 * MIB - 1));
  for (const block of blocks) arena.free(block);
  assertEquals(table.unmap(PAGE, PAGE), 1);
});

Deno.test("nodes beyond the domain's budget are freed all the same (IOMMU-G5)", async () => {
  const { arena, domain, table } = setUp();
  await domain.barrierAsync();
  const { liveBytes } = arena.stats();
  table.map(PAGE, 4 * MIB, 0, 3);
  const { deferFree } = domain;
  let room = 1;
  domain.deferFree = (block) => {
    if (room-- === 0) {
      throw new DeferredBudgetError({ what: "a block", count: 1, bytes: 1, reason: "planted" });
    }
    deferFree.call(domain, block);
  };
  await table.unmapAsync(0, 2n ** 48n);
  await domain.barrierAsync();
  assertEquals(arena.stats().liveBytes, liveBytes);
});

Deno.test("an unmapping inside a section is refused before anything is changed (IOMMU-G4)", async () => {
  const { table, reader } = setUp();
  table.map(0, PAGE, 0, 3);
  const guard = reader.lock();
  assertThrows(() => table.unmap(0, PAGE), WaitInSectionError);
  const refused = table.unmapAsync(0, PAGE);
  guard.unlock();
  await assertRejects(() => refused, WaitInSectionError);
  assertEquals(table.mappings().length, 1);
  assertEquals(await table.unmapAsync(0, PAGE), 1);
  assertEquals(table.mappings().length, 0);
});
