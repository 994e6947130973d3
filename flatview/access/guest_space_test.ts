/** Accesses to memory: regions, sizes, orders, logs, addresses of 64 bits. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { WaitInSectionError } from "@guestmem/rcu";
import { FlatViewError } from "../errors/flat_view_error.ts";
import { FlatMemory } from "../model/flat_memory.ts";
import { Topology } from "../topology/topology.ts";
import { MemTxResult } from "./device/mem_tx_result.ts";
import { MemoryAccess } from "./memory_access.ts";
import { MmioChannel } from "./mmio/mmio_channel.ts";
import { recorder, setUp } from "../testdata/one_machine.ts";

const { OK, ERROR, DECODE_ERROR } = MemTxResult;

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
