/**
 * What resolving a guest page costs, against what a user could have instead: a sorted array of ranges, and
 * the map itself without a resolver.
 */
import { Arena, RcuDomain } from "@guestmem/rcu";
import { MemoryAccess } from "../access/memory_access.ts";
import { FlatMemory } from "../model/flat_memory.ts";
import { Topology } from "../topology/topology.ts";
import { PageResolver } from "./page_resolver.ts";

const COUNT = 1 << 14;
const PAGE = 4096;
const MIB = 2 ** 20;

const arena = Arena.create({ bytes: 1 << 22 });
const domain = RcuDomain.create(arena);
const topology = new Topology({ arena, domain });
const memory = FlatMemory.create(1024);
const access = new MemoryAccess({ arena, reader: domain.register(), memory });
const system = topology.initContainer("system", 2n ** 64n);
const ram = (ramAddr: number, size: number) =>
  topology.initRam(`ram@${ramAddr}`, size, { blockId: 1, ramAddr });
system.addSubregion(0, ram(0, 32 * MIB));
system.addSubregion(2 ** 32, ram(32 * MIB, 16 * MIB));
system.addSubregion(
  0xfffc_0000,
  topology.initRom("rom", 0x4_0000, { blockId: 1, ramAddr: 48 * MIB }),
);
for (let i = 0; i < 60; i++) {
  system.addSubregion(0xe000_0000 + i * 0x4000, topology.initIo(`device${i}`, 0x4000, {}));
}
const addressSpace = topology.createAddressSpace("memory", system);
const space = access.attach(addressSpace.handle);

const hash = (i: number) => Math.imul(i, 0x9e37_79b1) >>> 0;
/** Pages of one range, in no order. */
const near = Float64Array.from({ length: COUNT }, (_, i) => hash(i) % (32 * MIB / PAGE));
/** The same, every fourth page in a second range and every fourth in a third. */
const mixed = near.map((page, i) =>
  i % 4 === 1 ? 2 ** 20 + page % 4096 : i % 4 === 2 ? 0xfffc_0000 / PAGE + page % 64 : page
);
/** Pages of 60 devices. */
const devices = near.map((page) => 0xe_0000 + page % 240);

/** Ranges sorted by address, which a worker is sent anew at each change. */
class SortedRanges {
  readonly starts = Float64Array.from(
    addressSpace.view.ranges(),
    ({ first }) => Number(first) / PAGE,
  );
  find(page: number): number {
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle]! <= page) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

let sink = 0;
for (
  const [name, pages] of [
    ["one range", near],
    ["three ranges", mixed],
    ["60 devices", devices],
  ] as const
) {
  const group = `${COUNT} pages of ${name}`;
  const sorted = new SortedRanges();
  Deno.bench(`a sorted array, re-sent on each change: ${name}`, { group, baseline: true }, () => {
    for (let i = 0; i < COUNT; i++) sink += sorted.find(pages[i]!);
  });
  const resolver = new PageResolver(space);
  Deno.bench(`resolve: ${name}`, { group }, () => {
    resolver.lock();
    for (let i = 0; i < COUNT; i++) sink += resolver.resolve(pages[i]!) + resolver.at;
    resolver.unlock();
  });
  Deno.bench(`translate: ${name}`, { group }, () => {
    resolver.lock();
    const { guard } = resolver;
    for (let i = 0; i < COUNT; i++) {
      sink += space.translate(guard, pages[i]! * PAGE, 4, false).length;
    }
    resolver.unlock();
  });
}
