import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { FlatViewError } from "../errors/flat_view_error.ts";
import { FlatMemory } from "../model/flat_memory.ts";
import type { MemoryRegionOps } from "../region/region_ops.ts";
import { Topology } from "../topology/topology.ts";
import { MemTxResult } from "../access/device/mem_tx_result.ts";
import { MemoryAccess } from "../access/memory_access.ts";
import { PageResolver } from "./page_resolver.ts";
import { Tlb } from "./tlb.ts";
import type { IotlbEntry } from "../access/region_translator.ts";

const { OK, DECODE_ERROR } = MemTxResult;
const GIB = 2 ** 30;

function setUp(
  { flavour = "memb", debug = false, pageBits = 12 }: {
    readonly flavour?: "memb" | "qsbr";
    readonly debug?: boolean;
    readonly pageBits?: number;
  } = {},
) {
  const arena = Arena.create({ bytes: 1 << 22, debug });
  const domain = RcuDomain.create(arena);
  const reader = flavour === "memb" ? domain.register() : domain.register({ flavour: "qsbr" });
  const topology = new Topology({ arena, domain, pageBits });
  const memory = FlatMemory.create(16, 2); // 1 MiB in each window
  const access = new MemoryAccess({ arena, reader, memory });
  const system = topology.initContainer("system", 2n ** 64n);
  const space = access.attach(topology.createAddressSpace("memory", system).handle);
  const ram = (ramAddr: number, size: number) =>
    topology.initRam(`ram@${ramAddr}`, size, { blockId: 1, ramAddr });
  return { arena, domain, topology, memory, access, system, space, ram };
}

/** Fills memory so that each byte tells its place. */
function fill(memory: FlatMemory): void {
  for (let at = 0; at < memory.bytes; at++) memory.setByte(at, at * 7 + (at >>> 8) * 3);
}

for (
  const [name, base, pageBits] of [
    ["below 2 GiB", 0x10_0000, 12],
    ["below 4 GiB", 3 * GIB, 12],
    ["above 4 GiB", 5 * GIB, 12],
    ["far up", 2 ** 50, 12],
    ["with pages of 256 bytes", 0x10_0000, 8],
    ["with pages of 64 KiB", 5 * GIB, 16],
  ] as const
) {
  Deno.test(`hits and misses give what the address space gives: ${name}`, () => {
    const { memory, system, space, ram } = setUp({ pageBits });
    fill(memory);
    system.addSubregion(base, ram(0x8000, 0x1_2800)); // the last page is half one
    system.addSubregion(base + 0x2_0000, ram(0xf_f000, 0x2000)); // across two windows
    const tlb = new Tlb(space, 16);
    tlb.lock();
    const starts = [0, 0x1000, 0x1_1ff0, 0x1_2000, 0x1_27f8, 0x2_0ff0, 0x2_1000, 0xffc, 0x1_0000];
    for (let round = 0; round < 2; round++) { // a miss, then a hit
      for (const start of starts) {
        for (let at = base + start; at < base + start + 0x18; at++) {
          assertEquals(tlb.load8(at), space.load8(at));
          assertEquals(tlb.load16(at), space.load16le(at));
          assertEquals(tlb.load32(at), space.load32le(at));
          assertEquals(tlb.loadInt32(at), space.load32le(at) | 0);
          assertEquals([tlb.load64(at), tlb.upper], [space.load64le(at), space.upper]);
        }
      }
    }
    const stores = starts.flatMap((start) => [start, start + 8, start + 3]);
    for (const start of stores.filter((at) => at + 8 <= 0x1_2800 || at >= 0x2_0000)) {
      const at = base + start;
      tlb.store64(at, 0x8123_4567, 0x89ab_cdef);
      assertEquals(space.loadBig64le(at), 0x89ab_cdef_8123_4567n);
      tlb.store32(at, -2);
      tlb.store16(at + 4, 0x1_2345);
      tlb.store8(at + 6, 0x1ff);
      assertEquals(space.loadBig64le(at), 0x89ff_2345_ffff_fffen);
    }
    tlb.unlock();
  });
}

/** A device whose byte at an offset is the lowest byte of the offset; what is called is in `take`. */
function ramp() {
  const calls: string[] = [];
  const ops: MemoryRegionOps = {
    read(offset, size, attrs) {
      calls.push(`r${size}@${offset}${attrs.user ? " user" : ""}`);
      let value = 0n;
      for (let i = 0; i < size; i++) {
        value |= BigInt.asUintN(8, BigInt(offset) + BigInt(i)) << BigInt(8 * i);
      }
      return value;
    },
    write(offset, value, size) {
      calls.push(`w${size}@${offset}=${value.toString(16)}`);
    },
  };
  return { ops, take: () => calls.splice(0).join(" ") };
}

Deno.test("a vCPU's access to a device is split by alignment", () => {
  const { topology, access, system, space } = setUp();
  const { ops, take } = ramp();
  const io = topology.initIo("io", 0x3000, ops);
  access.bind(io.id, ops);
  const far = topology.initAlias("far", 0x3000, io, 0);
  system.addSubregion(0x1000, io);
  system.addSubregion(5 * GIB, far);
  const tlb = new Tlb(space);
  tlb.lock();
  for (const base of [0x1000, 5 * GIB]) {
    assertEquals([tlb.load32(base + 4), tlb.result, take()], [0x0706_0504, OK, "r4@4"]);
    assertEquals([tlb.load32(base + 2), tlb.result, take()], [0x0504_0302, OK, "r2@2 r2@4"]);
    assertEquals([tlb.load16(base + 1), take()], [0x0201, "r1@1 r1@2"]);
    assertEquals([tlb.load32(base + 1), take()], [0x0403_0201, "r1@1 r1@2 r1@3 r1@4"]);
    assertEquals([tlb.loadInt32(base + 0xfe), take()], [0x0100_fffe, "r2@254 r2@256"]);
    assertEquals([tlb.load64(base + 4), tlb.upper], [0x0706_0504, 0x0b0a_0908]);
    assertEquals(take(), "r4@4 r4@8");
    assertEquals([tlb.load64(base + 0xffd), tlb.upper], [0x00ff_fefd, 0x0403_0201]);
    // Three bytes before the end of the page, five after it.
    assertEquals(take(), "r1@4093 r2@4094 r1@4096 r1@4097 r1@4098 r1@4099 r1@4100");
    tlb.store32(base + 2, 0x4433_2211);
    assertEquals([tlb.result, take()], [OK, "w2@2=2211 w2@4=4433"]);
    tlb.store64(base + 6, 0x4433_2211, 0x8877_6655);
    assertEquals(take(), "w2@6=2211 w2@8=4433 w2@10=6655 w2@12=8877");
  }
  tlb.attrs = { user: true };
  assertEquals([tlb.load16(0x1003), take()], [0x0403, "r1@3 user r1@4 user"]);
  assertEquals([tlb.load8(0x1003), take()], [3, "r1@3 user"]);
  tlb.unlock();
});

Deno.test("a vCPU's access that runs from a device into RAM, or back, reaches both", () => {
  const { topology, access, system, space, ram } = setUp();
  const { ops, take } = ramp();
  const io = topology.initIo("io", 0x1000, ops);
  access.bind(io.id, ops);
  system.addSubregion(0, io);
  system.addSubregion(0x1000, ram(0x4000, 0x1000));
  system.addSubregion(0x2000, topology.initRom("rom", 0x1000, { blockId: 1, ramAddr: 0x8000 }));
  system.addSubregion(0x3000, topology.initAlias("again", 0x1000, io, 0));
  space.store32le(0x1000, 0x4433_2211);
  space.store32le(0x1ffc, 0x8877_6655);
  space.writeRom(0x2ffc, Uint8Array.of(1, 2, 3, 4));
  const tlb = new Tlb(space);
  tlb.lock();
  for (let round = 0; round < 2; round++) { // the pages of RAM miss, then they are kept
    assertEquals([tlb.load32(0xffe), tlb.result, take()], [0x2211_fffe, OK, "r2@4094"]);
    assertEquals([tlb.load32(0x2ffe), tlb.result, take()], [0x0100_0403, OK, "r2@0"]);
    assertEquals([tlb.load32(0x3ffe), tlb.result, take()], [0xfffe, DECODE_ERROR, "r2@4094"]);
    assertEquals([tlb.load32(0x1000), tlb.load16(0x1ffe)], [0x4433_2211, 0x8877]);
  }
  tlb.store32(0xffe, 0x7777_8888);
  assertEquals([tlb.load32(0x1000), tlb.result, take()], [0x4433_7777, OK, "w2@4094=8888"]);
  tlb.store32(0x1ffe, 0x6666_5555); // into ROM, which drops its half
  assertEquals([tlb.load32(0x1ffc), tlb.load16(0x2000), tlb.result], [0x5555_6655, 0, OK]);
  tlb.store32(0x2ffe, 0x6666_5555); // out of ROM
  assertEquals([tlb.load16(0x2ffe), take()], [0x0403, "w2@0=6666"]);
  tlb.unlock();
});

Deno.test("a vCPU's store that begins in ROM writes the RAM that it runs on into", () => {
  const { topology, system, space, ram } = setUp();
  system.addSubregion(0, topology.initRom("rom", 0x1002, { blockId: 1, ramAddr: 0x8000 }));
  system.addSubregion(0x1002, ram(0x4000, 0x1000));
  space.writeRom(0x1000, Uint8Array.of(1, 2));
  const tlb = new Tlb(space);
  tlb.lock();
  tlb.store32(0x1000, 0x4433_2211);
  assertEquals([tlb.load32(0x1000), tlb.result], [0x4433_0201, OK]);
  tlb.store64(0x1000, 0x8877_6655, 0xccbb_aa99);
  assertEquals([tlb.load64(0x1000), tlb.upper, tlb.result], [0x8877_0201, 0xccbb_aa99, OK]);
  tlb.unlock();
  // To a device the whole access is an error, as in QEMU: only a CPU has its stores split.
  assertEquals([space.store32le(0x1000, 0), space.load32le(0x1000)], [DECODE_ERROR, 0x8877_0201]);
});

Deno.test("pages whose addresses share their lower half, or their entry, are distinguished", () => {
  const { system, space, ram } = setUp();
  const places = [0, 4 * GIB, 8 * GIB, 0x1_0000, 4 * GIB + 0x1_0000];
  places.forEach((at, i) => system.addSubregion(at, ram(i * 0x1000, 0x1000)));
  places.forEach((at, i) => space.store32le(at + 0x10, i + 1));
  const tlb = new Tlb(space, 4);
  tlb.lock();
  for (let round = 0; round < 3; round++) {
    for (const [first, one] of places.entries()) { // each right behind each
      for (const [second, other] of places.entries()) {
        assertEquals([tlb.load32(one + 0x10), tlb.load32(other + 0x10)], [first + 1, second + 1]);
      }
    }
    places.forEach((at, i) => {
      tlb.store32(at + 0x20, i + 7 + round);
      assertEquals(space.load32le(at + 0x20), i + 7 + round);
    });
  }
  assertEquals([tlb.load32(12 * GIB + 0x10), tlb.result], [0, DECODE_ERROR]);
  for (const wrong of [-4, 0.5, NaN, 2 ** 53]) assertThrows(() => tlb.load32(wrong), FlatViewError);
  tlb.unlock();
});

for (const flavour of ["memb", "qsbr"] as const) {
  Deno.test(`a new map is seen at lock() and quiescent(), not before (${flavour})`, () => {
    const { system, space, ram, topology } = setUp({ flavour });
    const [a, b] = [ram(0, 0x1000), ram(0x1000, 0x1000)];
    system.addSubregion(0x1000, a);
    system.addSubregion(0x2000, b);
    space.store32le(0x1000, 1);
    space.store32le(0x2000, 2);
    const tlb = new Tlb(space);
    const swap = () =>
      topology.transaction(() => {
        const { addr } = a;
        a.setAddress(b.addr);
        b.setAddress(addr);
      });
    tlb.lock();
    assertEquals(tlb.load32(0x1000), 1);
    swap();
    assertEquals(tlb.load32(0x1000), 1); // still inside the section
    tlb.quiescent();
    assertEquals(tlb.load32(0x1000), 2);
    swap();
    tlb.unlock();
    tlb.lock();
    assertEquals(tlb.load32(0x1000), 1);
    a.setReadonly(true);
    tlb.store32(0x1000, 5);
    tlb.quiescent();
    tlb.store32(0x1000, 6); // ROM: dropped
    assertEquals([tlb.result, tlb.load32(0x1000)], [OK, 5]);
    tlb.unlock();
  });
}

Deno.test("misses and devices go by the map of the section, as hits do", () => {
  const { system, space, ram, topology, access } = setUp();
  const io = topology.initIo("io", 0x1000, {});
  access.bind(io.id, { read: () => 7 });
  system.addSubregion(0x5000, io);
  const [a, b] = [ram(0, 0x1000), ram(0x1000, 0x1000)];
  system.addSubregion(0x1000, a);
  space.store32le(0x1000, 1);
  const tlb = new Tlb(space);
  tlb.lock();
  topology.transaction(() => {
    system.delSubregion(a);
    system.addSubregion(0x1000, b);
    system.delSubregion(io);
  });
  assertEquals([space.load32le(0x1000), space.load32le(0x5000)], [0, 0]); // the new map
  assertEquals([tlb.load32(0x1000), tlb.load32(0x1000), tlb.load32(0x5000)], [1, 1, 7]);
  tlb.quiescent();
  assertEquals([tlb.load32(0x1000), tlb.load32(0x5000), tlb.result], [0, 0, DECODE_ERROR]);
  tlb.unlock();
});

Deno.test("the first store to a logged page in a log epoch marks it; later ones are hits", () => {
  const { system, space, ram, memory } = setUp();
  const region = ram(0x3000, 0x2000);
  system.addSubregion(0x1000, region);
  const tlb = new Tlb(space);
  tlb.lock();
  tlb.store32(0x1000, 1);
  region.setLog(true, 0);
  tlb.store32(0x1000, 2);
  assertEquals(memory.marked, []); // the map was older
  tlb.quiescent();
  const marked = () => memory.marked.splice(0);
  tlb.store32(0x1000, 3);
  assertEquals(marked(), [[0x3000, 0x1000, 1]]);
  tlb.store8(0x1001, 4);
  tlb.store32(0x1ff1, 5);
  assertEquals([marked(), tlb.load32(0x1000), tlb.load32(0x1ff1)], [[], 0x403, 5]);
  tlb.store8(0x2001, 4);
  assertEquals(marked(), [[0x4000, 0x1000, 1]]);
  memory.dirty.epoch++;
  tlb.store8(0x1001, 6); // the section began in the old epoch, whose collection waits for it
  assertEquals(marked(), []);
  tlb.quiescent();
  assertEquals(tlb.load32(0x1000), 0x603);
  tlb.store8(0x1001, 7);
  tlb.store8(0x1001, 8);
  tlb.store8(0x2001, 9);
  assertEquals(marked(), [[0x3000, 0x1000, 1], [0x4000, 0x1000, 1]]);
  tlb.unlock();
  memory.dirty.epoch++;
  tlb.lock();
  tlb.store32(0x1ffe, 10); // across both pages, not aligned
  assertEquals(marked(), [[0x3ffe, 4, 1]]);
  tlb.store8(0x1001, 11);
  assertEquals(marked(), [[0x3000, 0x1000, 1]]);
  tlb.unlock();
});

Deno.test("devices are reached through the TLB; an IOMMU's answer is not kept", () => {
  const { system, space, access, topology, ram } = setUp();
  let reads = 0;
  const io = topology.initIo("io", 0x800, {});
  access.bind(io.id, { read: () => ++reads });
  system.addSubregion(0x5000, io);
  system.addSubregion(0x5800, ram(0x5000, 0x800));
  system.addSubregion(0, ram(0, 0x2000));
  space.store32le(0x10, 10);
  space.store32le(0x1010, 11);
  space.store32le(0x5810, 12);
  const iommu = topology.initIommu("iommu", 2n ** 64n, { translate: () => null as never });
  let to = 0;
  access.bindIommu(iommu.id, {
    translate(address: number | bigint, _access: 1 | 2, _index: number, answer: IotlbEntry) {
      const iova = Number(address) & ~0xfff;
      Object.assign(answer, { target: 0, iova, translated: to, addrMask: 0xfff, perm: 3 });
      return true;
    },
  });
  access.setTarget(0, space);
  const device = new Tlb(access.attach(topology.createAddressSpace("device", iommu).handle));
  device.lock();
  assertEquals(device.load32(0x10), 10);
  to = 0x1000;
  assertEquals(device.load32(0x10), 11); // with no new map
  device.unlock();

  const tlb = new Tlb(space);
  tlb.lock();
  assertEquals([tlb.load32(0x5000), tlb.load32(0x5000), tlb.load32(0x5810)], [1, 2, 12]);
  tlb.unlock();
  const pages = new PageResolver(space);
  pages.lock();
  // A page that two regions share has one number; each address finds its region.
  const shared = pages.translateForIotlb(0x5000);
  assertEquals(pages.translateForIotlb(0x5fff), shared);
  assertEquals(pages.iotlbToRegion(shared, 0x5000), io.id);
  assert(pages.iotlbToRegion(shared, 0x5810) !== io.id);
  const plain = pages.translateForIotlb(0x1000);
  assertEquals(pages.iotlbToRegion(plain, 0x1000), pages.iotlbToRegion(plain, 0x10));
  assertEquals(pages.iotlbToRegion(pages.translateForIotlb(0x9000), 0x9000), 0);
  pages.unlock();
  assertThrows(() => pages.translateForIotlb(0), FlatViewError, "outside its section");
});

Deno.test("in debug mode an access outside the section is found, even one that was a hit", () => {
  const { system, space, ram } = setUp({ debug: true });
  system.addSubregion(0, ram(0, 0x1000));
  const tlb = new Tlb(space);
  assertThrows(() => tlb.load32(0), FlatViewError, "outside its section");
  tlb.lock();
  tlb.store32(0, 5);
  assertEquals([tlb.load32(0), tlb.load32(0)], [5, 5]);
  tlb.unlock();
  assertThrows(() => tlb.load32(0), FlatViewError, "outside its section");
  assertThrows(() => tlb.store32(0, 1), FlatViewError, "outside its section");
  assertThrows(() => new Tlb(space, 3), RangeError, "power of two");
});

Deno.test("a cached translation follows the map, and does not leave its range", () => {
  const { system, space, ram, topology, access, memory } = setUp({ debug: true });
  const [a, b] = [ram(0x1000, 0x1000), ram(0x2000, 0x1000)];
  system.addSubregion(0x1000, a);
  const ring = space.cache(0x1f00, 0x100, true);
  ring.store32le(0x10, 0x1122_3344);
  assertEquals([ring.load32be(0x10), ring.load16le(0x10), ring.load16be(0x10)], [
    0x4433_2211,
    0x3344,
    0x4433,
  ]);
  ring.store64be(0x20, 0x5566_7788, 0x1122_3344);
  assertEquals([ring.load64be(0x20), ring.upper, ring.load8(0x20)], [
    0x5566_7788,
    0x1122_3344,
    0x11,
  ]);
  ring.store64le(0x20, 1, 2);
  assertEquals([ring.load64le(0x20), ring.upper], [1, 2]);
  ring.store16le(0x30, 0x1234);
  ring.store16be(0x32, 0x1234);
  ring.store8(0x34, 0x99);
  ring.store32be(0x38, 0x0102_0304);
  const bytes = new Uint8Array(12);
  assertEquals(ring.read(0x30, bytes), OK);
  assertEquals([...bytes], [0x34, 0x12, 0x12, 0x34, 0x99, 0, 0, 0, 1, 2, 3, 4]);
  assertThrows(() => ring.load32le(0xfd), FlatViewError, "Cannot access");
  assertThrows(() => ring.load8(-1), FlatViewError, "Cannot access");
  assertThrows(() => ring.write(0xff, new Uint8Array(2)), FlatViewError, "Cannot access");

  topology.transaction(() => {
    system.delSubregion(a);
    system.addSubregion(0x1000, b);
  });
  assertEquals(ring.load32le(0x10), 0);
  assertEquals(ring.write(0x10, Uint8Array.of(9)), OK);
  assertEquals([memory.byte(0x2f10), memory.byte(0x1f10)], [9, 0x44]);
  b.setLog(true, 1);
  ring.store8(0x10, 8);
  assertEquals(memory.marked, [[0x2f10, 1, 2]]);
  const io = topology.initIo("io", 0x1000, {});
  access.bind(io.id, { read: () => 0x77, write: () => {} });
  topology.transaction(() => {
    system.delSubregion(b);
    system.addSubregion(0x1000, io);
  });
  assertEquals([ring.load8(0x10), ring.store8(0x10, 1)], [0x77, OK]);
  system.delSubregion(io);
  assertEquals([ring.load8(0x10), ring.result, ring.store8(0, 1)], [0, DECODE_ERROR, DECODE_ERROR]);
});
