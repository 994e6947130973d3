import { Arena, RcuDomain } from "@guestmem/rcu";
import { assertEquals, assertThrows } from "@std/assert";
import {
  DomainInUseError,
  ForeignIommuError,
  IommuIndexError,
  OutsideSectionError,
  RangeBeyondError,
  UnknownDomainError,
} from "../errors.ts";
import { IommuEntry } from "../translate/entry.ts";
import type { FaultKind } from "../translate/fault.ts";
import { IommuReader } from "../translate/reader.ts";
import { TableTranslator } from "../translate/table_translator.ts";
import { TableIommu } from "./table_iommu.ts";

function setUp() {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const iommu = new TableIommu({ arena, domain });
  const region = iommu.createRegion({ name: "nic", indexes: 2, target: 5 });
  const reader = domain.register();
  const own = new IommuReader(arena, reader, iommu.handle);
  const translator = new TableTranslator(own, region.handle);
  const entry = new IommuEntry();
  const faults: FaultKind[] = [];
  translator.onFault = ({ kind }) => faults.push(kind);
  /** The translated address, or why not. */
  const translate = (address: number | bigint, access: 0 | 1 | 2 | 3 = 1, index = 0) => {
    const section = reader.lock();
    try {
      const allowed = translator.translate(address, access, index, entry);
      assertEquals(allowed, entry.fault === null);
      if (!allowed) assertEquals(entry.perm, 0);
      return allowed ? entry.addressOf(Number(address)) : entry.fault;
    } finally {
      section.unlock();
    }
  };
  return { arena, domain, iommu, region, reader, own, translator, entry, faults, translate };
}

Deno.test("a region is blocked until it is bound, passes under bypass, then follows its domain", () => {
  const { iommu, region, translate, entry, faults } = setUp();
  assertEquals(translate(0x1234), "blocked");
  region.bind(0, "bypass");
  assertEquals(translate(0x1234), 0x1234);
  assertEquals([entry.target, entry.addrMask, entry.perm], [5, 0x3fff_ffff, 3]);
  const table = iommu.createTable({ target: 9 });
  table.map(0x1000, 0x1000, 0x7000, 1);
  region.bind(0, table.id);
  assertEquals(translate(0x1234), 0x7234);
  assertEquals([entry.target, entry.addrMask, entry.perm], [9, 0xfff, 1]);
  assertEquals(translate(0x1234, 2), "writeDenied");
  assertEquals(translate(0x2234), "notMapped");
  region.bind(0, "blocked");
  assertEquals(translate(0x1234), "blocked");
  assertEquals(faults, ["blocked", "writeDenied", "notMapped", "blocked"]);
});

Deno.test("each index has a binding of its own, and attributes choose the index", () => {
  const { iommu, translate, region } = setUp();
  const [first, second] = [iommu.createTable(), iommu.createTable()];
  first.map(0, 0x1000, 0x1_0000, 3);
  second.map(0, 0x1000, 0x2_0000, 3);
  region.bind(0, first.id);
  region.bind(1, second.id);
  assertEquals([translate(8), translate(8, 1, 1), translate(8)], [0x1_0008, 0x2_0008, 0x1_0008]);
  assertThrows(() => translate(8, 1, 2), IommuIndexError, "an integer from 0 to 1");
  const secure = iommu.createRegion({
    name: "mpc",
    indexes: 2,
    attrsToIndex: (attrs) => attrs.secure ? 1 : 0,
  });
  assertEquals([secure.attrsToIndex({}), secure.attrsToIndex({ secure: true })], [0, 1]);
  const wrong = iommu.createRegion({ name: "wrong", attrsToIndex: () => 3 });
  assertThrows(() => wrong.attrsToIndex({}), IommuIndexError);
});

Deno.test("the control context translates as workers do", () => {
  const { iommu } = setUp();
  const root = { name: "system" };
  const region = iommu.createRegion({ name: "nic", targetRoot: root });
  const table = iommu.createTable();
  table.map(0x20_0000, 0x20_0000, 0x8000_0000, 1);
  region.bind(0, table.id);
  assertEquals(region.translate(0x20_1234n, 1, 0), {
    target: root,
    iova: 0x20_0000n,
    translated: 0x8000_0000n,
    addrMask: 0x1f_ffffn,
    perm: 1,
  });
  assertEquals(region.translate(0x20_1234n, 2, 0).perm, 0);
  assertEquals(region.translate(0x1234n, 1, 0).perm, 0);
  assertEquals(region.minPageSize, 4096);
});

Deno.test("invalidations by range, domain and in full reach the IOTLB, which counts them", () => {
  const { iommu, region, translate, translator } = setUp();
  const table = iommu.createTable();
  table.map(0, 0x4000, 0, 3);
  region.bind(0, table.id);
  const missesAfter = (act: () => void): number => {
    translate(0);
    const before = translator.stats.misses;
    act();
    translate(0);
    return translator.stats.misses - before;
  };
  assertEquals(missesAfter(() => {}), 0);
  assertEquals(
    missesAfter(() => iommu.invalidate({ domain: table.id, first: 0x1000, size: 0x1000 })),
    0,
  );
  assertEquals(
    missesAfter(() => iommu.invalidate({ domain: table.id, first: 0, size: 0x1000 })),
    1,
  );
  assertEquals(missesAfter(() => iommu.invalidate({ domain: table.id })), 1);
  assertEquals(missesAfter(() => iommu.invalidate()), 1);
  const { rangeInvalidations, domainInvalidations, fullInvalidations } = translator.stats;
  // The binding counts as a range.
  assertEquals([rangeInvalidations, domainInvalidations, fullInvalidations], [3, 1, 1]);
});

Deno.test("domains that are not there, or in use, are refused by name", () => {
  const { iommu, region } = setUp();
  const table = iommu.createTable();
  assertEquals(iommu.table(table.id), table);
  assertThrows(() => iommu.table(99), UnknownDomainError, "no domain has the id 99");
  assertThrows(() => region.bind(0, 99), UnknownDomainError);
  assertThrows(() => region.bind(7, table.id), IommuIndexError);
  assertThrows(() => iommu.invalidate({ domain: 99 }), UnknownDomainError);
  assertThrows(() => iommu.invalidate({ first: 2n ** 64n - 4096n, size: 8192 }), RangeBeyondError);
  region.bind(0, table.id);
  assertThrows(() => iommu.destroyTable(table.id), DomainInUseError, '"nic" is bound to it');
  region.bind(0, "blocked");
  iommu.destroyTable(table.id);
  assertThrows(() => iommu.destroyTable(table.id), UnknownDomainError);
  assertEquals(iommu.createTable().id, table.id + 1, "ids do not return");
  assertThrows(() => iommu.createTable({ addressBits: 65 }), RangeError, "12 to 64");
});

Deno.test("a destroyed domain gives its memory back, and one made in its place is another", () => {
  const { arena, domain, iommu, region, translate } = setUp();
  domain.barrier();
  const { liveBytes } = arena.stats();
  for (let round = 0; round < 3; round++) {
    const table = iommu.createTable();
    table.map(0, 0x1000, 0x1000 * (round + 1), 3);
    region.bind(0, table.id);
    assertEquals(translate(1), 0x1000 * (round + 1) + 1);
    region.bind(0, "blocked");
    iommu.destroyTable(table.id);
    domain.barrier();
    assertEquals(arena.stats().liveBytes, liveBytes);
  }
});

Deno.test("a region whose device is gone is blocked, its followers told, its memory freed", () => {
  const { arena, domain, iommu } = setUp();
  const table = iommu.createTable();
  table.map(0, 0x1000, 0, 3);
  domain.barrier();
  const { liveBytes } = arena.stats();
  const region = iommu.createRegion({ name: "gone" });
  region.bind(0, table.id);
  const told: string[] = [];
  region.registerNotifier({
    ...{ kinds: ["unmap"], first: 0, last: 0xffff, index: 0 },
    notify: ({ first, last }) => told.push(`${first}-${last}`),
  });
  iommu.destroyRegion(region);
  assertEquals(told, ["0-4095"]);
  domain.barrier();
  assertEquals(arena.stats().liveBytes, liveBytes);
  assertThrows(() => iommu.destroyRegion(region), ForeignIommuError, "or was destroyed");
  iommu.destroyTable(table.id);
});

Deno.test("a translation outside a section is refused, and so is a foreign handle", () => {
  const { arena, iommu, region, reader, own, translator, entry } = setUp();
  assertThrows(() => translator.translate(0, 1, 0, entry), OutsideSectionError);
  const other = setUp();
  assertThrows(
    () => new IommuReader(other.arena, reader, iommu.handle),
    ForeignIommuError,
    "another arena",
  );
  assertThrows(
    () => new TableTranslator(other.own, region.handle),
    ForeignIommuError,
    "another IOMMU",
  );
  const nowhere = { ...iommu.handle, offset: region.handle.offset };
  assertThrows(() => new IommuReader(arena, reader, nowhere), ForeignIommuError, "none lies at");
  const noRegion = { ...region.handle, offset: iommu.handle.offset };
  assertThrows(() => new TableTranslator(own, noRegion), ForeignIommuError, "none lies at");
});
