import { assert, assertEquals, assertThrows } from "@std/assert";
import { assertSpyCalls, spy } from "@std/testing/mock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { FlatViewError } from "../errors/flat_view_error.ts";
import { FlatMemory } from "../model/flat_memory.ts";
import { Topology } from "../topology/topology.ts";
import { MemTxResult } from "./device/mem_tx_result.ts";
import { MemoryAccess } from "./memory_access.ts";

const { OK, DECODE_ERROR } = MemTxResult;

function setUp(bounceBuffers = 1) {
  const arena = Arena.create({ bytes: 1 << 22, debug: true });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const memory = FlatMemory.create(1, 2);
  const access = new MemoryAccess({ arena, reader: domain.register(), memory, bounceBuffers });
  const system = topology.initContainer("system", 2n ** 64n);
  const space = access.attach(topology.createAddressSpace("memory", system).handle);
  const ram = topology.initRam("ram", 0x2_0000, { blockId: 1, ramAddr: 0n });
  return { arena, domain, topology, memory, access, system, space, ram };
}

Deno.test("memory is mapped directly, over neighbouring ranges of one region, to the window's end", () => {
  const { topology, system, space, ram, memory } = setUp();
  const part = (name: string, size: number, offset: number) =>
    topology.initAlias(name, size, ram, offset);
  system.addSubregion(0x1000, part("a", 0x1000, 0x3000));
  const nonvolatile = part("b", 0x1000, 0x4000); // runs on, but makes another range
  system.addSubregion(0x2000, nonvolatile);
  nonvolatile.setNonvolatile(true);
  system.addSubregion(0x3000, part("c", 0x1000, 0x9000)); // of the same region, but does not run on
  const mapping = space.map(0x1800, 0x8000, true);
  assertEquals([mapping.length, mapping.bounced, mapping.result], [0x1800, false, OK]);
  mapping.bytes[0] = 0xaa;
  assertEquals(memory.byte(0x3800), 0xaa);
  assertEquals(mapping.unmap(), OK);
  assertThrows(() => mapping.unmap(), FlatViewError, "unmapped before");

  system.addSubregion(0x1_0000, part("d", 0x2000, 0xf000)); // across two windows
  const cut = space.map(0x1_0800, 0x1800, false);
  assertEquals([cut.length, cut.bytes.length], [0x800, 0x800]);
  assertThrows(() => cut.unmap(0x801), FlatViewError, "2048 are mapped");
  cut.unmap();
});

Deno.test("mapped memory lives until it is unmapped, even if it is unplugged", () => {
  const { domain, topology, system, space } = setUp();
  let finalised = 0;
  const dimm = topology.initRam("dimm", 0x1000, { blockId: 1, ramAddr: 0x5000n }, {
    finalize: () => finalised++,
  });
  system.addSubregion(0, dimm);
  const mapping = space.map(0x10, 0x10, false);
  system.delSubregion(dimm);
  dimm.destroy();
  domain.barrier();
  assertEquals(finalised, 0);
  mapping.unmap();
  topology.reap();
  domain.barrier();
  assertEquals(finalised, 1);
});

Deno.test("what is not memory goes through a bounce buffer, of which there is one", () => {
  const { topology, access, system, space, memory } = setUp();
  const written: [number, number][] = [];
  const io = topology.initIo("io", 0x2000, { valid: { maxAccessSize: 1 } });
  access.bind(io.id, {
    read: (offset: number) => offset + 1,
    write: (offset: number, value) => void written.push([offset, value]),
  });
  const rom = topology.initRom("rom", 0x1000, { blockId: 1, ramAddr: 0n });
  system.addSubregion(0x1000, io);
  system.addSubregion(0x4000, rom);

  const read = space.map(0x1004, 0x4000, false);
  assertEquals([read.length, read.bounced, read.bytes[0], read.result], [0x1000, true, 5, OK]);
  assertThrows(() => space.map(0x1000, 4, true), FlatViewError, "all 1 are in use");
  const rest = space.map(0x4000, 0x10, false); // memory needs none
  rest.unmap();
  const [notify, unregistered] = [spy(), spy()];
  access.onBounceBufferFree(notify);
  access.onBounceBufferFree(unregistered)();
  assertSpyCalls(notify, 0);
  read.unmap();
  assertSpyCalls(notify, 1);
  assertEquals(written, []);
  access.onBounceBufferFree(notify); // one is free: called at once
  assertSpyCalls(notify, 2);
  assertSpyCalls(unregistered, 0);

  const write = space.map(0x1ffe, 4, true);
  assertEquals(write.bounced, true);
  write.bytes.set([7, 8, 9, 10]);
  assertEquals(write.unmap(3), OK);
  assertEquals(written, [[0xffe, 7], [0xfff, 8], [0x1000, 9]]);

  const toRom = space.map(0x4000, 4, true);
  toRom.bytes.fill(1);
  assertEquals([toRom.bounced, toRom.unmap(), memory.byte(0)], [true, DECODE_ERROR, 0]);
  const hole = space.map(0x9000, 4, false);
  assertEquals([[...hole.bytes], hole.result], [[0, 0, 0, 0], DECODE_ERROR]);
  hole.unmap();
});

Deno.test("there are as many bounce buffers as configured; a notification may take the one that became free", () => {
  const { access, space } = setUp(2);
  const first = space.map(0, 4, true);
  const second = space.map(4, 4, true);
  assert(first.bytes.buffer !== second.bytes.buffer);
  assertThrows(() => space.map(8, 4, true), FlatViewError, "are in use");
  let third;
  access.onBounceBufferFree(() => third = space.map(8, 4, true));
  first.unmap();
  assert(third !== undefined);
  assertThrows(() => space.map(12, 4, true), FlatViewError, "are in use");
});

Deno.test("mappings that are left at the end are a named error, and nothing is closed", () => {
  const { access, space, system, ram } = setUp();
  system.addSubregion(0, ram);
  const mappings = [space.map(0x10, 4, false), space.map(0x10_0000, 4, true)];
  const error = assertThrows(
    () => access.close(),
    FlatViewError,
    "2 mappings are left, at 0x10, ",
  );
  assertEquals([error.code, error.details], ["MAPPINGS_LEFT", { addresses: [0x10, 0x10_0000] }]);
  for (const mapping of mappings) mapping.unmap();
  access.close();
  assertThrows(() => space.map(2n ** 64n - 1n, 2, false), FlatViewError, "Cannot access");
});

Deno.test("a device that throws while its answer is bounced leaves the buffer free", () => {
  const { topology, access, system, space } = setUp();
  const io = topology.initIo("io", 0x10, {});
  system.addSubregion(0, io); // bound by nobody: a named error
  assertThrows(() => space.map(0, 4, false), Error, "bound no callbacks");
  access.bind(io.id, { read: () => 1 });
  const mapping = space.map(0, 4, false);
  assertEquals(mapping.bytes[0], 1);
  mapping.unmap();
});
