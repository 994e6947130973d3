/**
 * What a load of 32 bits costs, by the way that it takes, against what a user could have instead.
 * Each way has its own loop: a shared one would see many shapes and be optimized for none.
 */
import { TestWorkers } from "#tools/testing/workers.ts";
import { Arena, Mutex, RcuDomain } from "@guestmem/rcu";
import { FlatMemory } from "../model/flat_memory.ts";
import { Topology } from "../topology/topology.ts";
import { Tlb } from "../vcpu/tlb.ts";
import type { Setup } from "./access_bench_test_worker.ts";
import { MemoryAccess } from "./memory_access.ts";
import { MmioChannel } from "./mmio/mmio_channel.ts";

const GIB = 2 ** 30;
/** Memory that addresses are taken from: what a TLB of 1024 entries holds. */
const SPAN = 2 ** 21;
const COUNT = 1 << 14;

const arena = Arena.create({ bytes: 1 << 22 });
const domain = RcuDomain.create(arena);
const topology = new Topology({ arena, domain });
const memory = FlatMemory.create(64);
const channel = MmioChannel.create(arena);
const access = new MemoryAccess({ arena, reader: domain.register(), memory, channel });
const system = topology.initContainer("system", 2n ** 64n);
const backing = { blockId: 1, ramAddr: 0n };
const low = topology.initRam("low", SPAN, backing);
const high = topology.initRam("high", SPAN, backing);
const registers = topology.initIo("registers", 0x1000, {});
system.addSubregion(0x10_0000, low);
system.addSubregion(5 * GIB, high);
system.addSubregion(0x40_0000, topology.initRom("rom", 0x1000, backing));
system.addSubregion(0xfee0_0000, registers);
for (let i = 0; i < 60; i++) {
  system.addSubregion(0xe000_0000 + i * 0x4000, topology.initIo(`device${i}`, 0x4000, {}));
}
const bar = topology.initIo("bar", 0x1000, {});
system.addSubregion(0xd000_0000, bar);
access.bind(registers.id, { read: () => 1 });
const addressSpace = topology.createAddressSpace("memory", system);
const space = access.attach(addressSpace.handle);

const workers = new TestWorkers();
const server = workers.spawn<Setup>(import.meta.resolve("./access_bench_test_worker.ts"), {
  arena: arena.handle,
  domain: domain.handle,
  channel: channel.handle,
  memory: memory.handle,
});
const remote = topology.initIo("remote", 4, {}, { context: await server.call("token") });
system.addSubregion(0xfed0_0000, remote);
server.expectDeath();
server.call("serve", remote.id).catch(() => {}); // it ends when it is idle

let sink = 0;

const offsets = Uint32Array.from(
  { length: COUNT },
  (_, i) => Math.imul(i, 0x9e37_79b1) >>> 11 & ~3,
);
const below = offsets.map((offset) => offset + 0x10_0000);
const above = Float64Array.from(offsets, (offset) => offset + 5 * GIB);

/** RAM as one array, its bounds checked as an emulator has to. */
class PlainArray {
  readonly words = new Int32Array(SPAN);
  load32(address: number): number {
    if (address < 0x10_0000 || address >= 0x10_0000 + SPAN) throw new RangeError();
    return this.words[(address - 0x10_0000) >>> 2]!;
  }
}
const plain = new PlainArray();

/** Blocks of 128 KiB, each either memory or a function: what v86 has. */
class BlockTable {
  readonly words = new Int32Array(SPAN);
  readonly readers: ((address: number) => number)[] = [];
  load32(address: number): number {
    const reader = this.readers[address >>> 17];
    return reader === undefined ? this.words[(address - 0x10_0000) >>> 2]! : reader(address);
  }
}
const blocks = new BlockTable();

/** Ranges sorted by address. */
class SortedRanges {
  readonly words = new Int32Array(SPAN);
  readonly starts = Float64Array.from(addressSpace.view.ranges(), ({ first }) => Number(first));
  load32(address: number): number {
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    return this.words[(address - this.starts[low - 1]!) >>> 2]!;
  }
}
const sorted = new SortedRanges();
const locked = new SortedRanges();
const mutex = Mutex.create(arena);

const each = `of ${COUNT} loads`;
const farRam = { group: `RAM above 4 GiB, ${each}` };
const plainFar = new PlainArray();
Deno.bench("a typed array, bounds checked (below)", { ...farRam, baseline: true }, () => {
  for (let i = 0; i < COUNT; i++) sink += plainFar.load32(below[i]!);
});
const farTlb = new Tlb(space);
Deno.bench("a TLB hit (above)", farRam, () => {
  farTlb.lock();
  for (let i = 0; i < COUNT; i++) sink += farTlb.load32(above[i]!);
  farTlb.unlock();
});

const ram = { group: `RAM below 4 GiB, ${each}` };
Deno.bench("a typed array, bounds checked", { ...ram, baseline: true }, () => {
  for (let i = 0; i < COUNT; i++) sink += plain.load32(below[i]!);
});
const tlb = new Tlb(space);
Deno.bench("a TLB hit", ram, () => {
  tlb.lock();
  for (let i = 0; i < COUNT; i++) sink += tlb.load32(below[i]!);
  tlb.unlock();
});
const signedTlb = new Tlb(space);
Deno.bench("a TLB hit, signed", ram, () => {
  signedTlb.lock();
  for (let i = 0; i < COUNT; i++) sink += signedTlb.loadInt32(below[i]!);
  signedTlb.unlock();
});
Deno.bench("a table of blocks", ram, () => {
  for (let i = 0; i < COUNT; i++) sink += blocks.load32(below[i]!);
});
Deno.bench("a sorted array, re-sent on each change", ram, () => {
  for (let i = 0; i < COUNT; i++) sink += sorted.load32(below[i]!);
});
Deno.bench("a sorted array under a mutex", ram, () => {
  for (let i = 0; i < COUNT; i++) {
    mutex.lock();
    sink += locked.load32(below[i]!);
    mutex.unlock();
  }
});
Deno.bench("through the dispatch, a section each", ram, () => {
  for (let i = 0; i < COUNT; i++) sink += space.load32le(below[i]!);
});
const cache = space.cache(0x10_0000, SPAN, false);
Deno.bench("through a cached translation, a section each", ram, () => {
  for (let i = 0; i < COUNT; i++) sink += cache.load32le(offsets[i]!);
});

const miss = { group: "a TLB of one entry, of 256 loads" };
const [oneEntry, oneEntryHit] = [new Tlb(space, 1), new Tlb(space, 1)];
Deno.bench("a hit", { ...miss, baseline: true }, () => {
  oneEntryHit.lock();
  for (let i = 0; i < 256; i++) sink += oneEntryHit.load32(0x10_0000 + i * 4);
  oneEntryHit.unlock();
});
Deno.bench("a miss", miss, () => {
  oneEntry.lock();
  for (let i = 0; i < 256; i++) sink += oneEntry.load32(0x10_0000 + (i % 2) * 0x1000);
  oneEntry.unlock();
});
const romTlb = new Tlb(space);
Deno.bench("a store to ROM", miss, () => {
  romTlb.lock();
  for (let i = 0; i < 256; i++) romTlb.store32(0x40_0000, i);
  romTlb.unlock();
});

const change = { group: "a change of the map" };
const { port1, port2 } = new MessageChannel();
port1.onmessage = null;
let moves = 0;
Deno.bench("a sorted array re-sent to one worker", { ...change, baseline: true }, () => {
  port1.postMessage(sorted.starts);
});
Deno.bench("a commit", change, () => {
  bar.setAddress(0xd000_0000 + (++moves % 2) * 0x1_0000);
  if (moves % 64 === 0) domain.barrier();
});
port2.close();

// Last: the worker that serves takes a core, and what follows would be measured unevenly.
const io = { group: "a device's register, one load" };
Deno.bench("a callback called by hand", { ...io, baseline: true }, () => {
  sink += Number(registers.ops!.read?.(0, 4, {}) ?? 1);
});
Deno.bench("in place", io, () => {
  sink += space.load32le(0xfee0_0000);
});
Deno.bench("in another worker", io, () => {
  sink += space.load32le(0xfed0_0000);
});
