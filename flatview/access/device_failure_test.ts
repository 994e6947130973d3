import { assertEquals } from "@std/assert";
import { spy } from "@std/testing/mock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { FlatMemory } from "../model/flat_memory.ts";
import type { RegionOptions } from "../region/memory_region.ts";
import type { MemoryRegionOps } from "../region/region_ops.ts";
import { Topology } from "../topology/topology.ts";
import { MemTxResult } from "./device/mem_tx_result.ts";
import { MemoryAccess } from "./memory_access.ts";

const { OK, ERROR, DECODE_ERROR, ACCESS_ERROR } = MemTxResult;

/** An address space whose devices live in this context. */
function setUp() {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const system = topology.initContainer("system", 2n ** 64n);
  const { handle } = topology.createAddressSpace("memory", system);
  const onDeviceError = spy((_error: unknown) => {});
  const memory = FlatMemory.create(1);
  const access = new MemoryAccess({ arena, reader: domain.register(), memory, onDeviceError });
  const plug = (address: number, ops: MemoryRegionOps, options: RegionOptions = {}) => {
    const region = topology.initIo("io", 0x100, ops, options);
    access.bind(region.id, ops);
    system.addSubregion(address, region);
    return region;
  };
  return { topology, system, access, space: access.attach(handle), plug, onDeviceError };
}

/** A device of 16-bit registers that fails at some offsets, in a way of its own. */
function failingAt(fail: (offset: number) => ReturnType<NonNullable<MemoryRegionOps["write"]>>) {
  const seen: string[] = [];
  const ops: MemoryRegionOps = {
    impl: { minAccessSize: 2, maxAccessSize: 2 },
    valid: { minAccessSize: 1, maxAccessSize: 8 },
    read(offset) {
      seen.push(`r${offset}`);
      return fail(Number(offset)) ?? 0x1230 + Number(offset);
    },
    write(offset, value) {
      seen.push(`w${offset}=${value.toString(16)}`);
      return fail(Number(offset));
    },
  };
  return { ops, take: () => seen.splice(0).join(" ") };
}

for (const endianness of ["little", "big"] as const) {
  Deno.test(`a part that fails does not end the others (${endianness}-endian)`, () => {
    const { space, plug, onDeviceError } = setUp();
    const broken = new Error("broken");
    const { ops, take } = failingAt((offset) => {
      if (offset === 2) throw broken;
      return offset === 4 ? { memTxResult: DECODE_ERROR } : undefined;
    });
    plug(0, { ...ops, endianness });
    const isBig = endianness === "big";
    const load = () => isBig ? space.loadBig64be(0) : space.loadBig64le(0);
    assertEquals(load(), isBig ? 0x1230_0000_0000_1236n : 0x1236_0000_0000_1230n);
    assertEquals([space.result, take()], [ERROR | DECODE_ERROR, "r0 r2 r4 r6"]);
    const value = 0x4444_3333_2222_1111n;
    const stored = isBig ? space.storeBig64be(0, value) : space.storeBig64le(0, value);
    assertEquals(stored, ERROR | DECODE_ERROR);
    const little = "w0=1111 w2=2222 w4=3333 w6=4444";
    assertEquals(take(), isBig ? "w0=4444 w2=3333 w4=2222 w6=1111" : little);
    assertEquals(onDeviceError.calls.map(({ args: [error] }) => error), [broken, broken]);
  });
}

Deno.test("a callback says why it fails, and what a read gives nevertheless", () => {
  const { space, plug, onDeviceError } = setUp();
  plug(0, {
    read: (offset) => offset === 0 ? { memTxResult: DECODE_ERROR } : { memTxResult: 5, value: 9n },
    write: () => ({ memTxResult: ACCESS_ERROR }),
  });
  assertEquals([space.load32le(0), space.result], [0, DECODE_ERROR]);
  assertEquals([space.load32le(4), space.result], [9, ERROR | ACCESS_ERROR]);
  assertEquals(space.store32le(0, 1), ACCESS_ERROR);
  const bytes = new Uint8Array(8);
  assertEquals(space.read(0, bytes), DECODE_ERROR | ERROR | ACCESS_ERROR);
  assertEquals([...bytes], [0, 0, 0, 0, 9, 0, 0, 0]);
  assertEquals(onDeviceError.calls.length, 0);
});

Deno.test("a failure may be thrown; only what is no failure is reported", () => {
  const { space, plug, onDeviceError } = setUp();
  const thrown: unknown[] = [{ memTxResult: DECODE_ERROR }, undefined, null, { memTxResult: "2" }];
  plug(0, {
    read(offset) {
      throw thrown[Number(offset) / 4];
    },
  });
  const results = thrown.map((_, index) => {
    space.load32le(4 * index);
    return space.result;
  });
  assertEquals(results, [DECODE_ERROR, ERROR, ERROR, ERROR]);
  assertEquals(onDeviceError.calls.map(({ args: [error] }) => error), thrown.slice(1));
});

Deno.test("no failure is taken for a request to try again", () => {
  const { space, plug } = setUp();
  plug(0, { read: () => ({ memTxResult: 0x102 }), write: () => ({ memTxResult: 0x100 }) });
  space.load32le(0);
  assertEquals([space.result, space.store32le(0, 1)], [DECODE_ERROR, OK]);
});

Deno.test("a region without the re-entrancy guard is accessed while its device runs, others are not", () => {
  const { space, plug } = setUp();
  const owner = {};
  const seen: unknown[] = [];
  const unguarded = { owner, disableReentrancyGuard: true };
  const nested = (offset: number | bigint) => {
    if (offset !== 0) return 5;
    seen.push(space.load8(0x1001), space.result); // itself
    seen.push(space.load8(0x2001), space.result); // a guarded region of the same device
    return 1;
  };
  plug(0x1000, { read: nested }, unguarded);
  plug(0x2000, { read: nested }, { owner });
  assertEquals([space.load8(0x1000), space.result], [1, OK]);
  // The access to 0x1000 does not engage the device, as in QEMU.
  assertEquals(seen.splice(0), [5, OK, 5, OK]);
  assertEquals([space.load8(0x2000), space.result], [1, OK]);
  assertEquals(seen, [5, OK, 0, ACCESS_ERROR]);
});

for (const kind of ["initRomDevice", "initRamDevice"] as const) {
  Deno.test(`a region of ${kind} may be accessed by its own callbacks`, () => {
    const { topology, system, access, space } = setUp();
    const seen: unknown[] = [];
    const ops: MemoryRegionOps = {
      write(offset) {
        seen.push(offset);
        if (offset === 0) seen.push(space.store8(0x1004, 1));
      },
    };
    const flash = topology[kind]("flash", 0x1000, { blockId: 1, ramAddr: 0 }, ops, { owner: {} });
    access.bind(flash.id, ops);
    system.addSubregion(0x1000, flash);
    assertEquals([space.store8(0x1000, 1), ...seen], [OK, 0, 4, OK]);
  });
}

Deno.test("ROM content is loaded into what a guest reads directly, and nowhere else", () => {
  const { topology, system, space, plug } = setUp();
  const at = (ramAddr: number) => ({ blockId: 1, ramAddr });
  const flash = topology.initRomDevice("flash", 0x1000, at(0), {});
  system.addSubregion(0x1000, flash);
  system.addSubregion(0x2000, topology.initRamDevice("bar", 0x1000, at(0x1000), {}));
  plug(0x3000, {});
  const content = Uint8Array.of(1, 2, 3, 4);
  flash.setRomd(false);
  assertEquals(space.writeRom(0x1000, content), DECODE_ERROR);
  flash.setRomd(true);
  assertEquals(space.load32le(0x1000), 0);
  assertEquals([space.writeRom(0x1000, content), space.load32le(0x1000)], [OK, 0x0403_0201]);
  assertEquals(space.writeRom(0x2000, content), OK);
  const ram = topology.initRam("ram", 0x1000, at(0x1000));
  system.addSubregion(0x4000, ram);
  assertEquals(space.load32le(0x4000), 0x0403_0201);
  assertEquals([space.writeRom(0x3000, content), space.writeRom(0x9000, content)], [2, 2]);
});
