import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arena, RcuDomain } from "@guestmem/rcu";
import fc from "fast-check";
import { MemTxResult } from "../access/device/mem_tx_result.ts";
import type { GuestSpace } from "../access/guest_space.ts";
import { MemoryAccess } from "../access/memory_access.ts";
import { FlatViewError } from "../errors/flat_view_error.ts";
import { FlatMemory } from "../model/flat_memory.ts";
import { dirtyLogMask, RangeFlag } from "../region/range_flags.ts";
import type { MemoryRegionOps } from "../region/region_ops.ts";
import { Topology } from "../topology/topology.ts";
import { PageAccess } from "./page_extents.ts";
import { PageResolver } from "./page_resolver.ts";

const { OK, DECODE_ERROR } = MemTxResult;
const { READ, WRITE, EXECUTE, LOGGED } = PageAccess;
const PAGE = 4096;
const GIB = 2 ** 30;
const RAM = READ | WRITE | EXECUTE;
const ROM = READ | EXECUTE;
/** Bytes of a window. */
const WINDOW = 4 * 0x1_0000;
const SEED = 0x7c9;

function setUp(pageBits = 12) {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain, pageBits });
  const memory = FlatMemory.create(4, 2); // two windows of 64 pages
  const access = new MemoryAccess({ arena, reader: domain.register(), memory });
  const system = topology.initContainer("system", 2n ** 64n);
  const space = access.attach(topology.createAddressSpace("memory", system).handle);
  const ram = (ramAddr: number, size: number) =>
    topology.initRam(`ram@${ramAddr}`, size, { blockId: 1, ramAddr });
  return { arena, domain, topology, memory, access, system, space, ram };
}

/** The ram_addr_t of the page that was resolved last. */
function ramAddrOf(memory: FlatMemory, { window, at }: PageResolver): number {
  const index = memory.handle.windows.findIndex(({ buffer }) =>
    (buffer as unknown as SharedArrayBuffer) === window!.buffer
  );
  return index * WINDOW + at;
}

/** Where a page lies and what may be done with it, by the translation of each of its bytes: obvious and slow. */
function slowly(
  space: GuestSpace,
  resolver: PageResolver,
  ramOf: Map<number, number>,
  page: number,
) {
  let start = -1;
  let region = 0;
  let access = 0;
  for (let byte = 0; byte < PAGE; byte += 8) {
    const found = space.translate(resolver.guard, page * PAGE + byte, 1, false);
    if (!found.direct) return { access: 0 };
    const ramAddr = ramOf.get(found.region)! + Number(found.offset) - byte;
    const isWritable = (found.flags & (RangeFlag.READONLY | RangeFlag.ROM_DEVICE)) === 0;
    const logged = isWritable && dirtyLogMask(found.flags) !== 0 ? LOGGED : 0;
    const here = READ | EXECUTE | (isWritable ? WRITE : 0) | logged;
    if (byte === 0) [start, access, region] = [ramAddr, here, found.region];
    else if (start !== ramAddr || access !== here || region !== found.region) return { access: 0 };
  }
  const isSplit = Math.floor(start / WINDOW) !== Math.floor((start + PAGE - 1) / WINDOW);
  return isSplit ? { access: 0 } : { access, ramAddr: start };
}

for (const pageBits of [12, 8, 14]) {
  Deno.test(`pages resolve as their bytes translate, through any edits (pages of 2^${pageBits})`, () => {
    const place = fc.integer({ min: 0, max: 24 }).map((half) => half * 0x800);
    const size = fc.integer({ min: 1, max: 12 }).map((half) => half * 0x800);
    const region = fc.record({
      ...{ kind: fc.constantFrom("ram", "rom", "flash", "io"), size, at: place },
      ...{ ramAddr: fc.integer({ min: 0, max: 112 }).map((half) => half * 0x800) },
      priority: fc.integer({ min: 0, max: 3 }),
    });
    const edit = fc.record({
      which: fc.nat(),
      what: fc.constantFrom("move", "readonly", "log", "romd", "enabled"),
      to: place,
    });
    const regions = fc.array(region, { minLength: 1, maxLength: 5 });
    const property = fc.property(regions, fc.array(edit, { maxLength: 8 }), (made, edits) => {
      const { topology, memory, system, space } = setUp(pageBits);
      const ramOf = new Map<number, number>();
      const all = made.map(({ kind, size, at, ramAddr, priority }, number) => {
        const backing = { blockId: 1, ramAddr };
        const name = `${kind}${number}`;
        const region = kind === "ram"
          ? topology.initRam(name, size, backing)
          : kind === "rom"
          ? topology.initRom(name, size, backing)
          : kind === "flash"
          ? topology.initRomDevice(name, size, backing, {})
          : topology.initIo(name, size, {});
        ramOf.set(region.id, ramAddr);
        system.addSubregionOverlap(at, region, priority);
        return region;
      });
      const resolver = new PageResolver(space);
      const logs = new Set<number>();
      for (const change of [null, ...edits]) {
        if (change !== null) {
          const number = change.which % all.length;
          const region = all[number]!;
          const isRom = made[number]!.kind === "flash";
          if (change.what === "move") region.setAddress(change.to);
          else if (change.what === "readonly") region.setReadonly(!region.readonly);
          else if (change.what === "enabled") region.setEnabled(!region.enabled);
          else if (change.what === "romd" && isRom) region.setRomd(!region.romd);
          else if (change.what === "log" && made[number]!.kind === "ram") {
            region.setLog(!logs.has(number), 2);
            if (!logs.delete(number)) logs.add(number);
          }
        }
        resolver.lock();
        for (let step = 0; step < 36; step++) {
          const page = step * 5 % 18; // in no order
          const access = resolver.resolve(page);
          const wanted = slowly(space, resolver, ramOf, page);
          assertEquals(access, wanted.access, `page ${page}`);
          if (access === 0) assertEquals(resolver.window, null);
          else assertEquals(ramAddrOf(memory, resolver), wanted.ramAddr, `page ${page}`);
        }
        resolver.unlock();
      }
    });
    fc.assert(property, { seed: SEED, numRuns: 40 });
  });
}

Deno.test("what was resolved is void under another generation, and good under the same", () => {
  const { topology, memory, system, space, ram } = setUp();
  const [a, b] = [ram(0, 0x4000), ram(0x1_0000, 0x4000)];
  system.addSubregion(0x1000, a);
  const resolver = new PageResolver(space);
  assertThrows(() => resolver.resolve(1), FlatViewError, "outside its section");
  resolver.lock();
  const { generation } = resolver;
  assertEquals([resolver.resolve(2), ramAddrOf(memory, resolver)], [RAM, 0x1000]);
  assertEquals(resolver.resolve(0), 0);
  topology.transaction(() => {
    system.delSubregion(a);
    system.addSubregion(0x1000, b);
  });
  // The section still sees the map that it began with.
  assertEquals([resolver.resolve(3), ramAddrOf(memory, resolver)], [RAM, 0x2000]);
  assertEquals(resolver.generation, generation);
  resolver.quiescent();
  assert(resolver.generation !== generation);
  assertEquals([resolver.resolve(3), ramAddrOf(memory, resolver)], [RAM, 0x1_2000]);
  const renewed = resolver.generation;
  topology.initIo("unrelated", 0x1000, {});
  resolver.unlock();
  assertThrows(() => resolver.resolve(3), FlatViewError, "outside its section");
  assertThrows(() => resolver.load(0, 4), FlatViewError, "outside its section");
  resolver.lock();
  assertEquals([resolver.generation, resolver.resolve(3)], [renewed, RAM]);
  b.setReadonly(true);
  resolver.quiescent();
  assertEquals(resolver.resolve(3), ROM);
  resolver.unlock();
});

Deno.test("pages resolve wherever the address has bits", () => {
  const { memory, system, space, ram } = setUp();
  const places = [3 * GIB, 5 * GIB, 2 ** 52, 2n ** 53n, 2n ** 55n, 2n ** 64n - 0x2000n];
  places.forEach((at, i) => {
    system.addSubregion(at, ram(i * 0x2000, 0x2000));
    space.storeBig64le(BigInt(at) + 0x1008n, 0x1_0000_0007n * BigInt(i));
  });
  const resolver = new PageResolver(space);
  resolver.lock();
  for (let round = 0; round < 2; round++) {
    places.forEach((at, i) => {
      for (const second of [0, 1]) {
        const page = Number(BigInt(at) / 4096n) + second;
        assertEquals(resolver.resolve(page), RAM);
        assertEquals(ramAddrOf(memory, resolver), i * 0x2000 + second * PAGE);
      }
      for (const unaligned of [0n, 1n]) {
        const address = BigInt(at) + 0x1008n - unaligned;
        const value = BigInt(resolver.load(address, 8)) | BigInt(resolver.upper) << 32n;
        assertEquals(value, BigInt.asUintN(64, 0x1_0000_0007n * BigInt(i) << 8n * unaligned));
      }
    });
  }
  resolver.unlock();
});

Deno.test("an exit reaches devices, ROM, memory and nothing, and splits as a CPU does", () => {
  const { topology, access, memory, system, space, ram } = setUp();
  const calls: string[] = [];
  const ops: MemoryRegionOps = {
    read(offset, size, attrs) {
      calls.push(`r${size}@${offset}${attrs.secure ? " secure" : ""}`);
      return Number(offset) & 0xff;
    },
    write: (offset, value, size) => void calls.push(`w${size}@${offset}=${value.toString(16)}`),
  };
  const take = () => calls.splice(0).join(" ");
  const io = topology.initIo("io", 0x1000, ops);
  access.bind(io.id, ops);
  const logged = ram(0, 0x1000);
  logged.setLog(true, 2);
  system.addSubregion(0x1000, io);
  system.addSubregion(0x2000, logged);
  system.addSubregion(0x3000, topology.initRom("rom", 0x1000, { blockId: 1, ramAddr: 0x8000 }));
  const resolver = new PageResolver(space);
  resolver.lock();
  assertEquals([1, 2, 3, 4].map((page) => resolver.resolve(page)), [0, RAM | LOGGED, ROM, 0]);
  assertEquals([resolver.load(0x1010, 4), resolver.result, take()], [0x10, OK, "r4@16"]);
  resolver.attrs = { secure: true };
  assertEquals([resolver.load(0x1021, 2), take()], [0x2221, "r1@33 secure r1@34 secure"]);
  resolver.attrs = {};
  assertEquals([resolver.store(0x1ffe, 8, 0x4433_2211, 0x8877_6655), take()], [OK, "w2@4094=2211"]);
  assertEquals(memory.marked, [[0, 2, 4], [2, 2, 4], [4, 2, 4]]); // six bytes are three pieces
  assertEquals([resolver.load(0x2000, 4), resolver.load(0x2004, 2)], [0x6655_4433, 0x8877]);
  assertEquals([resolver.store(0x3000, 4, 1), memory.byte(0x8000)], [OK, 0]); // ROM drops it
  assertEquals([resolver.load(0x4000, 8), resolver.upper, resolver.result], [0, 0, DECODE_ERROR]);
  assertEquals(resolver.store(0x4000, 1, 1), DECODE_ERROR);
  assertThrows(() => resolver.load(2n ** 64n - 1n, 2), FlatViewError, "Cannot access");
  resolver.unlock();
});
