/** Disks, networks and entropy behind the registers of virtio-mmio, driven as a driver does it. */

import { assert, assertEquals } from "@std/assert";
import type { MemoryRegionOps } from "@guestmem/flatview";
import { type DiskImage, VirtioBlock } from "./block.ts";
import { VirtioEntropy } from "./entropy.ts";
import { MmioTransport } from "./mmio_transport.ts";
import { VirtioNetwork } from "./network.ts";
import { type Descriptor, TestDriver, TestMemory } from "./test_driver.ts";
import { STATUS, type VirtioKind } from "./virtio_device.ts";

const SIZE = 16;
const HEADER = 0x8000, DATA = 0x9000, RESULT = 0xf000;
const SECTOR = 512;

/** A device with its driver: features accepted, queues set up. */
class Rig {
  readonly memory = new TestMemory();
  readonly transport: MmioTransport;
  readonly drivers: readonly TestDriver[];
  line = false;

  constructor(kind: VirtioKind) {
    this.transport = new MmioTransport(kind, this.memory, (isUp) => this.line = isUp);
    this.drivers = Array.from(
      { length: kind.queues },
      (_, queue) => new TestDriver(this.memory, SIZE, 0x1000 + queue * 0x2000),
    );
    this.write(0x70, 1 | 2);
    this.write(0x24, 1);
    this.write(0x20, 1); // VERSION_1
    this.write(0x70, 1 | 2 | STATUS.FEATURES_OK);
    assert(this.read(0x70) & STATUS.FEATURES_OK);
    this.drivers.forEach(({ layout }, queue) => {
      this.write(0x30, queue);
      this.write(0x38, SIZE);
      this.write(0x80, Number(layout.descriptors));
      this.write(0x90, Number(layout.available));
      this.write(0xa0, Number(layout.used));
      this.write(0x44, 1);
    });
    this.write(0x70, 1 | 2 | STATUS.FEATURES_OK | STATUS.DRIVER_OK);
  }

  get #ops(): Required<Pick<MemoryRegionOps, "read" | "write">> {
    return this.transport.ops as Required<Pick<MemoryRegionOps, "read" | "write">>;
  }

  read(register: number, size = 4): number {
    return Number(this.#ops.read(register, size, {}));
  }

  write(register: number, value: number): void {
    this.#ops.write(register, value, 4, {}, 0);
  }

  /** Offers a chain and notifies. @returns What came back, and whether an interrupt did. */
  request(queue: number, descriptors: readonly Descriptor[]) {
    const driver = this.drivers[queue]!;
    driver.chain(0, descriptors);
    driver.offer(0);
    this.write(0x50, queue);
    return driver.collect();
  }

  get needsReset(): boolean {
    return (this.read(0x70) & STATUS.NEEDS_RESET) !== 0;
  }
}

function disk(isReadOnly = false) {
  const bytes = new Uint8Array(64 * SECTOR).map((_, index) => index / SECTOR);
  const log: string[] = [];
  const image: DiskImage = {
    bytes: bytes.length + 100, // not a whole sector
    isReadOnly,
    read(offset, into) {
      if (offset === 13 * SECTOR) throw new Error("planted");
      into.set(bytes.subarray(offset, offset + into.length));
    },
    write(offset, from) {
      bytes.set(from, offset);
    },
    flush: () => void log.push("flush"),
  };
  return { image, bytes, log };
}

/** A request to a disk. @returns Its result byte, and how much was written. */
function blockRequest(rig: Rig, type: number, sector: number, data: Descriptor | null) {
  rig.memory.view.setUint32(HEADER, type, true);
  rig.memory.view.setBigUint64(HEADER + 8, BigInt(sector), true);
  rig.memory.bytes[RESULT] = 0xff;
  const back = rig.request(0, [
    { address: HEADER, length: 16 },
    ...(data ? [data] : []),
    { address: RESULT, length: 1, isWritable: true },
  ]);
  return [rig.memory.bytes[RESULT], back[0]?.[1]];
}

Deno.test("a disk shows its size, reads, writes, flushes and tells its serial number", () => {
  const { image, bytes, log } = disk();
  const rig = new Rig(new VirtioBlock(image, "serial"));
  assertEquals(rig.read(0x100), 64);
  const into = { address: DATA, length: 2 * SECTOR, isWritable: true };
  assertEquals(blockRequest(rig, 0, 3, into), [0, 2 * SECTOR + 1]);
  assertEquals([rig.memory.bytes[DATA], rig.memory.bytes[DATA + SECTOR]], [3, 4]);
  assert(rig.line);
  rig.write(0x64, 1);
  assert(!rig.line);
  rig.memory.bytes.fill(0x77, DATA, DATA + SECTOR);
  assertEquals(blockRequest(rig, 1, 5, { address: DATA, length: SECTOR }), [0, 1]);
  assert(bytes.subarray(5 * SECTOR, 6 * SECTOR).every((byte) => byte === 0x77));
  assertEquals(bytes[6 * SECTOR], 6);
  assertEquals(blockRequest(rig, 4, 0, null), [0, 1]);
  assertEquals(log, ["flush"]);
  assertEquals(blockRequest(rig, 8, 0, { address: DATA, length: 20, isWritable: true }), [0, 21]);
  assertEquals(new TextDecoder().decode(rig.memory.bytes.subarray(DATA, DATA + 7)), "serial\0");
});

Deno.test("a disk refuses what it cannot do, and goes on", () => {
  const rig = new Rig(new VirtioBlock(disk(true).image, ""));
  const into = (length: number) => ({ address: DATA, length, isWritable: true });
  assert(rig.read(0x10) & 1 << 5, "read-only is offered");
  assertEquals(blockRequest(rig, 0, 63, into(2 * SECTOR)), [1, 1], "past the end");
  assertEquals(blockRequest(rig, 0, 2 ** 54, into(SECTOR)), [1, 1]);
  assertEquals(blockRequest(rig, 0, 0, into(SECTOR + 1)), [1, 1], "no whole sector");
  assertEquals(blockRequest(rig, 1, 0, { address: DATA, length: SECTOR }), [1, 1], "read-only");
  assertEquals(blockRequest(rig, 0, 13, into(SECTOR)), [1, 1], "the image failed");
  assertEquals(blockRequest(rig, 99, 0, null), [2, 1], "unknown");
  assertEquals(blockRequest(rig, 0, 0, into(SECTOR)), [0, SECTOR + 1]);
});

Deno.test("a request that breaks the rules stops the device until it is reset", () => {
  const rig = new Rig(new VirtioBlock(disk().image, ""));
  assertEquals(rig.request(0, [{ address: HEADER, length: 16 }]), [], "no room for the result");
  assert(rig.needsReset);
  assert(rig.line);
  assertEquals(rig.read(0x60), 2);
  assertEquals(rig.request(0, [{ address: HEADER, length: 16 }]), [], "it serves no more");
  rig.write(0x70, 0);
  assert(!rig.needsReset);
  assert(!rig.line);
  assertEquals(rig.read(0x44), 0, "no queue is enabled");
});

Deno.test("a buffer where no memory is stops the device", () => {
  const rig = new Rig(new VirtioBlock(disk().image, ""));
  blockRequest(rig, 0, 0, { address: 1 << 20, length: SECTOR, isWritable: true });
  assert(rig.needsReset);
});

Deno.test("a network sends frames, and keeps those that come until there is a buffer", () => {
  const sent: Uint8Array[] = [];
  const mac = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
  const network = new VirtioNetwork({ send: (frame) => void sent.push(frame) }, mac);
  const rig = new Rig(network);
  assertEquals([...Array(6).keys()].map((byte) => rig.read(0x100 + byte, 1)), [...mac]);
  rig.memory.bytes.set([1, 2, 3], DATA);
  const header = { address: HEADER, length: 12 };
  assertEquals(rig.request(1, [header, { address: DATA, length: 3 }]), [[0, 0]]);
  assertEquals(sent, [Uint8Array.of(1, 2, 3)]);

  network.receive(Uint8Array.of(7, 8, 9, 10));
  rig.transport.device.serve(0);
  assertEquals(rig.drivers[0]!.collect(), [], "no buffer yet");
  const buffers = [
    { address: HEADER, length: 12, isWritable: true },
    { address: DATA, length: 100, isWritable: true },
  ];
  assertEquals(rig.request(0, buffers), [[0, 16]]);
  assertEquals([...rig.memory.bytes.subarray(DATA, DATA + 4)], [7, 8, 9, 10]);
  assertEquals(rig.memory.bytes[HEADER + 10], 1);
  assertEquals(rig.request(0, buffers), [], "nothing has come");
  network.receive(Uint8Array.of(1));
  rig.transport.device.serve(0);
  assertEquals(rig.drivers[0]!.collect(), [[0, 13]]);
});

Deno.test("a full network card drops frames", () => {
  const network = new VirtioNetwork({ send: () => {} }, new Uint8Array(6));
  const rig = new Rig(network);
  for (let frame = 0; frame < 1000; frame++) network.receive(Uint8Array.of(frame));
  network.receive(new Uint8Array(4000));
  let received = 0;
  const buffer = [{ address: DATA, length: 2000, isWritable: true }];
  while (rig.request(0, buffer).length) received++;
  assertEquals(received, 256);
});

Deno.test("entropy fills buffers, up to 64 KiB", () => {
  const rig = new Rig(new VirtioEntropy());
  assertEquals(rig.request(0, [{ address: DATA, length: 64, isWritable: true }]), [[0, 64]]);
  const bytes = rig.memory.bytes.subarray(DATA, DATA + 64);
  assert(new Set(bytes).size > 16);
});

Deno.test("registers: identity, features in halves, queue sizes that are refused", () => {
  const { transport } = new Rig(new VirtioEntropy());
  const read = (register: number, size = 4) => Number(transport.ops.read!(register, size, {}));
  const write = (register: number, value: number) =>
    transport.ops.write!(register, value, 4, {}, 0);
  assertEquals([0, 4, 8, 12].map((register) => read(register)), [
    0x74726976,
    2,
    4,
    0x554d4551,
  ]);
  write(0x70, 0);
  for (const [select, features] of [[0, 3 << 28], [1, 1], [2, 0]] as const) {
    write(0x14, select);
    assertEquals(read(0x10), features);
  }
  const { registers } = transport.device;
  for (const size of [0, 3, 257, 512]) write(0x38, size);
  assertEquals(registers[0]!.size, 256);
  write(0x38, 64);
  assertEquals(registers[0]!.size, 64);
  write(0x30, 9);
  assertEquals(read(0x34), 0, "there is no such queue");
  assertEquals(read(0, 2), 0, "registers have four bytes");
  write(0x70, 1 | STATUS.FEATURES_OK);
  assertEquals(read(0x70), 1, "a driver before version 1 is not served");
});
