import { assertEquals } from "@std/assert";
import { Arena, RcuDomain } from "@guestmem/rcu";
import {
  byteDevice,
  ByteModel,
  type ModelKind,
  type ModelLimits,
  type ModelRegion,
} from "../model/byte_model.ts";
import { FlatMemory } from "../model/flat_memory.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { Topology } from "../topology/topology.ts";
import { Tlb } from "../vcpu/tlb.ts";
import { MemTxResult } from "./device/mem_tx_result.ts";
import type { GuestSpace } from "./guest_space.ts";
import { MemoryAccess } from "./memory_access.ts";
import fc from "fast-check";

/** Addresses run up to here, from a base. */
const SPAN = 0x4000;
/** Bytes of memory: two windows of 64 KiB, of which the middle is used. */
const MEMORY = 0x2_0000;

const sizes = fc.constantFrom(1, 2, 4, 8);
const limits: fc.Arbitrary<ModelLimits> = fc.record({
  validMin: sizes,
  validMax: fc.constantFrom(0, 1, 2, 4, 8),
  validUnaligned: fc.boolean(),
  implMin: sizes,
  implMax: sizes,
  implUnaligned: fc.boolean(),
  bigEndian: fc.boolean(),
}).map((limits) => ({
  ...limits,
  validUnaligned: limits.validUnaligned || limits.implUnaligned,
}));
const kinds: fc.Arbitrary<ModelKind> = fc.constantFrom(
  ...["ram", "ram", "ram", "rom", "romd", "romdOff", "ramDevice", "io", "io", "reserved"] as const,
);
// Small places meet at odd bounds; large ones fill pages, so that TLBs have something to keep.
const place = fc.oneof(
  fc.record({ first: fc.nat(SPAN - 0x40), size: fc.integer({ min: 1, max: 0x40 }) }),
  fc.record({
    first: fc.nat(3).map((page) => page * 0x1000),
    size: fc.constantFrom(0x1000, 0x1800, 0x2000),
  }),
);
const region = fc.record({ kind: kinds, place, limits, ramPage: fc.nat(3) });

/** Where accesses go: near the bounds of regions, and where their memory goes from window to window. */
const spot = fc.record({
  region: fc.nat(20),
  near: fc.constantFrom("first", "end", "window"),
  off: fc.integer({ min: -12, max: 12 }),
});
const step = fc.record({
  how: fc.constantFrom("read", "write", "load", "store", "tlbLoad", "tlbStore", "cache"),
  spot,
  size: sizes,
  length: fc.nat(40),
  bigEndian: fc.boolean(),
  seed: fc.nat(255),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The machine and its model, over the same random regions. */
function build(
  base: number,
  regions: readonly (typeof region extends fc.Arbitrary<infer T> ? T : never)[],
) {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const memory = FlatMemory.create(1, 2);
  const access = new MemoryAccess({ arena, reader: domain.register(), memory });
  const ram = Uint8Array.from({ length: MEMORY }, (_, at) => at * 13 + (at >>> 8));
  ram.forEach((byte, at) => memory.setByte(at, byte));
  const system = topology.initContainer("system", 2n ** 64n);
  const devices: Uint8Array[] = [];
  const model = regions.map(({ kind, place: { first, size }, limits, ramPage }): ModelRegion => {
    const ramAddr = 0xe000 + ramPage * 0x1000 + first % 0x1000; // around the end of a window
    const device = Uint8Array.from({ length: size + 16 }, (_, at) => at * 5 + size);
    const real = device.slice();
    devices.push(real);
    const ops = byteDevice(real, limits);
    const backing = { blockId: 1, ramAddr };
    const make: Record<ModelKind, () => MemoryRegion> = {
      ram: () => topology.initRam("ram", size, backing),
      rom: () => topology.initRom("rom", size, backing),
      romd: () => topology.initRomDevice("romd", size, backing, ops),
      romdOff: () => topology.initRomDevice("romdOff", size, backing, ops),
      ramDevice: () => topology.initRamDevice("ramDevice", size, backing, ops),
      io: () => topology.initIo("io", size, ops),
      reserved: () => topology.initReserved("reserved", size),
    };
    const made = make[kind]();
    if (kind === "romdOff") made.setRomd(false);
    access.bind(made.id, ops);
    system.addSubregion(BigInt(base) + BigInt(first), made);
    return { kind, first, size, ramAddr, limits, device };
  });
  const { handle } = topology.createAddressSpace("memory", system);
  return { memory, space: access.attach(handle), model: new ByteModel(model, ram), devices };
}

const value = (bytes: readonly number[], bigEndian: boolean) =>
  (bigEndian ? bytes : bytes.toReversed()).reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);

/** Does a step on both, and compares what they give. */
function check({ how, size, length, bigEndian, seed }: Step, at: number, base: number, parts: {
  readonly space: GuestSpace;
  readonly tlb: Tlb;
  readonly model: ByteModel;
}): void {
  const { space, tlb, model } = parts;
  const address = base + at;
  const data = Array.from({ length: Math.max(length, 8) }, (_, i) => (seed + i * 37) & 0xff);
  const order = size === 1 ? "" : bigEndian ? "be" : "le";
  const wide = value(data.slice(0, size), bigEndian);
  const low = Number(wide & 0xffff_ffffn);
  const high = Number(wide >> 32n);
  if (how === "read") {
    const bytes = new Uint8Array(length);
    const expected = model.access(at, length, null);
    assertEquals({ result: space.read(address, bytes), bytes: [...bytes] }, expected);
  } else if (how === "write") {
    const expected = model.access(at, length, data);
    assertEquals(space.write(address, Uint8Array.from(data.slice(0, length))), expected.result);
  } else if (how === "load") {
    const { bytes, result } = model.typed(at, size, null);
    const loaded = space[`load${size * 8}${order}` as "load32le"](address);
    const got = BigInt(space.upper) << 32n | BigInt(loaded);
    assertEquals([got, space.result], [value(bytes, bigEndian), result]);
  } else if (how === "store") {
    const { result } = model.typed(at, size, data);
    assertEquals(space[`store${size * 8}${order}` as "store64le"](address, low, high), result);
  } else if (how === "cache") {
    const { bytes, result } = model.typed(at, size, null);
    const cache = space.cache(address - 8, 16, seed % 2 === 0);
    for (let round = 0; round < 2; round++) {
      const loaded = cache[`load${size * 8}${order}` as "load32le"](8);
      const got = BigInt(cache.upper) << 32n | BigInt(loaded);
      assertEquals([got, cache.result], [value(bytes, bigEndian), result]);
    }
  } else if (how === "tlbLoad") {
    const { bytes, result } = model.cpu(at, size, null);
    tlb.result = MemTxResult.OK;
    const loaded = tlb[`load${size * 8}` as "load32"](address) >>> 0;
    const upper = size === 8 ? tlb.upper >>> 0 : 0;
    const got = BigInt(upper) << 32n | BigInt(loaded);
    assertEquals([got, tlb.result], [value(bytes, false), result]);
  } else {
    const little = value(data.slice(0, size), false);
    const { result } = model.cpu(at, size, data);
    tlb.result = MemTxResult.OK;
    const halves = [Number(little & 0xffff_ffffn), Number(little >> 32n)] as const;
    tlb[`store${size * 8}` as "store64"](address, ...halves);
    assertEquals(tlb.result, result);
  }
}

for (
  const [name, base] of [["at 0x1000", 0x1000], ["around 4 GiB", 2 ** 32 - 0x2000], [
    "at 2^45",
    2 ** 45,
  ]] as const
) {
  Deno.test(`accesses of every kind do what a byte-by-byte model does: ${name}`, () => {
    const scenario = fc.property(
      fc.array(region, { minLength: 1, maxLength: 10 }),
      fc.array(step, { minLength: 1, maxLength: 40 }),
      (regions, steps) => {
        const { memory, space, model, devices } = build(base, regions);
        const tlb = new Tlb(space, 4);
        tlb.lock();
        for (const each of steps) {
          const { region, near, off } = each.spot;
          const { first, size, ramAddr } = model.regions[region % model.regions.length]!;
          const at = { first, end: first + size, window: first + 0x1_0000 - ramAddr }[near] + off;
          check(each, Math.max(at, 0), base, { space, tlb, model });
          // No byte but those that the model has changed is another than before.
          model.regions.forEach(({ device }, i) => assertEquals(devices[i], device));
          for (let at = 0xd000; at < 0x1_4000; at++) {
            if (memory.byte(at) !== model.ram[at]) {
              assertEquals([at, memory.byte(at)], [at, model.ram[at]]);
            }
          }
        }
        tlb.unlock();
      },
    );
    fc.assert(scenario, { seed: 1, numRuns: 60 });
  });
}
