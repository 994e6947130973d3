/** Slots that follow sections, against the rules worked out by hand. */

import { Arena, RcuDomain, Srcu } from "@guestmem/rcu";
import { assertEquals } from "@std/assert";
import { GuestRam } from "../blocks/guest_ram.ts";
import { RamList } from "../blocks/ram_list.ts";
import { DIRTY_CLIENT } from "../dirty/dirty_clients.ts";
import { OUTCOME, SLOT_FLAG } from "../kernel/layouts.ts";
import type { RamSection } from "../blocks/ram_section.ts";
import { MemslotListener } from "./memslot_listener.ts";
import { Memslots } from "./memslots.ts";
import { ShadowMap } from "./shadow_map.ts";
import { refused } from "../testdata/refused.ts";

type RamRegion = NonNullable<RamSection["region"]>;

const PAGE = 0x1000;

function setUp() {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const ram = GuestRam.create(domain, { bytes: 1 << 24 });
  const blocks = new RamList(ram);
  const block = blocks.addAnonymous({ name: "pc.ram", length: 1 << 22 });
  const srcu = Srcu.create(arena);
  const slots = Memslots.create(srcu, { limit: 8 });
  const listener = new MemslotListener(slots, blocks);
  const region = (kind: string, more: Partial<RamRegion> = {}): RamRegion => ({
    ...{ kind, romd: false, dirtyLogMask: 0 },
    ...{ ram: { blockId: block.id, ramAddr: BigInt(block.offset) } },
    ...more,
  });
  const reader = srcu.register();
  const seen = () => {
    const guard = reader.lock();
    const found = slots.slots(slots.snapshot(guard));
    guard.unlock();
    return found.map(({ baseGfn, pages, host, flags }) => {
      return [baseGfn, pages, host - block.host, flags];
    });
  };
  return { arena, domain, ram, blocks, block, srcu, slots, listener, region, seen, reader };
}

function section(
  region: RamRegion | null,
  address: number,
  size: number,
  offset = 0,
  readonly = false,
): RamSection {
  return {
    region,
    offsetWithinRegion: BigInt(offset),
    offsetWithinAddressSpace: BigInt(address),
    size: BigInt(size),
    readonly,
  };
}

Deno.test("RAM, ROM and ROM devices become slots; regions without memory do not", () => {
  const { listener, region, seen } = setUp();
  listener.regionAdd(section(region("ram"), 0, 0xa0000));
  listener.regionAdd(section(region("io", { ram: null }), 0xa0000, 0x20000));
  listener.regionAdd(section(null, 0xb0000, PAGE));
  listener.regionAdd(section(region("rom"), 0xc0000, 0x20000, 0xc0000, true));
  listener.regionAdd(section(region("romDevice", { romd: true }), 0xe0000, PAGE, 0xe0000));
  listener.regionAdd(section(region("romDevice", { romd: false }), 0xe1000, PAGE, 0xe1000));
  listener.regionAdd(section(region("ram"), 0xe2000, PAGE, 0xe2000, true));
  listener.regionAdd(section(region("rom"), 0xe3000, PAGE, 0xe3000)); // made writable by its owner
  listener.commit();
  const { READONLY } = SLOT_FLAG;
  assertEquals(seen(), [
    [0, 0xa0, 0, 0],
    [0xc0, 0x20, 0xc0000, READONLY],
    [0xe0, 1, 0xe0000, READONLY],
    [0xe2, 1, 0xe2000, READONLY],
    [0xe3, 1, 0xe3000, 0],
  ]);
});

Deno.test("slots have whole pages only, and memory aligned like their addresses", () => {
  const { listener, region, seen } = setUp();
  const ram = region("ram");
  listener.regionAdd(section(ram, 0x800, 0x3000, 0x10800));
  listener.regionAdd(section(ram, 0x8100, 0xe00, 0x8100)); // within one page
  listener.regionAdd(section(ram, 0x9800, 0x1000, 0x9800)); // parts of two
  refused("UNMAPPABLE_SECTION", () => listener.regionAdd(section(ram, 0x10000, PAGE, 0x10)));
  const unknown = region("ram", { ram: { blockId: 77, ramAddr: 0n } });
  refused("UNMAPPABLE_SECTION", () => listener.regionAdd(section(unknown, 0x10000, PAGE)));
  listener.commit();
  assertEquals(seen(), [[1, 2, 0x11000, 0]]);
});

Deno.test("no slot reaches beyond its block, into another one's memory", () => {
  const { blocks, block, listener, region, seen } = setUp();
  const other = blocks.addAnonymous({ name: "other", length: PAGE });
  assertEquals(other.offset, block.maxLength);
  const all = block.maxLength;
  const refuse = (at: RamSection) =>
    refused("UNMAPPABLE_SECTION", () => listener.regionAdd(at), "beyond");
  refuse(section(region("ram"), 0, all + PAGE));
  refuse(section(region("ram"), 0, PAGE, all));
  refuse(section(region("ram", { ram: { blockId: other.id, ramAddr: 0n } }), 0, PAGE));
  listener.regionAdd(section(region("ram"), 0, all + 0xfff)); // the rest is no whole page
  listener.commit();
  assertEquals(seen(), [[0, all / PAGE, 0, 0]]);
});

Deno.test("a commit that changes no slot publishes no table", () => {
  const { arena, listener, region, slots, srcu, reader } = setUp();
  const generation = () => {
    const guard = reader.lock();
    const generation = slots.generation(slots.snapshot(guard));
    guard.unlock();
    return generation;
  };
  const io = section(region("io", { ram: null }), 0x200000, PAGE);
  listener.regionAdd(section(region("ram"), 0, PAGE));
  listener.commit();
  srcu.srcuBarrier();
  const before = [generation(), arena.stats().liveBlocks];
  listener.regionAdd(io);
  listener.commit();
  listener.regionDel(io);
  listener.commit();
  assertEquals([generation(), arena.stats().liveBlocks], before);
});

Deno.test("a change of the view is one batch: slots that stay are not touched, romd toggles to exits", () => {
  const { listener, region, seen, slots } = setUp();
  const [ram, flash] = [section(region("ram"), 0, 0x100000), 0x200000];
  const romd = section(region("romDevice", { romd: true }), flash, PAGE, flash);
  const exits = section(region("romDevice", { romd: false }), flash, PAGE, flash);
  listener.regionAdd(ram);
  listener.regionAdd(romd);
  listener.commit();
  const before = slots.batch().slots();
  listener.regionDel(romd);
  listener.regionAdd(exits);
  listener.commit();
  assertEquals(seen(), [[0, 0x100, 0, 0]]);
  listener.regionDel(exits);
  listener.regionAdd(romd);
  listener.commit();
  assertEquals(slots.batch().slots(), before);
  listener.regionDel(ram);
  listener.regionAdd(section(region("ram"), 0, 0x80000));
  listener.regionAdd(section(region("ram"), 0x80000, 0x80000, 0x80000));
  listener.commit();
  assertEquals(seen().slice(0, 2), [[0, 0x80, 0, 0], [0x80, 0x80, 0x80000, 0]]);
});

Deno.test("a commit that fails leaves the slots, and the next one catches up", () => {
  const { listener, region, seen } = setUp();
  const sections = Array.from({ length: 9 }, (_, i) => section(region("ram"), i * 0x2000, PAGE));
  listener.regionAdd(sections[0]!);
  listener.commit();
  for (const one of sections.slice(1)) listener.regionAdd(one);
  refused("TOO_MANY_SLOTS", () => listener.commit());
  assertEquals(seen().length, 1);
  listener.regionDel(sections[4]!);
  listener.commit();
  assertEquals(seen().map(([gfn]) => gfn), [0, 2, 4, 6, 10, 12, 14, 16]);
});

Deno.test("dirty logs: switched by the listener, moved to the bitmaps of RAM, kept when a slot goes", () => {
  const { ram, domain, listener, region, seen, slots, srcu, reader } = setUp();
  const one = section(region("ram"), 0x100000, 0x10000, 0x40000);
  const rcu = domain.register();
  const dirty = () => {
    const guard = rcu.lock();
    const { VGA } = DIRTY_CLIENT;
    const pages = [...ram.dirty.snapshotAndClear(guard, VGA, 0, 1 << 22)];
    guard.unlock();
    return pages;
  };
  dirty();
  listener.regionAdd(one);
  listener.commit();
  const shadow = ShadowMap.create(slots);
  const write = (gfn: number) => {
    const guard = reader.lock();
    assertEquals(shadow.translate(guard, gfn, true) >= 0, true);
    guard.unlock();
  };
  write(0x101);
  listener.logStart(one, 0, 1 << DIRTY_CLIENT.VGA);
  listener.commit();
  assertEquals(seen()[0]![3], SLOT_FLAG.LOG_DIRTY);
  write(0x101); // the mapping from before is read-only now, so this is logged
  listener.logSync(one);
  assertEquals(dirty(), [0x41]);
  write(0x101);
  write(0x10f);
  listener.regionDel(one);
  listener.commit();
  assertEquals(dirty(), [0x41, 0x4f]);
  const guard = reader.lock();
  assertEquals(shadow.translate(guard, 0x101, false), OUTCOME.NO_SLOT);
  guard.unlock();
  listener.regionAdd({ ...one, region: region("ram", { dirtyLogMask: 1 }) });
  listener.commit();
  listener.logStop(one, 1, 0);
  listener.commit();
  assertEquals(seen()[0]![3], 0);
  assertEquals(srcu.stats().queuedFunctions, 0);
});
