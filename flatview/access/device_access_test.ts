import { assertEquals } from "@std/assert";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { FlatMemory } from "../model/flat_memory.ts";
import type { AccessLimits, MemoryRegionOps } from "../region/region_ops.ts";
import { Topology } from "../topology/topology.ts";
import { Halves, shiftedHigh, shiftedLow, swap32 } from "./device/halves.ts";
import { MemTxResult } from "./device/mem_tx_result.ts";
import { MemoryAccess } from "./memory_access.ts";

const { OK, DECODE_ERROR } = MemTxResult;

/** Calls of a device: `r4@8`, or `w4@8=value`. */
function machine(ops: MemoryRegionOps, answers: (offset: number, size: number) => number | bigint) {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const region = topology.initIo("io", 0x1000, ops);
  const space = topology.createAddressSpace("memory", region);
  const access = new MemoryAccess({
    arena,
    reader: domain.register(),
    memory: FlatMemory.create(1),
  });
  const calls: string[] = [];
  access.bind(region.id, {
    ...ops,
    read(offset: number, size) {
      calls.push(`r${size}@${offset}`);
      return answers(offset, size);
    },
    write(offset, value, size, _attrs, upper) {
      const whole = (BigInt(upper) << 32n | BigInt(value)).toString(16);
      calls.push(`w${size}@${offset}=${whole}`);
    },
  });
  return { space: access.attach(space.handle), take: () => calls.splice(0).join(" ") };
}

const limits = (minAccessSize: number, maxAccessSize: number, unaligned = false): AccessLimits => ({
  minAccessSize,
  maxAccessSize,
  unaligned,
});

/** The byte at `offset` of the device is its offset plus 0xa0: little-endian values of them. */
const bytesLe = (offset: number, size: number) => {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = value << 8n | BigInt(0xa0 + offset + i);
  return value;
};
/** The same, as a big-endian device gives them. */
const bytesBe = (offset: number, size: number) => {
  let value = 0n;
  for (let i = 0; i < size; i++) value = value << 8n | BigInt(0xa0 + offset + i);
  return value;
};

Deno.test("which typed accesses are valid", () => {
  // valid, size, offset, whether it is allowed; impl takes 1 to 8, so that a call means one access
  const table: [AccessLimits | undefined, number, number, boolean][] = [
    [undefined, 1, 1, true],
    [undefined, 4, 0, true],
    [undefined, 8, 0, true], // without a largest size every size is valid
    [undefined, 4, 2, false], // but no unaligned one
    [{ unaligned: true }, 4, 2, true],
    [limits(1, 1), 1, 3, true],
    [limits(1, 1), 2, 0, false],
    [limits(4, 4), 4, 4, true],
    [limits(4, 4), 2, 0, false],
    [limits(4, 4), 1, 0, false],
    [limits(4, 4), 8, 0, false],
    [limits(2, 8), 8, 8, true],
    [limits(2, 8), 8, 4, false],
    [limits(2, 8, true), 8, 4, true],
    [limits(2, 8, true), 1, 0, false],
    [{ minAccessSize: 4 }, 1, 0, true], // a smallest size counts only beside a largest
  ];
  for (const [valid, size, offset, allowed] of table) {
    const { space, take } = machine({ ...(valid ? { valid } : {}), impl: limits(1, 8) }, bytesLe);
    const loads = { 1: "load8", 2: "load16le", 4: "load32le", 8: "load64le" } as const;
    const value = space[loads[size as 1]](offset);
    const text = JSON.stringify({ valid, size, offset });
    assertEquals(space.result, allowed ? OK : DECODE_ERROR, text);
    assertEquals(take(), allowed ? `r${size}@${offset}` : "", text);
    if (!allowed) assertEquals([value, space.upper], [0, 0]);
  }
});

Deno.test("whether an access is aligned is right at any offset", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const region = topology.initIo("io", 2n ** 64n, {});
  const { handle } = topology.createAddressSpace("memory", region);
  const memory = FlatMemory.create(1);
  const access = new MemoryAccess({ arena, reader: domain.register(), memory });
  access.bind(region.id, { read: () => 1 });
  const space = access.attach(handle);
  const bases = [0, 2 ** 31, 2 ** 32, 2 ** 53 - 8, 2n ** 53n, 2n ** 64n - 16n];
  for (const base of bases) {
    for (let low = 0; low < 8; low++) {
      space.load32le(typeof base === "bigint" ? base + BigInt(low) : base + low);
      assertEquals(space.result, low % 4 === 0 ? OK : DECODE_ERROR, `${base} + ${low}`);
    }
  }
});

Deno.test("the device has the last word on what is valid", () => {
  const asked: unknown[] = [];
  const { space, take } = machine({
    valid: {
      accepts(offset, size, isWrite, attrs) {
        asked.push([offset, size, isWrite, attrs.requesterId]);
        return size !== 2;
      },
    },
  }, bytesLe);
  assertEquals([space.load8(1, { requesterId: 9 }), space.result], [0xa1, OK]);
  assertEquals([space.load16le(0), space.result], [0, DECODE_ERROR]);
  assertEquals(space.store16le(2, 1), DECODE_ERROR);
  assertEquals(asked, [[1, 1, false, 9], [0, 2, false, undefined], [2, 2, true, undefined]]);
  assertEquals(take(), "r1@1");
});

Deno.test("impl: an access is split or widened, and its parts put together in the device's order", () => {
  type Row = [
    impl: AccessLimits | undefined,
    endianness: "little" | "big",
    size: 1 | 2 | 4 | 8,
    offset: number,
    reads: string,
    value: bigint,
    writes: string,
  ];
  // The value is what a load in the device's own order gives; the writes are of 0x8877665544332211.
  // deno-fmt-ignore
  const table: Row[] = [
    [undefined, "little", 4, 0, "r4@0", 0xa3a2_a1a0n, "w4@0=44332211"],
    [undefined, "little", 8, 0, "r4@0 r4@4", 0xa7a6_a5a4_a3a2_a1a0n, "w4@0=44332211 w4@4=88776655"],
    [undefined, "big", 8, 0, "r4@0 r4@4", 0xa0a1_a2a3_a4a5_a6a7n, "w4@0=88776655 w4@4=44332211"],
    [limits(1, 1), "little", 4, 4, "r1@4 r1@5 r1@6 r1@7", 0xa7a6_a5a4n, "w1@4=11 w1@5=22 w1@6=33 w1@7=44"],
    [limits(1, 1), "big", 4, 4, "r1@4 r1@5 r1@6 r1@7", 0xa4a5_a6a7n, "w1@4=44 w1@5=33 w1@6=22 w1@7=11"],
    [limits(1, 2), "little", 8, 0, "r2@0 r2@2 r2@4 r2@6", 0xa7a6_a5a4_a3a2_a1a0n, "w2@0=2211 w2@2=4433 w2@4=6655 w2@6=8877"],
    [limits(1, 8), "little", 8, 8, "r8@8", 0xafae_adac_abaa_a9a8n, "w8@8=8877665544332211"],
    [limits(1, 8), "big", 8, 8, "r8@8", 0xa8a9_aaab_acad_aeafn, "w8@8=8877665544332211"],
    // Widened: the callback gets more bytes than were asked for, and those asked for count.
    [limits(4, 4), "little", 1, 0, "r4@0", 0xa0n, "w4@0=11"],
    [limits(4, 4), "little", 2, 2, "r4@2", 0xa3a2n, "w4@2=2211"],
    [limits(4, 4), "big", 1, 0, "r4@0", 0xa0n, "w4@0=11000000"],
    [limits(4, 4), "big", 2, 0, "r4@0", 0xa0a1n, "w4@0=22110000"],
    [limits(8, 8), "little", 4, 0, "r8@0", 0xa3a2_a1a0n, "w8@0=44332211"],
    [limits(8, 8), "big", 4, 0, "r8@0", 0xa0a1_a2a3n, "w8@0=4433221100000000"],
    [limits(8, 8), "big", 2, 0, "r8@0", 0xa0a1n, "w8@0=2211000000000000"],
    [limits(8, 8), "big", 1, 0, "r8@0", 0xa0n, "w8@0=1100000000000000"],
    // impl.max smaller than impl.min: the smallest size wins.
    [{ minAccessSize: 4, maxAccessSize: 2 }, "little", 4, 0, "r4@0", 0xa3a2_a1a0n, "w4@0=44332211"],
  ];
  for (const [impl, endianness, size, offset, reads, value, writes] of table) {
    const big = endianness === "big";
    const { space, take } = machine(
      { endianness, ...(impl ? { impl } : {}) },
      big ? bytesBe : bytesLe,
    );
    const text = JSON.stringify({ impl, endianness, size, offset });
    const load = { 1: "load8", 2: "load16", 4: "load32", 8: "load64" }[size];
    const order = size === 1 ? "" : big ? "be" : "le";
    const low = space[`${load}${order}` as "load8"](offset);
    assertEquals(BigInt(space.upper) << 32n | BigInt(low), value, text);
    assertEquals(take(), reads, text);
    if (size === 8) space[`store64${order}` as "store64le"](offset, 0x4433_2211, 0x8877_6655);
    else space[`store${size * 8}${order}` as "store8"](offset, 0x4433_2211);
    assertEquals(take(), writes, text);
  }
});

Deno.test("byte order is swapped once for the whole access", () => {
  for (const endianness of ["little", "big"] as const) {
    const { space, take } = machine(
      { endianness, impl: limits(1, 2) },
      endianness === "big" ? bytesBe : bytesLe,
    );
    // Whatever the device's order, memory order is what a little- or big-endian load makes of it.
    assertEquals(space.load32le(0), 0xa3a2_a1a0);
    assertEquals(space.load32be(0), 0xa0a1_a2a3);
    assertEquals([space.load64be(0), space.upper], [0xa4a5_a6a7, 0xa0a1_a2a3]);
    const bytes = new Uint8Array(4);
    assertEquals(space.read(4, bytes), OK);
    assertEquals(bytes, Uint8Array.of(0xa4, 0xa5, 0xa6, 0xa7));
    take();
    space.store32be(0, 0x1122_3344);
    assertEquals(take(), endianness === "big" ? "w2@0=1122 w2@2=3344" : "w2@0=2211 w2@2=4433");
  }
});

Deno.test("pieces of a read: at most valid.max, aligned unless impl can otherwise, a power of two", () => {
  const table: [MemoryRegionOps, number, number, string][] = [
    [{}, 0, 8, "r4@0 r4@4"],
    [{}, 1, 8, "r1@1 r2@2 r4@4 r1@8"],
    [{}, 0, 7, "r4@0 r2@4 r1@6"],
    [{ impl: limits(1, 4, true), valid: { unaligned: true } }, 1, 8, "r4@1 r4@5"],
    [{ valid: limits(1, 8), impl: limits(1, 8) }, 0, 8, "r8@0"],
    [{ valid: limits(1, 8), impl: limits(1, 8) }, 4, 12, "r4@4 r8@8"],
    [{ valid: limits(1, 1) }, 0, 3, "r1@0 r1@1 r1@2"],
    [{ valid: limits(1, 2) }, 0, 5, "r2@0 r2@2 r1@4"],
    [{ valid: limits(4, 4) }, 0, 6, "r4@0"], // the rest is refused
    [{ valid: limits(1, 8), impl: limits(1, 4) }, 0, 8, "r4@0 r4@4"],
  ];
  for (const [ops, offset, length, calls] of table) {
    const { space, take } = machine(ops, bytesLe);
    const bytes = new Uint8Array(length);
    const result = space.read(offset, bytes);
    const text = JSON.stringify({ ops, offset, length });
    assertEquals(take(), calls, text);
    const served = calls.split(" ").reduce((sum, call) => sum + Number(call[1]), 0);
    assertEquals(result, served === length ? OK : DECODE_ERROR, text);
    assertEquals([...bytes], Array.from(bytes, (_, i) => i < served ? 0xa0 + offset + i : 0), text);
  }
});

Deno.test("what a device answers is cut to the size that it was asked for", () => {
  const table: [number | bigint, number, bigint][] = [
    [-1, 1, 0xffn],
    [-1, 4, 0xffff_ffffn],
    [0x1_2345_6789, 4, 0x2345_6789n],
    [-1, 8, 0xffff_ffff_ffff_ffffn],
    [-1n, 8, 0xffff_ffff_ffff_ffffn],
    [2 ** 40 + 5, 8, 0x100_0000_0005n],
    [0xfedc_ba98_7654_3210n, 8, 0xfedc_ba98_7654_3210n],
  ];
  for (const [answer, size, value] of table) {
    const { space } = machine({ impl: limits(1, 8) }, () => answer);
    const low = size === 1 ? space.load8(0) : size === 4 ? space.load32le(0) : space.load64le(0);
    assertEquals(BigInt(space.upper) << 32n | BigInt(low), value);
  }
});

Deno.test("a device without a callback for a direction refuses it", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const region = topology.initIo("io", 0x10, {});
  const { handle } = topology.createAddressSpace("memory", region);
  const memory = FlatMemory.create(1);
  const access = new MemoryAccess({ arena, reader: domain.register(), memory });
  access.bind(region.id, { read: () => 7 });
  const space = access.attach(handle);
  assertEquals([space.load8(0), space.store8(0, 1)], [7, DECODE_ERROR]);
  access.bind(region.id, { write: () => {} });
  assertEquals([space.store8(0, 1), space.load8(0), space.result], [OK, 0, DECODE_ERROR]);
});

Deno.test("halves shift and swap as 64-bit integers do", () => {
  const value = 0x8877_6655_4433_2211n;
  for (let bits = -56; bits <= 56; bits += 8) {
    const low = shiftedLow(0x4433_2211, 0x8877_6655, bits);
    const high = shiftedHigh(0x4433_2211, 0x8877_6655, bits);
    const shifted = bits < 0 ? value >> BigInt(-bits) : value << BigInt(bits);
    assertEquals(BigInt(high) << 32n | BigInt(low), BigInt.asUintN(64, shifted));
  }
  assertEquals(swap32(0x1122_33f4), 0xf433_2211);
  const halves = new Halves();
  for (const [size, swapped] of [[1, 0x11n], [2, 0x1122n], [4, 0x1122_3344n]] as const) {
    halves.set(0x4433_2211, 0);
    halves.truncate(size);
    halves.swap(size);
    assertEquals(BigInt(halves.high) << 32n | BigInt(halves.low), swapped);
  }
});
