/** Regions that are made with their blocks, and dirty logs that follow a view, with the real guest RAM. */
import { assertEquals, assertThrows } from "@std/assert";
import { MemoryAccess, Topology } from "@guestmem/flatview";
import {
  DIRTY_CLIENT,
  DirtyLogListener,
  GuestRam,
  RamBlockError,
  RamList,
} from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";

const PAGE = 0x1000;

function setUp() {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const ram = GuestRam.create(domain, { bytes: 1 << 24 });
  const blocks = new RamList(ram);
  const topology = new Topology({ arena, domain });
  const system = topology.initContainer("system", 2n ** 64n);
  const memory = topology.createAddressSpace("memory", system);
  const reader = domain.register();
  const access = new MemoryAccess({ arena, reader, memory: ram });
  return {
    domain,
    ram,
    blocks,
    topology,
    system,
    memory,
    reader,
    space: access.attach(memory.handle),
  };
}

Deno.test("a region that is made with its block grows and shrinks with it, and takes it along", () => {
  const { domain, blocks, topology, system, space } = setUp();
  const rom = topology.initRamBlock("rom", 2 * PAGE, blocks, { maxSize: 4 * PAGE });
  system.addSubregion(0, rom);
  const used = () => blocks.blocks().map(({ name, usedLength }) => `${name} ${usedLength / PAGE}`);
  space.store32le(PAGE, 7);
  assertEquals(space.store32le(3 * PAGE, 8), 2, "nothing there");
  rom.resizeRam(4 * PAGE);
  assertEquals([used(), space.store32le(3 * PAGE, 8)], [["rom 4"], 0]);
  rom.resizeRam(PAGE);
  assertEquals(used(), ["rom 4"]);
  domain.barrier();
  assertEquals([used(), space.load32le(PAGE)], [["rom 1"], 0]);
  const tooMuch = assertThrows(() => rom.resizeRam(5 * PAGE), RamBlockError);
  assertEquals([tooMuch.code, rom.size], ["LENGTH_BEYOND_MAXIMUM", 0x1000n]);
  system.delSubregion(rom);
  rom.destroy();
  domain.barrier(); // the view goes, and the block is removed
  domain.barrier(); // and reclaimed
  assertEquals([used(), blocks.retired()], [[], []]);
});

Deno.test("while all memory is logged, what is written anywhere is found, page by page", () => {
  const { ram, blocks, topology, system, memory, reader, space } = setUp();
  topology.registerListener(new DirtyLogListener(blocks), memory);
  const low = topology.initRamBlock("low", 4 * PAGE, blocks);
  const high = topology.initRamBlock("high", 4 * PAGE, blocks);
  system.addSubregion(0, low);
  system.addSubregion(8 * PAGE, high);
  const [from, to] = [low, high].map((region) => Number(region.ram!.ramAddr) / PAGE) as [
    number,
    number,
  ];
  const take = () => {
    topology.syncDirtyLog();
    const guard = reader.lock();
    const pages = [...ram.dirty.snapshotAndClear(guard, DIRTY_CLIENT.MIGRATION, 0, 1 << 24)];
    guard.unlock();
    return pages;
  };
  take(); // blocks are dirty at first
  space.store8(0, 1);
  assertEquals(take(), []);
  topology.startGlobalLog();
  space.store8(PAGE, 1);
  space.store8(9 * PAGE, 1);
  const guard = reader.lock();
  ram.write(guard, (to + 3) * PAGE, Uint8Array.of(1)); // a device, past the view
  guard.unlock();
  assertEquals(take(), [from + 1, to + 1, to + 3]);
  topology.stopGlobalLog();
  space.store8(PAGE, 1);
  assertEquals(take(), []);
});
