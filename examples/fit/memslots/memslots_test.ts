/** ramblock's listeners on flatview's flat views. */

import { ListenerError, type MemoryRegion } from "@guestmem/flatview";
import { DIRTY_CLIENT, DirtyLogListener, RamBlockError } from "@guestmem/ramblock";
import { MemslotListener, ShadowMap, SLOT_FLAG } from "@guestmem/ramblock/memslots";
import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { expectedPages, pagesOf } from "./expected_pages.ts";
import { createMachine, type Machine } from "../../learn/memslots/machine.ts";
import { anyEdit, applyEdit, createRegions } from "./random_edits.ts";

const PAGE = 4096;
const { READONLY, LOG_DIRTY } = SLOT_FLAG;

/** A machine with a listener from the start. */
function createFollowed() {
  const machine = createMachine();
  const { slots, blocks, topology, memory, addBlock } = machine;
  const listener = new MemslotListener(slots, blocks);
  topology.registerListener(listener, memory);
  const addRam = (name: string, length: number) =>
    topology.initRam(name, length, addBlock(name, length));
  /** The slots: first gfn, pages, page in the block, flags. */
  const seen = () =>
    slots.batch().slots().map(({ baseGfn, pages, host, flags }) => {
      const block = blocks.blocks().find((block) =>
        host >= block.host && host < block.host + block.maxLength
      )!;
      return [baseGfn, pages, `${block.name}+${(host - block.host) / PAGE}`, flags];
    });
  return { ...machine, listener, addRam, seen };
}

Deno.test("RAM, ROM, a readonly alias and a ROM device in its two modes", () => {
  const { topology, system, addBlock, addRam, seen } = createFollowed();
  const ram = addRam("pc.ram", 0x100 * PAGE);
  const bios = topology.initRom("pc.bios", 4 * PAGE, addBlock("pc.bios", 4 * PAGE));
  const flash = topology.initRomDevice("flash", 2 * PAGE, addBlock("flash", 2 * PAGE), {});
  const pam = topology.initAlias("pam", 16 * PAGE, ram, 0xc0 * PAGE);
  pam.setReadonly(true);
  topology.transaction(() => {
    system.addSubregion(0, ram);
    system.addSubregionOverlap(0xc0 * PAGE, pam, 1);
    system.addSubregion(0xffffcn * BigInt(PAGE), bios);
    system.addSubregion(0x200 * PAGE, flash);
  });
  const rest = [
    [0, 0xc0, "pc.ram+0", 0],
    [0xc0, 16, `pc.ram+${0xc0}`, READONLY],
    [0xd0, 0x30, `pc.ram+${0xd0}`, 0],
  ];
  const rom = [0xffffc, 4, "pc.bios+0", READONLY];
  const romd = [0x200, 2, "flash+0", READONLY];
  assertEquals(seen(), [...rest, romd, rom]);
  flash.setRomd(false);
  assertEquals(seen(), [...rest, rom], "every access leaves to the device");
  flash.setRomd(true);
  assertEquals(seen(), [...rest, romd, rom]);
  pam.setReadonly(false);
  assertEquals(seen(), [[0, 0x100, "pc.ram+0", 0], romd, rom], "one range again");
});

Deno.test("RAM that starts and ends within pages; registers within RAM", () => {
  const { topology, system, addRam, seen } = createFollowed();
  const ram = addRam("ram", 16 * PAGE);
  ram.setSize(16 * PAGE - 0x200);
  system.addSubregion(0x40 * PAGE, ram);
  assertEquals(seen(), [[0x40, 15, "ram+0", 0]]);
  const registers = topology.initIo("registers", 16, {});
  system.addSubregionOverlap(0x44 * PAGE + 0x800, registers, 1);
  assertEquals(seen(), [[0x40, 4, "ram+0", 0], [0x45, 10, "ram+5", 0]], "the whole page leaves");
  registers.setAddress(0x44 * PAGE - 8); // across two pages
  assertEquals(seen(), [[0x40, 3, "ram+0", 0], [0x45, 10, "ram+5", 0]]);
  registers.setEnabled(false);
  assertEquals(seen(), [[0x40, 15, "ram+0", 0]]);
  ram.setSize(8 * PAGE);
  assertEquals(seen(), [[0x40, 8, "ram+0", 0]]);
});

Deno.test("what cannot be a slot is reported by the commit, and the rest is served", () => {
  const { topology, system, addBlock, addRam, seen } = createFollowed();
  system.addSubregion(0, addRam("ram", 4 * PAGE));
  const odd = topology.initRam("odd", PAGE, { ...addBlock("odd", 2 * PAGE), ramAddr: 0x10n });
  const long = topology.initRam("long", 2 * PAGE, addBlock("long", PAGE));
  const commit = () =>
    topology.transaction(() => {
      system.addSubregion(8 * PAGE, odd);
      system.addSubregion(16 * PAGE, long);
      system.addSubregion(24 * PAGE, addRam("other", PAGE));
    });
  const { errors } = assertThrows(commit, ListenerError);
  assertEquals(
    errors.map((error) => (error as RamBlockError).code),
    Array(2).fill("UNMAPPABLE_SECTION"),
  );
  assertEquals(seen(), [[0, 4, "ram+0", 0], [24, 1, "other+0", 0]]);
  system.delSubregion(odd);
  system.delSubregion(long);
  assertEquals(seen(), [[0, 4, "ram+0", 0], [24, 1, "other+0", 0]]);
});

Deno.test("a batch that fails is reported by the commit, and the next one catches up", () => {
  const { topology, system, slots, addRam, seen, memory } = createFollowed();
  const ram = addRam("ram", 4 * PAGE);
  system.addSubregion(0, ram);
  const guard = slots.srcu.register().lock();
  const { errors } = assertThrows(() => ram.setAddress(8 * PAGE), ListenerError);
  assertEquals(errors.map((error) => (error as Error).name), ["WaitInSectionError"]);
  assertEquals(memory.view.ranges()[0]!.first, BigInt(8 * PAGE), "the view is out");
  assertEquals(seen(), [[0, 4, "ram+0", 0]], "the slots are as they were, not half");
  guard.unlock();
  system.addSubregion(0x100 * PAGE, topology.initIo("registers", 16, {}));
  assertEquals(seen(), [[8, 4, "ram+0", 0]]);
});

Deno.test("slots follow one address space, from registration until it ends", () => {
  const { topology, system, listener, memory, addRam, seen, slots } = createFollowed();
  const reader = slots.srcu.register();
  const generation = () => {
    const guard = reader.lock();
    const generation = slots.generation(slots.snapshot(guard));
    guard.unlock();
    return generation;
  };
  system.addSubregion(0, addRam("ram", 4 * PAGE));
  const before = generation();
  const io = topology.initContainer("io", 0x10000);
  topology.createAddressSpace("I/O", io);
  io.addSubregion(0, addRam("other", PAGE));
  assertEquals([seen(), generation()], [[[0, 4, "ram+0", 0]], before], "another one's change");
  topology.unregisterListener(listener, memory);
  assertEquals(seen(), []);
  topology.registerListener(listener, memory);
  assertEquals(seen(), [[0, 4, "ram+0", 0]]);
});

/** A machine whose RAM two clients may log; what they are told, and writes by both ways. */
function createLogged() {
  const machine = createFollowed();
  const { topology, system, memory, domain, blocks, slots, addRam } = machine;
  topology.registerListener(new DirtyLogListener(blocks), memory);
  const vram = addRam("vga.vram", 16 * PAGE);
  system.addSubregion(0x100 * PAGE, vram);
  const rcu = domain.register();
  const srcu = slots.srcu.register();
  const shadow = ShadowMap.create(slots);
  const { ram } = blocks;
  /** Takes the dirty pages of a client. */
  const take = (client: keyof typeof DIRTY_CLIENT): number[] => {
    topology.syncDirtyLog();
    const guard = rcu.lock();
    const pages = [...ram.dirty.snapshotAndClear(guard, DIRTY_CLIENT[client], 0, 16 * PAGE)];
    guard.unlock();
    return pages;
  };
  /** A write by a vCPU, through its shadow mapping. */
  const vcpuWrites = (gfn: number): void => {
    const guard = srcu.lock();
    assertEquals(shadow.translate(guard, gfn, true) >= 0, true, `gfn ${gfn}`);
    guard.unlock();
  };
  /** A write by a device, through the block. */
  const deviceWrites = (page: number): void => {
    const guard = rcu.lock();
    ram.write(guard, page * PAGE, Uint8Array.of(1));
    guard.unlock();
  };
  for (const client of ["VGA", "CODE", "MIGRATION"] as const) take(client);
  return { ...machine, vram, take, vcpuWrites, deviceWrites };
}

Deno.test("dirty logs start and stop with the log mask of the region", () => {
  const { vram, take, vcpuWrites, deviceWrites, seen } = createLogged();
  vcpuWrites(0x101);
  deviceWrites(2);
  assertEquals(take("VGA"), [], "nobody logs");
  vram.setLog(true, DIRTY_CLIENT.VGA);
  assertEquals(seen(), [[0x100, 16, "vga.vram+0", LOG_DIRTY]]);
  vcpuWrites(0x101); // the mapping is from before
  deviceWrites(2);
  assertEquals(take("VGA"), [1, 2]);
  assertEquals(take("VGA"), []);
  vcpuWrites(0x101);
  vram.setLog(true, DIRTY_CLIENT.MIGRATION);
  vcpuWrites(0x103);
  deviceWrites(4);
  assertEquals(take("VGA"), [1, 3, 4]);
  assertEquals(take("MIGRATION").filter((page) => page > 1), [3, 4]);
  vram.setLog(false, DIRTY_CLIENT.VGA);
  vcpuWrites(0x105);
  deviceWrites(6);
  assertEquals([take("VGA"), take("MIGRATION")], [[], [5, 6]]);
  vram.setLog(false, DIRTY_CLIENT.MIGRATION);
  assertEquals(seen(), [[0x100, 16, "vga.vram+0", 0]]);
  vcpuWrites(0x107);
  deviceWrites(8);
  assertEquals([take("VGA"), take("MIGRATION")], [[], []]);
});

Deno.test("a logged page stays dirty when its slot is split, moved or gone", () => {
  const { topology, system, vram, take, vcpuWrites, seen } = createLogged();
  vram.setLog(true, DIRTY_CLIENT.VGA);
  vcpuWrites(0x101);
  const bar = topology.initIo("bar", PAGE, {});
  system.addSubregionOverlap(0x108 * PAGE, bar, 1);
  assertEquals(seen(), [
    [0x100, 8, "vga.vram+0", LOG_DIRTY],
    [0x109, 7, "vga.vram+9", LOG_DIRTY],
  ]);
  vcpuWrites(0x102);
  vcpuWrites(0x10f);
  vram.setAddress(0x200 * PAGE);
  vcpuWrites(0x203);
  system.delSubregion(vram);
  assertEquals(seen(), []);
  assertEquals(take("VGA"), [1, 2, 3, 15]);
  system.addSubregion(0x300 * PAGE, vram); // it comes with its log on
  vcpuWrites(0x304);
  assertEquals(take("VGA"), [4]);
});

/** The log masks of blocks that a view shows, and those of their regions. */
function logMasks({ domain, blocks, memory }: Machine, regions: readonly MemoryRegion[]) {
  const reader = domain.register();
  const guard = reader.lock();
  const shown = regions.filter((region) =>
    region.ram && memory.view.ranges().some((range) => range.region === region)
  );
  const masks = shown.map(({ name, ram, dirtyLogMask }) => {
    const block = blocks.ram.find(guard, Number(ram!.ramAddr));
    return { name, logs: blocks.ram.logMaskOf(block), told: dirtyLogMask };
  });
  guard.unlock();
  reader.unregister();
  return masks;
}

Deno.test("after any edits the slots are what the flat view says, page by page", () => {
  let [slotted, refused, split] = [0, 0, 0];
  const transactions = fc.array(fc.array(anyEdit, { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 25,
    size: "max",
  });
  fc.assert(
    fc.property(transactions, (plans) => {
      const machine = createFollowed();
      const { topology, memory, blocks, slots, listener } = machine;
      topology.registerListener(new DirtyLogListener(blocks), memory);
      const regions = createRegions(machine);
      for (const plan of plans) {
        try {
          topology.transaction(() => plan.forEach((edit) => applyEdit(machine, regions, edit)));
        } catch (error) {
          assertInstanceOf(error, ListenerError);
          for (const one of error.errors) {
            assertInstanceOf(one, RamBlockError);
            assertEquals(one.code, "UNMAPPABLE_SECTION");
          }
          refused++;
        }
        const now = slots.batch().slots();
        assertEquals(pagesOf(now), expectedPages(memory.view.ranges(), blocks.blocks()));
        for (const { name, logs, told } of logMasks(machine, regions)) {
          assertEquals(logs, told, name);
        }
        slotted += Number(now.length > 0);
        split += Number(now.length > 3);
      }
      topology.unregisterListener(listener, memory);
      assertEquals(slots.batch().slots(), []);
    }),
    { seed: 1, numRuns: 300 },
  );
  // The edits did cover the interesting cases.
  assertEquals([slotted > 500, split > 50, refused > 10], [true, true, true]);
});

Deno.test("planted: a listener that is not told of one kind of change is caught", () => {
  const machine = createMachine();
  const { topology, system, slots, blocks, memory } = machine;
  const listener = new MemslotListener(slots, blocks);
  const deaf = {
    regionAdd: listener.regionAdd.bind(listener),
    regionDel: listener.regionDel.bind(listener),
    logStart: listener.logStart.bind(listener),
    commit: listener.commit.bind(listener),
  };
  topology.registerListener(deaf, memory);
  const [ram] = createRegions(machine);
  const agrees = () => {
    const expected = expectedPages(memory.view.ranges(), blocks.blocks());
    return JSON.stringify([...pagesOf(slots.batch().slots())]) === JSON.stringify([...expected]);
  };
  system.addSubregion(0, ram!);
  ram!.setLog(true, DIRTY_CLIENT.VGA);
  assertEquals(agrees(), true);
  ram!.setLog(false, DIRTY_CLIENT.VGA);
  assertEquals(agrees(), false);
});
