/** Configuration space, BARs and interrupts of PCI functions, compared with QEMU's. */

import { assertEquals } from "@std/assert";
import { type MemoryRegionOps, Topology } from "@guestmem/flatview";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { TestDriver, TestMemory } from "../virtio/test_driver.ts";
import { type DiskImage, VirtioBlock } from "../virtio/block.ts";
import { VirtioEntropy } from "../virtio/entropy.ts";
import { VirtioNetwork } from "../virtio/network.ts";
import { PciTransport } from "../virtio/pci_transport.ts";
import type { VirtioKind } from "../virtio/virtio_device.ts";
import { PciBus } from "./pci_bus.ts";

const DISK: DiskImage = {
  bytes: 8 << 20,
  isReadOnly: false,
  read: () => {},
  write: () => {},
  flush: () => {},
};
const COMMAND = 4, BAR1 = 0x14, BAR4 = 0x20;

/** A bus with one device in slot 1, and the map that it is seen through. */
function board(kind: VirtioKind) {
  const arena = Arena.create({ bytes: 1 << 22 });
  const topology = new Topology({ arena, domain: RcuDomain.create(arena) });
  const memory = topology.initContainer("gpex_mmio", 2n ** 64n);
  const space = topology.createAddressSpace("memory", memory);
  const lines = [false, false, false, false];
  const bus = new PciBus((line, isUp) => lines[line] = isUp);
  const seen = { isMaster: false };
  const dma = new TestMemory();
  const windows = new Map<string, MemoryRegionOps>();
  const transport = new PciTransport(kind, dma, {
    container: (name, bytes) => topology.initContainer(name, bytes),
    io: (name, bytes, ops) => {
      windows.set(name, ops);
      return topology.initIo(name, bytes, ops);
    },
  }, {
    memory,
    transaction: (change) => topology.transaction(change),
    setInterrupt: (isUp) => bus.setInterrupt(1, isUp),
    setMaster: (isMaster) => seen.isMaster = isMaster,
  });
  bus.plug(1, transport);
  const at = (slot: number, register: number) => slot * 0x8000 + register;
  const read = (register: number, size = 4, slot = 1) =>
    Number(bus.ops.read!(at(slot, register), size, {}));
  const write = (register: number, value: number, size = 4, slot = 1) =>
    void bus.ops.write!(at(slot, register), value, size, {}, 0);
  const view = () =>
    space.view.ranges().map(({ first, last, region }) =>
      `${first.toString(16)}-${last.toString(16)} ${region.name}`
    );
  const window = (name: string, offset: number, value: number) =>
    void windows.get(name)!.write!(offset, value, 4, {}, 0);
  const readWindow = (name: string, offset: number) =>
    Number(windows.get(name)!.read!(offset, 4, {}));
  return { transport, bus, lines, seen, dma, read, write, view, window, readWindow };
}

/** All 64 words of a function's configuration, as QEMU 7.2's monitor prints them, zeros left out. Its disk has a
 * queue for each hart and so another number of vectors. */
const QEMU: Record<string, [kind: () => VirtioKind, words: Record<number, number>]> = {
  "virtio-blk-pci": [() => new VirtioBlock(DISK, ""), {
    0x00: 0x10421af4,
    0x08: 0x01000001,
    0x98: 0x00018411,
  }],
  "virtio-rng-pci": [() => new VirtioEntropy(), {
    0x00: 0x10441af4,
    0x08: 0x00ff0001,
    0x98: 0x00018411,
  }],
  "virtio-net-pci": [
    () => new VirtioNetwork({ send: () => {} }, new Uint8Array(6)),
    { 0x00: 0x10411af4, 0x08: 0x02000001, 0x98: 0x00038411 },
  ],
};
const QEMU_COMMON: Record<number, number> = {
  0x04: 0x00100000,
  0x20: 0x0000000c,
  0x2c: 0x11001af4,
  0x34: 0x00000098,
  0x3c: 0x00000100,
  0x40: 0x01100009,
  0x44: 0x00000004,
  0x4c: 0x00001000,
  0x50: 0x03104009,
  0x54: 0x00000004,
  0x58: 0x00001000,
  0x5c: 0x00001000,
  0x60: 0x04105009,
  0x64: 0x00000004,
  0x68: 0x00002000,
  0x6c: 0x00001000,
  0x70: 0x02146009,
  0x74: 0x00000004,
  0x78: 0x00003000,
  0x7c: 0x00001000,
  0x80: 0x00000004,
  0x84: 0x05147009,
  0x9c: 0x00000001,
  0xa0: 0x00000801,
};

for (const [name, [kind, own]] of Object.entries(QEMU)) {
  Deno.test(`the configuration of ${name} is QEMU's`, () => {
    const { read } = board(kind());
    for (let register = 0; register < 256; register += 4) {
      assertEquals(
        read(register),
        own[register] ?? QEMU_COMMON[register] ?? 0,
        register.toString(16),
      );
    }
  });
}

Deno.test("what can be written is what QEMU lets be written", () => {
  const { read, write } = board(new VirtioEntropy());
  for (let register = 0; register < 256; register += 4) write(register, 0xffff_ffff);
  const written: Record<number, number> = {
    0x04: 0x00100507,
    0x0c: 0x000000ff,
    [BAR1]: 0xfffff000,
    [BAR4]: 0xffffc00c,
    0x24: 0xffffffff,
    0x3c: 0x000001ff,
    0x88: 0x000000ff,
    0x8c: 0xffffffff,
    0x98: 0xc0018411,
    0xfc: 0xffffffff,
  };
  for (const [register, value] of Object.entries(written)) {
    assertEquals(read(Number(register)), value, Number(register).toString(16));
  }
});

Deno.test("BARs appear where the guest puts them, move, and go", () => {
  const { read, write, view, transport } = board(new VirtioEntropy());
  assertEquals(view(), []);
  write(BAR1, 0xffff_ffff);
  assertEquals(read(BAR1), 0xffff_f000, "4 KiB");
  write(BAR1, 0x4000_0000);
  write(BAR4, 0x1000_4000);
  write(BAR4 + 4, 4);
  assertEquals(view(), [], "memory is off");
  write(COMMAND, 2, 2);
  assertEquals(view(), [
    "40000000-4000001f msix-table",
    "40000800-40000807 msix-pba",
    "410004000-410004fff virtio-pci-common-virtio-rng",
    "410005000-410005fff virtio-pci-isr-virtio-rng",
    "410006000-410006fff virtio-pci-device-virtio-rng",
    "410007000-410007fff virtio-pci-notify-virtio-rng",
  ]);
  write(BAR4, 0x1000_8000);
  assertEquals(transport.function.address(4), 0x410008000n);
  assertEquals(view()[2], "410008000-410008fff virtio-pci-common-virtio-rng");
  write(BAR1, 0);
  assertEquals(view().length, 4, "address 0 is nowhere");
  write(BAR1, 0xffff_f000);
  assertEquals(view().length, 4, "and so is the end of what 32 bits reach");
  write(COMMAND, 0, 2);
  assertEquals(view(), []);
});

Deno.test("the lines are shared by devices, and pin A of device 1 is line 1", () => {
  const { transport, bus, lines, read, write } = board(new VirtioEntropy());
  transport.function.setInterrupt(true);
  assertEquals(lines, [false, true, false, false]);
  assertEquals(read(6, 2) & 8, 8);
  bus.setInterrupt(5, true);
  transport.function.setInterrupt(false);
  assertEquals(lines[1], true, "device 5 holds it");
  bus.setInterrupt(5, false);
  assertEquals(lines[1], false);
  transport.function.setInterrupt(true);
  write(COMMAND, 0x400, 2);
  assertEquals(lines[1], false, "switched off");
  assertEquals(read(6, 2) & 8, 8, "and still to be seen");
  write(COMMAND, 0, 2);
  assertEquals(lines[1], true);
  bus.unplug(1);
  assertEquals(lines[1], false);
  assertEquals(read(0), 0xffff_ffff);
});

Deno.test("slots, functions and offsets without a device read as ones", () => {
  const { bus, read } = board(new VirtioEntropy());
  assertEquals(read(0, 4, 0), 0x0008_1b36);
  assertEquals(read(0, 2, 2), 0xffff);
  assertEquals(read(0x1000, 4, 1), 0xffff_ffff, "function 1");
  assertEquals(read(0x100, 4, 1), 0, "no extended space");
  assertEquals(Number(bus.ops.read!(0xfff_f000, 4, {})), 0xffff_ffff, "another bus");
  assertEquals(bus.freeSlot(), 2);
});

Deno.test("accesses of all sizes and offsets are those of the bytes", () => {
  const { read } = board(new VirtioEntropy());
  const bytes = Array.from({ length: 256 }, (_, register) => read(register, 1));
  for (const size of [1, 2, 4]) {
    for (let register = 0; register < 256; register++) {
      let value = 0;
      for (let byte = size; byte-- > 0;) value = value * 256 + (bytes[register + byte] ?? 0);
      assertEquals(read(register, size), value);
    }
  }
});

/** The device's queue 0 set up through the common window, with a vector, and a driver for it. */
function started({ dma, window }: ReturnType<typeof board>, vector: number) {
  const driver = new TestDriver(dma, 8, 0x1000);
  const common = (offset: number, value: number) =>
    window("virtio-pci-common-virtio-rng", offset, value);
  common(20, 3);
  common(8, 1);
  common(12, 1);
  common(20, 3 | 8);
  common(22, 0);
  common(24, 8);
  common(26, vector);
  common(32, Number(driver.layout.descriptors));
  common(40, Number(driver.layout.available));
  common(48, Number(driver.layout.used));
  common(28, 1);
  common(20, 3 | 8 | 4);
  driver.chain(0, [{ address: 0x8000, length: 4, isWritable: true }]);
  return () => {
    driver.offer(0);
    window("virtio-pci-notify-virtio-rng", 0, 0);
    return driver.collect();
  };
}

Deno.test("a device behind PCI answers, and reading the ISR lowers its interrupt", () => {
  const it = board(new VirtioEntropy());
  const request = started(it, 0xffff);
  assertEquals(request(), [[0, 4]]);
  assertEquals(it.lines[1], true);
  assertEquals(it.readWindow("virtio-pci-isr-virtio-rng", 0), 1);
  assertEquals(it.lines[1], false);
  assertEquals(it.readWindow("virtio-pci-isr-virtio-rng", 0), 0);
});

Deno.test("MSI-X sends the message of a vector, at once or when it is unmasked", () => {
  const it = board(new VirtioEntropy());
  const message = () => {
    const value = it.dma.view.getUint32(0x5000, true);
    it.dma.view.setUint32(0x5000, 0, true);
    return value;
  };
  it.write(0x98, 0x8000_0000);
  const request = started(it, 1);
  for (const [word, value] of [[0, 0x5000], [4, 0], [8, 0x1234]] as const) {
    it.window("msix-table", 16 + word, value);
  }
  request();
  assertEquals([message(), it.readWindow("msix-pba", 0)], [0, 2], "masked, and pending");
  it.window("msix-table", 28, 0);
  assertEquals([message(), it.readWindow("msix-pba", 0)], [0x1234, 0]);
  request();
  assertEquals(message(), 0x1234);
  assertEquals(it.lines[1], false, "no line");
  it.write(0x98, 0xc000_0000);
  request();
  assertEquals(message(), 0, "all masked");
  it.write(0x98, 0x8000_0000);
  assertEquals(message(), 0x1234);
});

Deno.test("the guest says whether the device masters the bus", () => {
  const { seen, write } = board(new VirtioEntropy());
  write(COMMAND, 4, 2);
  assertEquals(seen.isMaster, true);
  write(COMMAND, 0, 2);
  assertEquals(seen.isMaster, false);
});

Deno.test("the windows are reached through the configuration as well", () => {
  const { read, write, transport } = board(new VirtioEntropy());
  write(0x8c, 18);
  write(0x90, 2);
  assertEquals(read(0x94), 1, "one queue");
  write(0x8c, 20);
  write(0x90, 1);
  write(0x94, 3);
  assertEquals(transport.device.status, 3);
  assertEquals(read(0x94, 1), 3);
  write(0x90, 3);
  write(0x94, 0);
  assertEquals(transport.device.status, 3, "no access has three bytes");
});
