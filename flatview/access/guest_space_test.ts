import { assert, assertEquals, assertThrows } from "@std/assert";
import { assertSpyCalls, spy } from "@std/testing/mock";
import { Arena, RcuDomain, WaitInSectionError } from "@guestmem/rcu";
import { FlatViewError } from "../errors/flat_view_error.ts";
import { FlatMemory } from "../model/flat_memory.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { MemoryRegionOps, MemTxAttrs } from "../region/region_ops.ts";
import { Topology } from "../topology/topology.ts";
import { EventNotifier } from "../view/event_notifier.ts";
import { MemTxResult } from "./device/mem_tx_result.ts";
import { MemoryAccess } from "./memory_access.ts";
import { MmioChannel } from "./mmio/mmio_channel.ts";
import type { IotlbEntry } from "./region_translator.ts";

const { OK, ERROR, DECODE_ERROR, ACCESS_ERROR } = MemTxResult;

/** A machine with an address space, in one context. */
function setUp(options: { channel?: boolean; onDeviceError?: (error: unknown) => void } = {}) {
  const arena = Arena.create({ bytes: 1 << 22, debug: true });
  const domain = RcuDomain.create(arena);
  const reader = domain.register();
  const topology = new Topology({ arena, domain });
  const memory = FlatMemory.create(1, 2);
  const { onDeviceError } = options;
  const access = new MemoryAccess({
    arena,
    reader,
    memory,
    ...(options.channel ? { channel: MmioChannel.create(arena) } : {}),
    ...(onDeviceError ? { onDeviceError } : {}),
  });
  const system = topology.initContainer("system", 2n ** 64n);
  const { handle } = topology.createAddressSpace("memory", system);
  const space = access.attach(handle);
  /** Adds a device that is bound here. */
  const plug = (address: number, size: number, ops: MemoryRegionOps, owner?: object) => {
    const region = topology.initIo(`io@${address.toString(16)}`, size, ops, { owner });
    access.bind(region.id, ops);
    system.addSubregion(address, region);
    return region;
  };
  return { arena, domain, reader, topology, memory, access, system, space, plug };
}

/** A device that records what it is asked. */
function recorder(limits: Partial<MemoryRegionOps> = {}, answer: number | bigint = 0) {
  const log: string[] = [];
  const ops: MemoryRegionOps = {
    ...limits,
    read(offset, size) {
      log.push(`r${size}@${offset.toString(16)}`);
      return answer;
    },
    write(offset, value, size, _attrs, upper) {
      const text = size === 8 ? `${upper.toString(16)}_${value.toString(16)}` : value.toString(16);
      log.push(`w${size}@${offset.toString(16)}=${text}`);
    },
  };
  const take = () => log.splice(0);
  return { ops, take };
}

Deno.test("RAM is read and written across regions, windows and holes, and bytes outside stay", () => {
  const { topology, memory, system, space } = setUp();
  system.addSubregion(0x1000, topology.initRam("a", 0x1800, { blockId: 1, ramAddr: 0xf000n }));
  system.addSubregion(0x2800, topology.initRam("b", 0x1000, { blockId: 1, ramAddr: 0x100n }));
  const bytes = Uint8Array.from({ length: 0x2900 }, (_, i) => i * 7 + 1);
  memory.setByte(0xefff, 0xaa);
  memory.setByte(0x1100, 0xbb);
  assertEquals(space.write(0xf80, bytes), DECODE_ERROR); // a hole before, and one behind
  const back = new Uint8Array(bytes.length).fill(9);
  assertEquals(space.read(0xf80, back), DECODE_ERROR);
  const expected = bytes.map((byte, i) => 0xf80 + i < 0x1000 || 0xf80 + i >= 0x3800 ? 0 : byte);
  assertEquals(back, expected);
  assertEquals([memory.byte(0xefff), memory.byte(0x1100)], [0xaa, 0xbb]);
  assertEquals(memory.byte(0x1_0000), bytes[0x2000 - 0xf80]); // the other window
  assertEquals(space.read(0x1000, new Uint8Array(0x2800)), OK);
});

Deno.test("typed loads and stores of every size, order and alignment", () => {
  const { topology, system, space } = setUp();
  system.addSubregion(0, topology.initRam("ram", 0x2_0000, { blockId: 1, ramAddr: 0n }));
  for (const at of [0x100, 0x101, 0x104, 0xfffe, 0xfffd]) { // the last two straddle windows
    assertEquals(space.store64le(at, 0x5566_7788, 0x1122_3344), OK);
    assertEquals([space.load64le(at), space.upper], [0x5566_7788, 0x1122_3344]);
    assertEquals([space.load64be(at), space.upper], [0x4433_2211, 0x8877_6655]);
    assertEquals(space.loadBig64le(at), 0x1122_3344_5566_7788n);
    assertEquals(space.loadBig64be(at), 0x8877_6655_4433_2211n);
    assertEquals([space.load32le(at), space.load32be(at)], [0x5566_7788, 0x8877_6655]);
    assertEquals([space.load16le(at), space.load16be(at)], [0x7788, 0x8877]);
    assertEquals([space.load8(at), space.load8(at + 7)], [0x88, 0x11]);
    space.storeBig64be(at, 0x0102_0304_0506_0708n);
    assertEquals(space.loadBig64be(at), 0x0102_0304_0506_0708n);
    space.store64be(at, 1, 2);
    assertEquals([space.load64le(at), space.upper], [0x0200_0000, 0x0100_0000]);
    space.storeBig64le(at, 0xfedc_ba98_7654_3210n);
    space.store32be(at, 0xa1b2_c3d4);
    space.store16be(at + 4, 0xe5f6);
    space.store16le(at + 6, 0x0708);
    assertEquals(space.loadBig64be(at), 0xa1b2_c3d4_e5f6_0807n);
    space.store32le(at, 0xa1b2_c3d4);
    space.store8(at + 4, 0x1ff);
    assertEquals(space.loadBig64be(at), 0xd4c3_b2a1_fff6_0807n);
  }
  space.load32le(0x1_fffd); // runs out of the RAM: its bytes and what lies behind
  assertEquals(space.result, DECODE_ERROR);
});

Deno.test("accesses go to memory or to callbacks: RAM, ROM, ROM devices, RAM devices, reserved", () => {
  const { topology, memory, system, space, access } = setUp();
  const at = (ramAddr: bigint) => ({ blockId: 1, ramAddr });
  const { ops, take } = recorder({}, 0x77);
  const rom = topology.initRom("rom", 0x1000, at(0n));
  const romd = topology.initRomDevice("romd", 0x1000, at(0x1000n), ops);
  const ramd = topology.initRamDevice("ramd", 0x1000, at(0x2000n), ops);
  const reserved = topology.initReserved("reserved", 0x1000);
  const plain = topology.initRam("plain", 0x1000, at(0x3000n));
  [rom, romd, ramd, reserved, plain].forEach((region, i) => system.addSubregion(i << 12, region));
  for (const { id } of [romd, ramd]) access.bind(id, ops);
  for (let page = 0; page < 4; page++) memory.setByte(page << 12, 0x10 + page);

  assertEquals([space.load8(0), space.result, space.store8(0, 1)], [0x10, OK, DECODE_ERROR]);
  assertEquals([space.load8(0x1000), take()], [0x11, []]);
  assertEquals([space.store8(0x1000, 1), take()], [OK, ["w1@0=1"]]);
  romd.setRomd(false);
  assertEquals([space.load8(0x1000), take()], [0x77, ["r1@0"]]);
  assertEquals([space.load8(0x2000), take()], [0x77, ["r1@0"]]);
  assertEquals([space.store8(0x2000, 5), take()], [OK, ["w1@0=5"]]);
  assertEquals([space.load8(0x3000), space.result], [0, DECODE_ERROR]);
  assertEquals([space.load8(0x4000), space.result], [0x13, OK]);
  plain.setReadonly(true);
  assertEquals(space.store8(0x4000, 1), DECODE_ERROR);
  assertEquals([0, 1, 2, 3].map((page) => memory.byte(page << 12)), [0x10, 0x11, 0x12, 0x13]);

  romd.setRomd(true);
  assertEquals(space.writeRom(0xfff, Uint8Array.of(0xaa, 0xbb)), OK);
  assertEquals([memory.byte(0xfff), memory.byte(0x1000)], [0xaa, 0xbb]);
  assertEquals(space.writeRom(0x2fff, Uint8Array.of(1, 2)), DECODE_ERROR);
  assertEquals([memory.byte(0x2fff), memory.byte(0x3000), take()], [1, 0x13, []]);
});

Deno.test("a write to logged memory marks what it wrote, after the write", () => {
  const { topology, memory, system, space } = setUp();
  const ram = topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0x4000n });
  system.addSubregion(0x1000, ram);
  space.store32le(0x1010, 1);
  assertEquals(memory.marked, []);
  ram.setLog(true, 2);
  space.store32le(0x1010, 1);
  space.write(0x1020, new Uint8Array(100));
  space.load32le(0x1010);
  const mapping = space.map(0x1100, 0x80, true);
  mapping.unmap(0x40);
  assertEquals(memory.marked, [[0x4010, 4, 4], [0x4020, 100, 4], [0x4100, 0x40, 4]]);
});

Deno.test("a write that matches an ioeventfd is posted: counted, and no callback runs", () => {
  const { arena, topology, system, space, access } = setUp();
  const { ops, take } = recorder();
  const region = topology.initIo("virtio", 0x100, ops);
  access.bind(region.id, ops);
  system.addSubregion(0x1000, region);
  const kick = EventNotifier.create(arena);
  const any = EventNotifier.create(arena);
  space.store16le(0x1050, 1);
  assertEquals(take(), ["w2@50=1"]);
  topology.transaction(() => {
    region.addEventfd(0x50, 2, 1n, kick);
    region.addEventfd(0x60, 0, null, any);
    region.addEventfd(0x70, 4, null, "for listeners alone");
  });
  assertEquals(space.store16le(0x1050, 1), OK);
  space.store16be(0x1050, 0x100); // the same bytes
  space.store16le(0x1050, 2);
  space.store32le(0x1050, 1);
  space.store8(0x1060, 9);
  space.store32le(0x1060, 9);
  space.store32le(0x1070, 9);
  assertEquals([kick.take(), any.take(), kick.take()], [2, 2, 0]);
  assertEquals(take(), ["w2@50=2", "w4@50=1", "w4@70=9"]);
  region.delEventfd(0x50, 2, 1n, kick);
  space.store16le(0x1050, 1);
  assertEquals([kick.take(), take()], [0, ["w2@50=1"]]);
});

Deno.test("a write that the device does not accept is refused, whatever ioeventfd it matches", () => {
  const { arena, topology, system, space, access } = setUp();
  const written: number[] = [];
  const broken = new Error("broken");
  const ops: MemoryRegionOps = {
    write: (_offset, value) => void written.push(value),
    valid: {
      accepts(_offset, _size, isWrite, attrs) {
        if (attrs.secure) throw broken;
        return isWrite && !attrs.user;
      },
    },
  };
  const region = topology.initIo("virtio", 0x100, ops);
  access.bind(region.id, ops);
  system.addSubregion(0x1000, region);
  const kick = EventNotifier.create(arena);
  region.addEventfd(0x10, 4, null, kick);
  assertEquals([space.store32le(0x1010, 5, { user: true }), kick.take()], [DECODE_ERROR, 0]);
  assertEquals([space.store32le(0x1010, 5, { secure: true }), kick.take()], [ERROR, 0]);
  assertEquals([space.store32le(0x1010, 5), kick.take()], [OK, 1]);
  assertEquals([space.store16le(0x1010, 6), kick.take(), written], [OK, 0, [6]]);
});

Deno.test("a device that throws gives an error result, and its error is reported", () => {
  const onDeviceError = spy((_error: unknown) => {});
  const { plug, space } = setUp({ onDeviceError });
  const broken = new Error("broken");
  plug(0x1000, 0x100, {
    read: () => {
      throw broken;
    },
    write: () => {
      throw broken;
    },
  });
  assertEquals([space.load32le(0x1000), space.result], [0, ERROR]);
  assertEquals(space.store32le(0x1000, 1), ERROR);
  const bytes = new Uint8Array(6).fill(1);
  assertEquals(space.read(0xffe, bytes), ERROR | DECODE_ERROR);
  assertEquals(bytes, new Uint8Array(6));
  assertSpyCalls(onDeviceError, 3);
  assert(onDeviceError.calls.every(({ args: [error] }) => error === broken));
});

Deno.test("a device that is entered again through its own memory is refused, a neighbour is not", () => {
  const { plug, space } = setUp();
  const owner = {};
  const seen: unknown[] = [];
  const other = recorder({}, 5);
  plug(0x3000, 0x100, other.ops);
  plug(0x2000, 0x100, { read: () => 1 }, owner);
  plug(0x1000, 0x100, {
    read() {
      seen.push(space.load8(0x1004), space.result); // itself
      seen.push(space.load8(0x2000), space.result); // its other region
      seen.push(space.store8(0x2000, 1));
      seen.push(space.load8(0x3000), space.result); // another device
      return 0x42;
    },
  }, owner);
  assertEquals([space.load8(0x1000), space.result], [0x42, OK]);
  assertEquals(seen, [0, ACCESS_ERROR, 0, ACCESS_ERROR, ACCESS_ERROR, 5, OK]);
  assertEquals([space.load8(0x2000), space.result], [1, OK]); // and is free again
});

Deno.test("a callback may access memory and change the map under the access that called it", () => {
  const { topology, plug, space, system, memory } = setUp();
  system.addSubregion(0x8000, topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0n }));
  const bar: MemoryRegion = plug(0x1000, 4, {
    read(offset) {
      space.store32le(0x8000, 0x0badcafe);
      if (offset === 0) bar.setAddress(0x2000);
      return 0x1234_5678;
    },
  });
  const bytes = new Uint8Array(8);
  assertEquals(space.read(0x1000, bytes), DECODE_ERROR); // the rest is not there any more
  assertEquals(bytes, Uint8Array.of(0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0));
  assertEquals(memory.byte(0), 0xfe);
  assertEquals([space.load32le(0x2000), space.result], [0x1234_5678, OK]);
});

/** A translator from a list of pages. */
function pages(map: Record<number, [translated: number, perm: number, target?: number]>) {
  return {
    translate(address: number | bigint, access: 1 | 2, index: number, answer: IotlbEntry) {
      const page = Number(address) - Number(address) % 0x1000;
      const [translated, perm, target = 7] = map[page + index] ?? [0, 0];
      Object.assign(answer, { target, iova: page, translated, addrMask: 0xfff, perm });
      return (perm & access) !== 0;
    },
  };
}

Deno.test("an access goes through IOMMUs, page by page, with its permission and attributes", () => {
  const { topology, memory, access, system, space } = setUp();
  const at = (ramAddr: bigint) => ({ blockId: 1, ramAddr });
  system.addSubregion(0, topology.initRam("ram", 0x8000, at(0n)));
  const { ops, take } = recorder({}, 0x5a);
  const io = topology.initIo("io", 0x1000, ops);
  access.bind(io.id, ops);
  system.addSubregion(0x9000, io);
  const bus = topology.initContainer("bus", 2n ** 64n);
  const iommu = topology.initIommu("iommu", 2n ** 64n, { translate: () => null as never });
  bus.addSubregion(0, iommu);
  const device = access.attach(topology.createAddressSpace("device", bus).handle);
  assertThrows(() => device.load8(0), FlatViewError, "no translator to IOMMU region");
  access.bindIommu(
    iommu.id,
    pages({ 0: [0x3000, 3], 0x1000: [0x1000, 1], 0x3000: [0x9000, 3], 1: [0x4000, 3] }),
    ({ requesterId = 0 }: MemTxAttrs) => requesterId,
  );
  assertThrows(() => device.load8(0), FlatViewError, "no address space as target");
  access.setTarget(7, space);

  const bytes = Uint8Array.from({ length: 0x10 }, (_, i) => i + 1);
  assertEquals(device.write(0xff8, bytes), DECODE_ERROR); // the second page is readable only
  assertEquals([memory.byte(0x3ff8), memory.byte(0x3fff), memory.byte(0x1000)], [1, 8, 0]);
  memory.setByte(0x1000, 0x99);
  assertEquals(device.load32le(0xffe), 0x0099_0807);
  assertEquals([device.load8(0x2000), device.result], [0, DECODE_ERROR]); // not mapped
  assertEquals([device.load8(0x3004), take()], [0x5a, ["r1@4"]]);
  memory.setByte(0x4010, 0x44);
  assertEquals(device.load8(0x10, { requesterId: 1 }), 0x44);
});

Deno.test("chains of IOMMUs are followed, and an endless one is unassigned", () => {
  const { topology, access, space, system } = setUp();
  system.addSubregion(0, topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0n }));
  space.store8(0x10, 0x21);
  const make = (name: string) => {
    const iommu = topology.initIommu(name, 2n ** 64n, { translate: () => null as never });
    return { iommu, space: access.attach(topology.createAddressSpace(name, iommu).handle) };
  };
  const [first, second] = [make("first"), make("second")];
  access.setTarget(1, space);
  access.setTarget(2, second.space);
  access.setTarget(3, first.space);
  access.bindIommu(first.iommu.id, pages({ 0: [0x5000, 3, 2], 0x1000: [0x6000, 3, 2] }));
  access.bindIommu(second.iommu.id, pages({ 0x5000: [0, 3, 1], 0x6000: [0x1000, 3, 3] }));
  assertEquals([first.space.load8(0x10), first.space.result], [0x21, OK]);
  assertEquals([first.space.load8(0x1010), first.space.result], [0, DECODE_ERROR]);
});

Deno.test("a translation says where an access goes, for as long as its section", () => {
  const { topology, reader, system, space } = setUp();
  const ram = topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0n });
  system.addSubregion(0x1000, ram);
  const section = reader.lock();
  const found = space.translate(section, 0x1ff0, 0x100, true);
  assertEquals([found.region, found.offset, found.length], [ram.id, 0xff0, 0x10]);
  assertEquals([found.direct, found.space, found.address], [true, "memory", 0x1ff0]);
  const hole = space.translate(section, 0x5000, 0x100, false);
  assertEquals([hole.region, hole.length, hole.direct], [0, 0x100, false]);
  section.unlock();
  assertThrows(() => found.region, FlatViewError, "in which it was made is over");
  assertThrows(() => space.translate(section, 0, 1, false), Error, "section of this guard is over");
});

Deno.test("all 64 address bits, and offsets beyond 2^53", () => {
  const { topology, system, space, access } = setUp();
  const top = 2n ** 64n - 0x1000n;
  system.addSubregion(top, topology.initRam("top", 0x1000, { blockId: 1, ramAddr: 0n }));
  const { ops, take } = recorder({}, 3);
  const wide = topology.initIo("wide", 2n ** 63n, ops);
  access.bind(wide.id, ops);
  system.addSubregion(0, topology.initAlias("window", 0x1000, wide, 2n ** 62n));
  system.addSubregion(2n ** 60n, topology.initAlias("low", 0x1000, wide, 0));
  assertEquals(space.store32le(top + 0xffcn, 0xdead_beef), OK);
  assertEquals(space.load32le(2n ** 64n - 4n), 0xdead_beef);
  assertThrows(() => space.load32le(2n ** 64n - 3n), FlatViewError, "Cannot access");
  assertThrows(
    () => space.write(2n ** 64n - 3n, new Uint8Array(4)),
    FlatViewError,
    "Cannot access",
  );
  for (const wrong of [-1, 0.5, 2 ** 53, NaN]) {
    assertThrows(() => space.load8(wrong), FlatViewError, "Cannot use");
  }
  space.load8(0x10);
  space.store8(2n ** 60n + 0x10n, 1);
  assertEquals(take(), ["r1@4000000000000010", "w1@10=1"]);
});

Deno.test("misuse is a named error", () => {
  const { arena, domain, topology, reader, system, space, access } = setUp();
  const elsewhere = topology.initIo("elsewhere", 0x10, {}, { context: 12345 });
  const mine = topology.initIo("mine", 0x10, {});
  const bare = topology.initRam("bare", 0x1000, { blockId: 1, ramAddr: 0x100_0000n });
  system.addSubregion(0, elsewhere);
  system.addSubregion(0x10, mine);
  system.addSubregion(0x1000, bare);
  assertThrows(() => space.load8(0), FlatViewError, "no MMIO channel");
  assertThrows(() => space.load8(0x10), FlatViewError, "bound no callbacks");
  assertThrows(() => space.load8(0x1000), FlatViewError, "no block of guest memory");
  assertThrows(() => access.poll(), FlatViewError, "no MMIO channel");
  assertThrows(() => access.attach({ kind: "x" } as never), Error, "Cannot attach");
  const second = new Topology({ arena, domain });
  const { handle } = second.createAddressSpace("second", second.initContainer("second", 1));
  assertThrows(() => access.attach(handle), FlatViewError, "another topology");
  assert(!reader.inSection); // each of them has left its section
  const other = new MemoryAccess({
    arena,
    reader,
    memory: FlatMemory.create(1),
    channel: MmioChannel.create(arena),
  });
  const view = other.attach(topology.addressSpaces[0]!.handle);
  const section = reader.lock();
  assertThrows(() => view.load8(0), WaitInSectionError, "a device in another context");
  section.unlock();
  assertEquals([view.load8(0), view.result], [0, ERROR]); // the context is not there
});
