import { Arena, RcuDomain, WaitInSectionError } from "@guestmem/rcu";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { IommuError } from "../errors/iommu_error.ts";
import { IotlbEntry } from "../iotlb/iotlb_entry.ts";
import { GuestRam } from "../testdata/guest_ram.ts";
import { IommuReader } from "../translate/iommu_reader.ts";
import type { GuestTableWalker } from "../walker/guest_table_walker.ts";
import { RiscvWalker } from "../walker/riscv_walker.ts";
import { VtdWalker } from "../walker/vtd_walker.ts";
import { GuestIommu } from "./guest_iommu.ts";

const RAM_BASE = 0x10_0000;
/** Bus 3, device 2, function 1. */
const SOURCE = 0x311;

/** A guest IOMMU, and a worker that translates for devices by their source ids. */
function setUp(walker: (ram: GuestRam) => GuestTableWalker) {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const ram = new GuestRam(32, RAM_BASE);
  const iommu = new GuestIommu({ arena, domain, walker: walker(ram) });
  const reader = domain.register();
  const worker = new IommuReader(arena, reader, iommu.handle);
  const entry = new IotlbEntry();
  const reasons: number[] = [];
  const createDevice = (source: number) => {
    const region = iommu.createRegion({ name: "device", source });
    const translator = worker.translator(region.handle, walker(ram));
    translator.onFault = (fault) => {
      assertEquals(fault.source, source);
      reasons.push(VtdWalker.faultReason(fault));
    };
    const translate = (address: number | bigint, access: 0 | 1 | 2 | 3 = 1) => {
      const guard = reader.lock();
      try {
        return translator.translate(address, access, 0, entry)
          ? Number(entry.addressOf(BigInt(address)))
          : entry.fault;
      } finally {
        guard.unlock();
      }
    };
    return { region, translator, translate };
  };
  return { ram, iommu, reader, entry, reasons, createDevice };
}

/** Tables of three levels for one source: the root at page 0, the last table at page 4. */
function vtdTables(ram: GuestRam, domain: number): void {
  ram.set(0, 3 * 2, ram.at(1) | 1n);
  ram.set(1, 0x11 * 2, ram.at(2) | 1n);
  ram.set(1, 0x11 * 2 + 1, 1n | (BigInt(domain) << 8n));
  ram.set(2, 0, ram.at(3) | 3n);
  ram.set(3, 0, ram.at(4) | 3n);
}

const vtd = () => setUp((ram) => new VtdWalker({ memory: ram.window() }));

Deno.test("VT-d: off, on, and off again", () => {
  const { ram, iommu, createDevice } = vtd();
  const { translate, region } = createDevice(SOURCE);
  vtdTables(ram, 9);
  ram.set(4, 5, 0xabc_d000n | 3n);
  assertEquals(translate(0x5678), 0x5678);
  iommu.setRoot(ram.at(0) | BigInt(VtdWalker.ENABLED));
  assertEquals(iommu.root, BigInt(RAM_BASE) | 1n);
  assertEquals(translate(0x5678), 0xabc_d678);
  assertEquals(region.translate(0x5678n, 2, 0).translated, 0xabc_d000n);
  assertEquals(region.mappings(), [
    { first: 0x5000n, last: 0x5fffn, target: 0xabc_d000n, perm: 3 },
  ]);
  iommu.setRoot(Number(ram.at(0)));
  assertEquals([iommu.root, translate(0x5678)], [BigInt(RAM_BASE), 0x5678]);
  for (const value of [-1, 0.5, 2 ** 64, 2n ** 64n, -1n]) {
    const error = assertThrows(() => iommu.setRoot(value), IommuError, "as a root register");
    assertEquals(error.code, "INVALID_ADDRESS");
  }
  assertEquals(iommu.root, BigInt(RAM_BASE));
});

Deno.test("VT-d: the guest's domain id selects what an invalidation drops", () => {
  const { ram, iommu, createDevice } = vtd();
  const { translate } = createDevice(SOURCE);
  vtdTables(ram, 9);
  ram.set(4, 5, 0xa000n | 3n);
  iommu.setRoot(ram.at(0) | 1n);
  assertEquals(translate(0x5000), 0xa000);
  ram.set(4, 5, 0xb000n | 3n);
  iommu.invalidate({ domain: 8 });
  iommu.invalidate({ domain: 9, first: 0x6000, size: 0x1000 });
  assertEquals(translate(0x5000), 0xa000, "the guest has not asked for this page");
  iommu.invalidate({ domain: 9, first: 0x5000, size: 0x1000 });
  assertEquals(translate(0x5000), 0xb000);
  ram.set(4, 5, 0xc000n | 3n);
  iommu.invalidate({ domain: 9 });
  assertEquals(translate(0x5000), 0xc000);
});

Deno.test("VT-d: faults have the numbers of the specification", () => {
  const { ram, iommu, createDevice, reasons } = vtd();
  const { translate } = createDevice(SOURCE);
  /** Changes one word, walks, and changes it back. */
  const reasonWith = (
    page: number,
    slot: number,
    value: bigint,
    address = 0x5000,
    access: 1 | 2 = 1,
  ) => {
    const before = ram.words[page * 512 + slot]!;
    ram.set(page, slot, value);
    translate(address, access);
    ram.set(page, slot, before);
    return reasons.pop();
  };
  vtdTables(ram, 9);
  iommu.setRoot(ram.at(0) | 1n);
  assertEquals(reasonWith(0, 6, 0n), 0x1, "root entry not present");
  assertEquals(reasonWith(1, 0x22, 0n), 0x2, "context entry not present");
  assertEquals(reasonWith(1, 0x23, 0n), 0x3, "two levels");
  assertEquals(reasonWith(1, 0x22, ram.at(2) | 0xdn), 0x3, "reserved type");
  assertEquals(reasonWith(4, 5, 0n, 2 ** 39), 0x4, "beyond three levels");
  assertEquals(reasonWith(4, 5, 0xa001n, 0x5000, 2), 0x5, "no write");
  assertEquals(reasonWith(3, 0, ram.at(4) | 2n), 0x6, "no read, one level up");
  assertEquals(reasonWith(3, 0, 0x8000_0003n), 0x7, "the table is not in RAM");
  assertEquals(reasonWith(0, 6, 0x8000_0001n), 0x9, "the context table is not in RAM");
  assertEquals(reasonWith(0, 7, 1n), 0xa, "reserved bits of a root entry");
  assertEquals(reasonWith(1, 0x23, 0x81n), 0xb, "reserved bits of a context entry");
  assertEquals(reasonWith(2, 0, ram.at(3) | 0x803n), 0xc, "reserved bits of a table entry");
  assertEquals(reasonWith(3, 0, 0x1000n | 0x83n), 0xc, "2 MiB that are not aligned");
  iommu.setRoot(0x8000_0001n);
  translate(0x5000);
  assertEquals(reasons.pop(), 0x8, "the root table is not in RAM");
});

Deno.test("VT-d: a device that passes through is not translated", () => {
  const { ram, iommu, createDevice } = vtd();
  const { translate } = createDevice(SOURCE);
  vtdTables(ram, 9);
  ram.set(1, 0x22, ram.at(2) | 0x9n);
  iommu.setRoot(ram.at(0) | 1n);
  assertEquals(translate(0x1234_5678), 0x1234_5678);
  ram.set(1, 0x22, ram.at(2) | 1n);
  iommu.invalidate({ domain: 9 });
  assertEquals(translate(0x1234_5678), "entryNotPresent");
});

Deno.test("RISC-V: a page read first may be written once the guest has set its dirty bit", () => {
  const { ram, iommu, createDevice, entry } = setUp((ram) =>
    new RiscvWalker({ memory: ram.window() })
  );
  const { translate } = createDevice(0);
  ram.set(0, 0, (ram.at(1) >> 2n) | 1n);
  ram.set(1, 0, (ram.at(2) >> 2n) | 1n);
  ram.set(2, 1, (0x77n << 10n) | 0x57n);
  iommu.setRoot((8n << 60n) | (ram.at(0) >> 12n));
  assertEquals(translate(0x1234, 1), 0x77_234);
  assertEquals(entry.perm, 1);
  assertEquals(translate(0x1234, 2), "dirtyClear");
  ram.set(2, 1, (0x77n << 10n) | 0xd7n);
  assertEquals(translate(0x1234, 2), 0x77_234, "without any invalidation");
  assertEquals(translate(2n ** 63n), "nonCanonical");
});

Deno.test("a change inside a section, and an index that does not exist, are refused", async () => {
  const { iommu, reader, createDevice, entry } = vtd();
  const { translator } = createDevice(SOURCE);
  const guard = reader.lock();
  assertThrows(() => iommu.setRoot(1n), WaitInSectionError);
  assertThrows(() => iommu.invalidate(), WaitInSectionError);
  const refused = iommu.setRootAsync(1n);
  const inIndex = () => translator.translate(0, 1, 1, entry);
  assertEquals(assertThrows(inIndex, IommuError).code, "INVALID_INDEX");
  guard.unlock();
  await assertRejects(() => refused, WaitInSectionError);
  assertEquals(iommu.root, 0n);
  await iommu.setRootAsync(1n);
  await iommu.invalidateAsync();
  assertEquals(iommu.root, 1n);
  assertEquals(translator.stats.fullInvalidations, 0, "it processes them when it is used");
  assertThrows(() => iommu.createRegion({ name: "wide", source: 0x1_0000 }), RangeError, "16 bits");
});
