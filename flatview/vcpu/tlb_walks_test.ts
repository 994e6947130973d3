/** How often an access through a TLB looks an address up, and a block of RAM. */

import { assertEquals } from "@std/assert";
import { type Spy, spy } from "@std/testing/mock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { FlatMemory } from "../model/flat_memory.ts";
import { Topology } from "../topology/topology.ts";
import { AddressSpaceReader } from "../view/address_space_reader.ts";
import { MemTxResult } from "../access/device/mem_tx_result.ts";
import { MemoryAccess } from "../access/memory_access.ts";
import { Tlb } from "./tlb.ts";

const RAM = 0x1_0000;
const ROM = 0x2_0000;
const DEVICE = 0x3_0000;
/** Its first half is a device, its second RAM. */
const SHARED_PAGE = 0x4_0000;
/** RAM whose stores are logged. */
const LOGGED = 0x5_0000;
/** RAM of which the first page runs from one window to the next. */
const TWO_WINDOWS = 0x6_0000;

function setUp() {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const memory = FlatMemory.create(16, 2);
  const access = new MemoryAccess({ arena, reader: domain.register(), memory });
  const system = topology.initContainer("system", 2n ** 64n);
  const backing = (ramAddr: number) => ({ blockId: 1, ramAddr });
  const device = topology.initIo("device", 0x1000, {});
  const registers = topology.initIo("registers", 0x800, {});
  const logged = topology.initRam("logged", 0x1000, backing(0x4000));
  const iommu = topology.initIommu("iommu", 2n ** 64n, { translate: () => null as never });
  topology.transaction(() => {
    system.addSubregion(RAM, topology.initRam("ram", 0x2000, backing(0)));
    system.addSubregion(ROM, topology.initRom("rom", 0x1000, backing(0x2000)));
    system.addSubregion(DEVICE, device);
    system.addSubregion(SHARED_PAGE, registers);
    system.addSubregion(SHARED_PAGE + 0x800, topology.initRam("half", 0x800, backing(0x3000)));
    system.addSubregion(LOGGED, logged);
    system.addSubregion(TWO_WINDOWS, topology.initRam("split", 0x2000, backing(0xf_f800)));
    logged.setLog(true, 0);
  });
  for (const { id } of [device, registers]) access.bind(id, { read: () => 7, write: () => {} });
  const space = access.attach(topology.createAddressSpace("memory", system).handle);
  const behind = access.attach(topology.createAddressSpace("device", iommu).handle);
  access.setTarget(0, space);
  access.bindIommu(iommu.id, {
    translate(address, _access, _index, answer) {
      const iova = Number(address) - Number(address) % 0x1000;
      Object.assign(answer, { target: 0, iova, translated: iova, addrMask: 0xfff, perm: 3 });
      return true;
    },
  });
  return { memory, space, behind };
}

/** Runs an access; how many addresses and how many blocks of RAM it looked up. */
function lookUps(memory: FlatMemory, run: () => unknown): [walks: number, blocks: number] {
  const walk = spy(AddressSpaceReader.prototype, "lookupIn");
  const find: Spy = spy(memory, "find");
  try {
    run();
    return [walk.calls.length, find.calls.length];
  } finally {
    find.restore();
    walk.restore();
  }
}

Deno.test("the first miss in a range looks its address and its block up once, and no access does later", () => {
  const { memory, space } = setUp();
  const tlb = new Tlb(space);
  tlb.lock();
  const count = (run: () => unknown) => lookUps(memory, run);
  assertEquals(count(() => tlb.load32(RAM + 8)), [1, 1]);
  assertEquals(count(() => tlb.load64(RAM + 8)), [0, 0]);
  assertEquals(count(() => tlb.store32(RAM + 8, 1)), [0, 0]);
  assertEquals(count(() => tlb.store32(RAM + 0x1ff8, 1)), [0, 0]); // a miss
  assertEquals(count(() => tlb.load8(RAM + 0x1000)), [0, 0]);
  assertEquals(count(() => tlb.load32(RAM + 1)), [0, 0]);
  tlb.unlock();
});

Deno.test("what the TLB does not keep is looked up once at each access", () => {
  const { memory, space, behind } = setUp();
  const [tlb, device] = [new Tlb(space), new Tlb(behind)];
  tlb.lock();
  const twice = (what: string, run: () => unknown, expected: [number, number]) => {
    run(); // the first time the page is resolved as well
    for (let round = 0; round < 2; round++) assertEquals(lookUps(memory, run), expected, what);
  };
  twice("a device's load", () => tlb.load32(DEVICE), [1, 0]);
  twice("a device's store", () => tlb.store32(DEVICE, 1), [1, 0]);
  twice("a store to ROM", () => tlb.store32(ROM, 1), [1, 1]);
  assertEquals([tlb.result, tlb.load32(ROM)], [MemTxResult.OK, 0]);
  twice("RAM in a shared page", () => tlb.load32(SHARED_PAGE + 0x800), [1, 1]);
  twice("a device in a shared page", () => tlb.load32(SHARED_PAGE), [1, 0]);
  const markAnew = () => {
    memory.dirty.epoch++;
    tlb.quiescent();
    tlb.store32(LOGGED, 1);
  };
  twice("the first store to a logged page in an epoch", markAnew, [0, 0]);
  twice("the next store to it", () => tlb.store32(LOGGED, 1), [0, 0]);
  twice("a page in two windows", () => tlb.load32(TWO_WINDOWS + 0x800), [1, 1]);
  // As a whole, and then each of its two pieces.
  twice("a load that runs over its range", () => tlb.load32(RAM + 0x1ffe), [3, 2]);
  device.lock();
  // The IOMMU region is looked up, and what it leads to.
  twice("RAM behind an IOMMU", () => device.load32(RAM), [2, 1]);
  twice("a load over two pages of an IOMMU", () => device.load32(RAM + 0xffe), [6, 3]);
  device.unlock();
  tlb.unlock();
});
