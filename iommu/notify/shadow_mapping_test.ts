import { Arena, RcuDomain } from "@guestmem/rcu";
import { assertEquals, assertThrows } from "@std/assert";
import { spy } from "@std/testing/mock";
import { assertType, type Has } from "@std/testing/types";
import fc from "fast-check";
import type { Mapping } from "../addresses/page_run.ts";
import { IommuError } from "../errors/iommu_error.ts";
import { GuestRam } from "../testdata/guest_ram.ts";
import { SlowTable } from "../testdata/slow_table.ts";
import type { IommuMemoryRegion } from "../region/iommu_memory_region.ts";
import { GuestIommu } from "../unit/guest_iommu.ts";
import { TableIommu } from "../unit/table_iommu.ts";
import { RiscvWalker } from "../walker/riscv_walker.ts";
import type { IommuEvent } from "./iommu_notifier.ts";
import { type NotifierRegistry, ShadowMapping } from "./shadow_mapping.ts";

function setUp() {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const iommu = new TableIommu({ arena, domain });
  const region = iommu.createRegion({ name: "nic" });
  const table = iommu.createTable();
  region.bind(0, table.id);
  return { arena, domain, region, table };
}

/** A container that is a list of intervals: slow, and strict. */
function slowContainer() {
  const model = new SlowTable();
  const pages = ({ first, last, target, perm }: Mapping) => ({
    first: Number(first >> 12n),
    last: Number(last >> 12n),
    target: Number(target >> 12n),
    perm,
  });
  const mapDma = (mapping: Mapping): void => {
    if (!model.map(pages(mapping))) throw new Error("mapped already");
  };
  const unmapDma = (first: bigint, last: bigint): void => {
    model.unmap(Number(first >> 12n), Number(last >> 12n));
  };
  return { model, pages, mapDma, unmapDma };
}

Deno.test("a shadow stays equal to a table under a stream of changes (IOMMU-G6)", () => {
  const change = fc.record({
    kind: fc.constantFrom("map", "map", "unmap", "bind"),
    first: fc.integer({ min: 0, max: 1100 }),
    pages: fc.constantFrom(1, 2, 30, 512, 700),
    target: fc.integer({ min: 0, max: 2000 }),
    perm: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const { region, table } = setUp();
      table.map(0x3000, 0x2000, 0, 3);
      const container = slowContainer();
      const shadow = new ShadowMapping(region, container);
      for (const { kind, first, pages, target, perm } of changes) {
        const free = table.mappings(first * 4096, pages * 4096).length === 0;
        if (kind === "map" && free) table.map(first * 4096, pages * 4096, target * 4096, perm);
        if (kind === "unmap") table.unmap(first * 4096, pages * 4096);
        if (kind === "bind") region.bind(0, perm === 1 ? "blocked" : table.id);
        assertEquals(shadow.mappings, region.mappings());
        assertEquals(container.model.merged, region.mappings().map(container.pages));
      }
      shadow.close();
      assertEquals(container.model.merged, []);
    }),
    { seed: 1, numRuns: 100 },
  );
});

Deno.test("a shadow stays equal to a guest's tables as of their last invalidation (IOMMU-G6)", () => {
  const change = fc.record({
    slot: fc.integer({ min: 0, max: 40 }),
    page: fc.integer({ min: 0, max: 60 }),
    flags: fc.constantFrom(0, 0, 0xd7, 0xd7, 0xd3, 0x57, 0xd5),
    large: fc.boolean(),
    invalidate: fc.constantFrom("no", "page", "page", "all"),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const { arena, domain } = setUp();
      const ram = new GuestRam(16);
      ram.set(0, 0, (ram.at(1) >> 2n) | 1n);
      ram.set(1, 0, (ram.at(2) >> 2n) | 1n);
      const walker = new RiscvWalker({ memory: ram.window() });
      const iommu = new GuestIommu({ arena, domain, walker, cachingMode: true });
      iommu.setRoot((8n << 60n) | (7n << 44n) | (ram.at(0) >> 12n));
      const region = iommu.createRegion({ name: "nic" });
      const container = slowContainer();
      const shadow = new ShadowMapping(region, container);
      const pending = new Set<number>();
      for (const { slot, page, flags, large, invalidate } of changes) {
        const table = large ? 1 : 2;
        const value = (BigInt(large ? page * 512 : page) << 10n) | BigInt(flags);
        if (!large || slot > 0) ram.set(table, slot, value);
        const first = large ? slot * 512 : slot;
        const pages = large ? 512 : 1;
        if (invalidate === "no") {
          pending.add(first).add(pages);
          continue;
        }
        iommu.invalidate(
          invalidate === "all" ? {} : { domain: 7, first: first * 4096, size: pages * 4096 },
        );
        if (invalidate === "all") pending.clear();
        if (pending.size === 0) assertEquals(shadow.mappings, region.mappings());
        assertEquals(container.model.merged, shadow.mappings.map(container.pages));
      }
      iommu.invalidate();
      assertEquals(shadow.mappings, region.mappings());
      assertEquals(container.model.merged, region.mappings().map(container.pages));
      iommu.setRoot(0n);
      assertEquals(shadow.mappings.length, 1, "everything passes now");
    }),
    { seed: 1, numRuns: 100 },
  );
});

Deno.test("a shadow refuses a mapping that it has already", () => {
  const { region, table } = setUp();
  const register = spy(region, "registerNotifier");
  new ShadowMapping(region, { mapDma: () => {}, unmapDma: () => {} });
  table.map(0, 0x2000, 0, 3);
  const again: IommuEvent = { kind: "map", first: 0x1000n, last: 0x1fffn, target: 0n, perm: 3 };
  const [notifier] = register.calls[0]!.args;
  const error = assertThrows(() => notifier!.notify(again), IommuError, "mapped already");
  assertEquals(error.code, "SHADOW_CONFLICT");
});

Deno.test("a shadow needs no more of a region than to register there", () => {
  assertType<Has<IommuMemoryRegion, NotifierRegistry>>(true);
});
