import { assertEquals, assertThrows } from "@std/assert";
import { Arena, ArenaExhaustedError, RcuDomain } from "@guestmem/rcu";
import { EventNotifier } from "./event_notifier.ts";
import { MemoryAccess } from "../access/memory_access.ts";
import { FlatMemory } from "../model/flat_memory.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { Topology } from "../topology/topology.ts";

function setUp(bytes = 1 << 23) {
  const arena = Arena.create({ bytes, debug: true });
  const domain = RcuDomain.create(arena);
  const { liveBlocks } = arena.stats();
  const topology = new Topology({ arena, domain });
  const system = topology.initContainer("system", 2n ** 64n);
  const space = topology.createAddressSpace("memory", system);
  const reader = domain.register();
  const access = new MemoryAccess({ arena, reader, memory: FlatMemory.create(1) });
  return { arena, domain, topology, system, space, access, liveBlocks };
}

Deno.test("regions are found by their ids while hundreds come and go, and give their records back", () => {
  const { arena, domain, topology, system, space, access, liveBlocks } = setUp();
  const view = access.attach(space.handle);
  const plugged: MemoryRegion[] = [];
  const plug = (step: number) => {
    const region = topology.initIo(`device${step}`, 0x10, {
      endianness: step % 2 === 0 ? "little" : "big",
      valid: { minAccessSize: 1, maxAccessSize: step % 3 === 0 ? 2 : 4 },
    });
    access.bind(region.id, { read: () => 0x1234 });
    plugged.push(region);
    system.addSubregion(0x1000 * step, region);
  };
  const check = (region: MemoryRegion) => {
    const address = Number(region.addr);
    const step = address / 0x1000;
    assertEquals(view.load16le(address), step % 2 === 0 ? 0x1234 : 0x3412);
    view.load32le(address);
    assertEquals(view.result, step % 3 === 0 ? 2 : 0);
  };
  for (let step = 0; step < 300; step++) {
    plug(step);
    if (step % 3 !== 0) {
      const gone = plugged.splice(step * 7 % plugged.length, 1)[0]!;
      system.delSubregion(gone);
      gone.destroy();
    }
    if (step % 10 === 0) {
      domain.barrier(); // what has gone is finalised
      plugged.forEach(check);
    }
  }
  plugged.forEach(check);
  space.destroy();
  topology.close();
  domain.barrier();
  assertEquals(arena.stats().liveBlocks, liveBlocks);
});

Deno.test("ioeventfds that change while no address space is there are those of the next one", () => {
  const { arena, domain, topology, system, space, access } = setUp();
  const region = topology.initIo("virtio", 0x10, {});
  const [first, second] = [EventNotifier.create(arena), EventNotifier.create(arena)];
  region.addEventfd(0, 4, null, first);
  system.addSubregion(0, region);
  access.bind(region.id, { write: () => {} });
  access.attach(space.handle).store32le(0, 1);
  assertEquals([first.take(), second.take()], [1, 0]);
  space.destroy();
  topology.transaction(() => {
    region.delEventfd(0, 4, null, first);
    region.addEventfd(0, 4, null, second);
  });
  const again = access.attach(topology.createAddressSpace("again", system).handle);
  again.store32le(0, 1);
  assertEquals([first.take(), second.take()], [0, 1]);
  assertThrows(() =>
    topology.transaction(() => {
      region.delEventfd(0, 4, null, second);
      throw new Error("planted");
    })
  );
  again.store32le(0, 1);
  assertEquals(second.take(), 1); // what failed changed nothing
  domain.barrier();
});

Deno.test("an ioeventfd that a disabled region was given signals once it is enabled", () => {
  const { arena, topology, system, space, access } = setUp();
  const region = topology.initIo("virtio", 0x10, {});
  const event = EventNotifier.create(arena);
  system.addSubregion(0, region);
  access.bind(region.id, { write: () => {} });
  const view = access.attach(space.handle);
  view.store32le(0, 1);
  region.setEnabled(false);
  region.addEventfd(0, 4, null, event);
  region.setEnabled(true);
  view.store32le(0, 1);
  assertEquals(event.take(), 1);
});

Deno.test("an ioeventfd signals at offsets above 2^53, too, and only there", () => {
  const { arena, topology, system, space, access } = setUp();
  const region = topology.initIo("doorbells", 2n ** 64n, {});
  const event = EventNotifier.create(arena);
  const at = 0xffff_8000_0000_1004n;
  for (const offset of [at, 0x20_0000_1004]) region.addEventfd(offset, 4, null, event);
  system.addSubregion(0, region);
  let writes = 0;
  access.bind(region.id, { write: () => void writes++ });
  const view = access.attach(space.handle);
  view.store32le(at, 1);
  view.store32le(0x20_0000_1004, 1);
  assertEquals([event.take(), writes], [2, 0]);
  for (const beside of [at - 4n, at - 2n ** 32n, 0x1004n, 0x20_0000_1004 - 2 ** 32]) {
    view.store32le(beside, 1);
  }
  assertEquals([event.take(), writes], [0, 4]);
});

Deno.test("an ioeventfd of size 0 matches writes of any size and any data", () => {
  const { arena, topology, system, space, access } = setUp();
  const region = topology.initIo("virtio", 0x10, {});
  const event = EventNotifier.create(arena);
  region.addEventfd(0, 0, 7n, event);
  system.addSubregion(0, region);
  access.bind(region.id, { write: () => {} });
  const view = access.attach(space.handle);
  view.store32le(0, 5);
  view.store8(0, 7);
  view.store8(1, 7);
  assertEquals(event.take(), 2);
});

Deno.test("an arena that has no room for a record leaves all as it was", () => {
  const { arena, topology, system, space, access } = setUp(1 << 19);
  const view = access.attach(space.handle);
  const hog: number[] = [];
  const region = topology.initIo("late", 0x10, {});
  access.bind(region.id, { read: () => 7 });
  for (;;) {
    try {
      hog.push(arena.allocate(16));
    } catch (error) {
      if (!(error instanceof ArenaExhaustedError)) throw error;
      break;
    }
  }
  assertThrows(() => system.addSubregion(0, region), ArenaExhaustedError);
  assertEquals([region.container, view.load8(0)], [null, 0]);
  hog.forEach((block) => arena.free(block));
  system.addSubregion(0, region);
  assertEquals(view.load8(0), 7);
});
