import { Arena, type BlockAllocator, RcuDomain } from "@guestmem/rcu";
import { assertEquals, assertThrows } from "@std/assert";
import { assertSpyCall, assertSpyCalls, spy } from "@std/testing/mock";
import { assertType, type Has, type IsExact } from "@std/testing/types";
import { IommuError, type IommuErrorDetails } from "../errors/iommu_error.ts";
import type { FaultKind } from "../faults/iommu_fault.ts";
import type { IommuHandle } from "../handles/unit_handle.ts";
import { IotlbEntry } from "../iotlb/iotlb_entry.ts";
import { GuestRam } from "../testdata/guest_ram.ts";
import type { IommuEvent } from "../notify/iommu_notifier.ts";
import type { GracePeriods } from "../resources/grace_periods.ts";
import { IommuReader } from "../translate/iommu_reader.ts";
import { RiscvWalker } from "../walker/riscv_walker.ts";
import { GuestIommu } from "./guest_iommu.ts";
import type { IommuOptions } from "./iommu_unit.ts";
import { TableIommu } from "./table_iommu.ts";

function setUp() {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const iommu = new TableIommu({ arena, domain });
  const region = iommu.createRegion({ name: "nic", indexes: 2, target: 5 });
  const reader = domain.register();
  const worker = new IommuReader(arena, reader, iommu.handle);
  const translator = worker.translator(region.handle);
  const entry = new IotlbEntry();
  const faults: FaultKind[] = [];
  translator.onFault = ({ kind }) => faults.push(kind);
  /** The translated address, or why not. */
  const translate = (address: number | bigint, access: 0 | 1 | 2 | 3 = 1, index = 0) => {
    const guard = reader.lock();
    try {
      const allowed = translator.translate(address, access, index, entry);
      assertEquals(allowed, entry.fault === null);
      if (!allowed) assertEquals(entry.perm, 0);
      return allowed ? Number(entry.addressOf(BigInt(address))) : entry.fault;
    } finally {
      guard.unlock();
    }
  };
  return { arena, domain, iommu, region, reader, worker, translator, entry, faults, translate };
}

/** Asserts that a call throws an error with a code. */
function refused(code: keyof IommuErrorDetails, run: () => unknown, message?: string): void {
  assertEquals(assertThrows(run, IommuError, message).code, code);
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

Deno.test("each index has its own binding, and attributes choose the index", () => {
  const { iommu, translate, region } = setUp();
  const [first, second] = [iommu.createTable(), iommu.createTable()];
  first.map(0, 0x1000, 0x1_0000, 3);
  second.map(0, 0x1000, 0x2_0000, 3);
  region.bind(0, first.id);
  region.bind(1, second.id);
  assertEquals([translate(8), translate(8, 1, 1), translate(8)], [0x1_0008, 0x2_0008, 0x1_0008]);
  refused("INVALID_INDEX", () => translate(8, 1, 2), "an integer from 0 to 1");
  const secure = iommu.createRegion({
    name: "mpc",
    indexes: 2,
    attrsToIndex: (attrs) => attrs.secure ? 1 : 0,
  });
  assertEquals([secure.attrsToIndex({}), secure.attrsToIndex({ secure: true })], [0, 1]);
  const wrong = iommu.createRegion({ name: "wrong", attrsToIndex: () => 3 });
  refused("INVALID_INDEX", () => wrong.attrsToIndex({}));
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

Deno.test("domains that do not exist or are in use are refused", () => {
  const { iommu, region } = setUp();
  const table = iommu.createTable();
  assertEquals(iommu.table(table.id), table);
  refused("UNKNOWN_DOMAIN", () => iommu.table(99), "no domain has the id 99");
  refused("UNKNOWN_DOMAIN", () => region.bind(0, 99));
  refused("INVALID_INDEX", () => region.bind(7, table.id));
  refused("UNKNOWN_DOMAIN", () => iommu.invalidate({ domain: 99 }));
  refused("RANGE_BEYOND", () => iommu.invalidate({ first: 2n ** 64n - 4096n, size: 8192 }));
  region.bind(0, table.id);
  refused("DOMAIN_IN_USE", () => iommu.destroyTable(table.id), '"nic" is bound to it');
  region.bind(0, "blocked");
  iommu.destroyTable(table.id);
  refused("UNKNOWN_DOMAIN", () => iommu.destroyTable(table.id));
  assertEquals(iommu.createTable().id, table.id + 1, "ids are not reused");
  assertThrows(() => iommu.createTable({ addressBits: 65 }), RangeError, "12 to 64");
});

Deno.test("a destroyed domain frees its memory, and its successor has another id", () => {
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

Deno.test("destroying a region blocks it, notifies its followers and frees its memory", () => {
  const { arena, domain, iommu } = setUp();
  const table = iommu.createTable();
  table.map(0, 0x1000, 0, 3);
  domain.barrier();
  const { liveBytes } = arena.stats();
  const region = iommu.createRegion({ name: "gone" });
  region.bind(0, table.id);
  const notify = spy((_: IommuEvent) => {});
  region.registerNotifier({ kinds: ["unmap"], first: 0, last: 0xffff, index: 0, notify });
  iommu.destroyRegion(region);
  assertSpyCalls(notify, 1);
  const event: IommuEvent = { kind: "unmap", first: 0n, last: 0xfffn, target: 0n, perm: 0 };
  assertSpyCall(notify, 0, { args: [event] });
  domain.barrier();
  assertEquals(arena.stats().liveBytes, liveBytes);
  refused("FOREIGN_HANDLE", () => iommu.destroyRegion(region), "or was destroyed");
  iommu.destroyTable(table.id);
});

Deno.test("a translation outside a section is refused, and so is a foreign handle", () => {
  const { arena, domain, iommu, region, reader, worker, translator, entry } = setUp();
  refused("OUTSIDE_SECTION", () => translator.translate(0, 1, 0, entry));
  const other = setUp();
  const attach = (handle: IommuHandle, to = arena) => () => new IommuReader(to, reader, handle);
  refused("FOREIGN_HANDLE", attach(iommu.handle, other.arena), "another arena");
  refused("FOREIGN_HANDLE", () => other.worker.translator(region.handle), "another IOMMU");
  refused("FOREIGN_HANDLE", attach({ ...iommu.handle, offset: region.handle.offset }), "none at");
  const noRegion = { ...region.handle, offset: iommu.handle.offset };
  refused("FOREIGN_HANDLE", () => worker.translator(noRegion), "none at");

  const walker = new RiscvWalker({ memory: new GuestRam(1).window() });
  const guest = new GuestIommu({ arena, domain, walker });
  const behindGuest = guest.createRegion({ name: "guest" }).handle;
  const guestWorker = new IommuReader(arena, reader, guest.handle);
  refused("FOREIGN_HANDLE", () => guestWorker.translator(behindGuest), "needs a walker");
  refused("FOREIGN_HANDLE", () => worker.translator(region.handle, walker), "through a walker");
});

Deno.test("addresses are numbers or bigints, and an entry answers in kind", () => {
  const { iommu, region, reader, translator, entry } = setUp();
  const table = iommu.createTable({ addressBits: 64 });
  table.map(2n ** 63n, 4096n, 2n ** 63n + 4096n, 3);
  table.map(0x1000, 0x1000, 0x5000n, 3);
  region.bind(0, table.id);
  const guard = reader.lock();
  const address = 2n ** 63n + 5n;
  assertEquals(translator.translate(address, 1, 0, entry), true);
  assertEquals([entry.addressOf(address), entry.bytesFrom(address)], [address + 4096n, 4091]);
  assertEquals(translator.translate(0x1005, 1, 0, entry), true);
  assertEquals([entry.addressOf(0x1005), entry.bytesFrom(0x1005)], [0x5005, 4091]);
  guard.unlock();
  assertEquals(region.translate(0x1005, 1, 0), region.translate(0x1005n, 1, 0));
});

Deno.test("an IOMMU needs no more of rcu than it states", () => {
  type Memory = BlockAllocator & { readonly handle: { readonly id: string } };
  assertType<Has<Arena, Memory>>(true);
  assertType<Has<RcuDomain, GracePeriods>>(true);
  assertType<IsExact<IommuOptions["arena"], Memory>>(true);
  assertType<IsExact<IommuOptions["domain"], GracePeriods>>(true);
});
