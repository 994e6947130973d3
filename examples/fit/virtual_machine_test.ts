/** A machine put together, with the real guest RAM and real workers. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { withWorkers } from "#tools/testing/workers.ts";
import { FlatViewError, MemTxResult } from "@guestmem/flatview";
import { VirtualMachine, VmContext } from "@guestmem/flatview/vm";
import { GuestRam, RamBlockError, RamList } from "@guestmem/ramblock";
import { Arena, ArenaExhaustedError, RcuDomain } from "@guestmem/rcu";
import type { Data, Setup } from "./virtual_machine_test_worker.ts";

const WORKER = import.meta.resolve("./virtual_machine_test_worker.ts");
const { OK, DECODE_ERROR } = MemTxResult;

function setUp() {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const blocks = new RamList(GuestRam.create(domain, { bytes: 1 << 22 }));
  const names = () => blocks.blocks().map(({ name }) => name).sort();
  /** Lets two grace periods pass: that of views, and that of the blocks that go with them. */
  const settle = () => {
    domain.barrier();
    domain.barrier();
  };
  // The first block brings dirty bitmaps, which stay.
  blocks.remove(blocks.addAnonymous({ name: "first", length: 1 << 22 }).id);
  settle();
  const { liveBlocks: before } = arena.stats();
  const machine = new VirtualMachine(domain, blocks);
  return { arena, domain, blocks, names, settle, before, machine };
}

Deno.test("a machine has RAM, ROM and devices, and gives everything back when it is closed", () => {
  const { arena, blocks, names, settle, before, machine } = setUp();
  const { space, topology } = machine;
  const ram = machine.addRam("ram", 0x2800, 0);
  machine.addRom("bios", Uint8Array.of(1, 2, 3, 4, 5), 0xffff_0000);
  let finalised = 0;
  const ops = { read: () => 0x55 };
  const device = machine.addDevice("device", 4, ops, 0x1_0000_0000, {
    finalize: () => finalised++,
  });
  const dimm = machine.addRam("dimm", 0x1000);
  assertEquals(names(), ["bios", "dimm", "ram"]);

  space.store32le(0x27fc, 0x1234_5678);
  assertEquals([space.load32le(0x27fc), space.load8(0x2800), space.result], [0x1234_5678, 0, 2]);
  assertEquals([space.load32le(0xffff_0001), space.store8(0xffff_0000, 9)], [0x0504_0302, 2]);
  assertEquals([space.load8(0x1_0000_0000), space.result], [0x55, OK]);
  assertEquals([space.load8(0x10_0000), space.result], [0, DECODE_ERROR], "it lies nowhere yet");
  topology.transaction(() => {
    machine.system.addSubregion(0x10_0000, dimm);
    ram.setAddress(0x20_0000);
  });
  assertEquals([space.store8(0x10_0000, 1), space.load32le(0x20_27fc)], [OK, 0x1234_5678]);

  machine.remove(device);
  machine.remove(dimm);
  assertEquals([space.load8(0x1_0000_0000), space.load8(0x10_0000)], [0, 0]);
  settle();
  assertEquals([finalised, names(), blocks.retired()], [1, ["bios", "ram"], []]);
  const error = assertThrows(() => machine.remove(dimm), FlatViewError);
  assertEquals(error.code, "REGION_DEAD");

  machine.close();
  settle();
  assertEquals([names(), blocks.retired(), arena.stats().liveBlocks], [[], [], before]);
});

Deno.test("what cannot be made or placed leaves nothing behind", () => {
  const { names, settle, machine } = setUp();
  const ranges = () => machine.memory.view.ranges().length;
  machine.addRam("ram", 0x1000, 0);
  const room = assertThrows(() => machine.addRam("much", 1 << 23, 0x1000), RamBlockError);
  assertEquals(room.code, "RAM_EXHAUSTED");
  const make = [
    () => machine.addRam("astray", 0x1000, -1),
    () => machine.addRom("astray", new Uint8Array(8), 2n ** 64n),
    () => machine.addDevice("astray", 8, {}, 0.5),
  ];
  for (const add of make) {
    assertEquals(assertThrows(add, FlatViewError).code, "INVALID_ADDRESS");
    settle();
    assertEquals([names(), ranges()], [["ram"], 1]);
  }
  machine.close();
});

/** Fills an arena with blocks of 4 KiB down to 64 bytes. */
function fill(arena: Arena): number[] {
  const blocks: number[] = [];
  for (let bytes = 4096; bytes >= 64; bytes /= 2) {
    try {
      for (;;) blocks.push(arena.allocate(bytes));
    } catch (error) {
      assert(error instanceof ArenaExhaustedError, String(error));
    }
  }
  return blocks;
}

Deno.test("a machine that cannot be made, and a worker that cannot join, leave nothing behind", () => {
  const { arena, domain, blocks, settle, machine } = setUp();
  machine.close();
  settle();
  const { liveBlocks } = arena.stats();
  let failures = 0;
  for (let room = 0; room < 40; room++) {
    const filling = fill(arena);
    for (const block of filling.splice(-room, room)) arena.free(block);
    try {
      new VirtualMachine(domain, blocks).close();
    } catch (error) {
      assert(error instanceof ArenaExhaustedError, String(error));
      failures++;
    }
    for (const block of filling) arena.free(block);
    settle();
    assertEquals(arena.stats().liveBlocks, liveBlocks, `with room for ${room} blocks`);
  }
  assert(failures > 2, "the arena was exhausted at several points");
  const small = new VirtualMachine(domain, blocks, { contexts: 1 });
  const attached = () => arena.contexts().filter(({ state }) => state === "alive").length;
  const before = attached();
  const error = assertThrows(() => VmContext.attach(small.handle, GuestRam), FlatViewError);
  assertEquals([error.code, attached()], ["MMIO_CHANNEL_FULL", before]);
  small.close();
});

Deno.test("workers join with one handle: vCPUs, and one that serves a device", () =>
  withWorkers(async (workers) => {
    const { arena, settle, before, machine } = setUp();
    machine.addRam("ram", 0x1000, 0);
    machine.space.store32le(0x10, 0x7777);
    const spawn = (flavour: Data["flavour"]) =>
      workers.spawn<Setup>(WORKER, { machine: machine.handle, flavour } satisfies Data);
    const owner = spawn("memb");
    const vcpus = [spawn("memb"), spawn("qsbr")];
    const context = await owner.call("token");
    const elsewhere = machine.addDevice("elsewhere", 8, {}, 0x1000, { context });
    const here = machine.addDevice("here", 8, { read: () => 0x99 }, 0x2000);
    await owner.call("own", elsewhere.id, 0x40);
    const stop = new AbortController();
    const served = machine.access.listen(stop.signal);
    for (const vcpu of vcpus) {
      assertEquals(await vcpu.call("load", 0x10), [0x7777, OK]);
      assertEquals(await vcpu.call("load", 0x1004), [0x44, OK]);
      assertEquals(await vcpu.call("load", 0x2000), [0x99, OK]);
      assertEquals(await vcpu.call("runLoop", 0x10, 3), [0x7777, 0x7777, 0x7777]);
      assertEquals(await vcpu.call("runLoop", 0x1000, 2), [0x40, 0x40]);
    }
    here.setAddress(0x3000);
    assertEquals(await vcpus[0]!.call("load", 0x2000), [0, DECODE_ERROR]);
    assertEquals(await vcpus[1]!.call("load", 0x3000), [0x99, OK]);
    stop.abort();
    await served;
    for (const worker of [owner, ...vcpus]) await worker.call("leave");
    machine.close();
    settle();
    assertEquals(arena.stats().liveBlocks, before);
  }));
