/** The bitmaps against a plain set of pages. */

import { Arena, RcuDomain, RcuError, type Reclaimer } from "@guestmem/rcu";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { coreOf, GuestRam } from "../blocks/guest_ram.ts";
import { RamList } from "../blocks/ram_list.ts";
import { ALL_CLIENTS, DIRTY_CLIENT, type DirtyClient } from "./dirty_clients.ts";
import { DirtyLogListener } from "../blocks/dirty_log_listener.ts";
import { RAM } from "../kernel/layouts.ts";
import { growDirty } from "./grow_dirty.ts";
import { refused } from "../testdata/refused.ts";

const PAGE = 4096;
const PAGES = 400;

/** RAM of 400 pages, whose bitmaps have chunks of 64 pages, all clean. */
function setUp() {
  const domain = RcuDomain.create(Arena.create({ bytes: 1 << 20 }));
  const ram = GuestRam.create(domain, { bytes: 1 << 22, dirtyChunkPages: 64 });
  const blocks = new RamList(ram);
  const block = blocks.addAnonymous({ name: "ram", length: PAGES * PAGE });
  const guard = domain.register().lock();
  for (const client of Object.values(DIRTY_CLIENT)) {
    ram.dirty.testAndClear(guard, client, 0, PAGES * PAGE);
  }
  return { ram, blocks, dirty: ram.dirty, guard, block };
}

Deno.test("dirty bits agree with sets of pages, client by client", () => {
  const start = fc.integer({ min: 0, max: PAGES * PAGE - 1 });
  const length = fc.oneof(
    fc.integer({ min: 0, max: 3 * PAGE }),
    fc.integer({ min: 0, max: PAGES * PAGE }),
  );
  const client = fc.constantFrom<DirtyClient>(0, 1, 2);
  const step = fc.record({
    what: fc.constantFrom("mark", "range", "test", "clear", "take"),
    start,
    length,
    client,
    clients: fc.integer({ min: 0, max: ALL_CLIENTS }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { dirty, guard } = setUp();
      const model = [new Set<number>(), new Set<number>(), new Set<number>()];
      for (const { what, start, length: wanted, client, clients } of steps) {
        const length = Math.min(wanted, PAGES * PAGE - start);
        const first = Math.floor(start / PAGE);
        const count = length === 0 ? 0 : Math.floor((start + length - 1) / PAGE) - first + 1;
        const pages = Array.from({ length: count }, (_, i) => first + i);
        const hit = pages.filter((page) => model[client]!.has(page));
        if (what === "mark") {
          dirty.mark(guard, start, clients);
          model.forEach((set, n) => clients & (1 << n) && set.add(first));
        } else if (what === "range") {
          dirty.markRange(guard, start, length, clients);
          model.forEach((set, n) => clients & (1 << n) && pages.forEach((page) => set.add(page)));
        } else if (what === "test") {
          assertEquals(dirty.isDirty(guard, client, start, length), hit.length > 0);
        } else {
          if (what === "clear") {
            assertEquals(dirty.testAndClear(guard, client, start, length), hit.length > 0);
          } else {
            const snapshot = dirty.snapshotAndClear(guard, client, start, length);
            assertEquals([...snapshot], hit);
            assertEquals([snapshot.size, snapshot.first, snapshot.count], [
              hit.length,
              first,
              count,
            ]);
            for (const page of pages) assertEquals(snapshot.has(page), model[client]!.has(page));
          }
          for (const page of hit) model[client]!.delete(page);
        }
      }
      model.forEach((set, n) => {
        const snapshot = dirty.snapshotAndClear(guard, n as DirtyClient, 0, PAGES * PAGE);
        assertEquals([...snapshot], [...set].sort((a, b) => a - b));
      });
    }),
    { seed: 1, numRuns: 200 },
  );
});

Deno.test("ranges that the bitmaps do not cover are refused", () => {
  const { dirty, guard } = setUp();
  const covered = dirty.covered(guard);
  assertEquals(covered, 448 * PAGE);
  for (const address of [-1, covered, NaN, 2 ** 53]) {
    refused("DIRTY_RANGE", () => dirty.mark(guard, address, 1));
    refused("DIRTY_RANGE", () => dirty.isDirty(guard, 0, address, 1));
    refused("DIRTY_RANGE", () => dirty.markRange(guard, address, 1, 1));
  }
  refused("DIRTY_RANGE", () => dirty.testAndClear(guard, 0, covered - 1, 2));
  refused("DIRTY_RANGE", () => dirty.snapshotAndClear(guard, 0, 0, -1));
  refused("DIRTY_RANGE", () => dirty.snapshotAndClear(guard, 0, 0.5, 1));
});

Deno.test("a new block is dirty for all clients; writes mark it for those whose log is on", () => {
  const { ram, blocks, dirty, guard, block } = setUp();
  const next = blocks.addAnonymous({ name: "more", length: 2 * PAGE });
  for (const client of Object.values(DIRTY_CLIENT)) {
    const taken = dirty.snapshotAndClear(guard, client, next.offset, 2 * PAGE);
    assertEquals(taken.size, 2);
  }
  const write = (address: number) => ram.write(guard, address, Uint8Array.of(1));
  const who = () =>
    Object.values(DIRTY_CLIENT).filter((client) =>
      dirty.testAndClear(guard, client, 0, PAGES * PAGE)
    );
  write(5 * PAGE);
  assertEquals(who(), []);
  blocks.startLog(block.id, 1 << DIRTY_CLIENT.VGA | 1 << DIRTY_CLIENT.MIGRATION);
  write(5 * PAGE);
  assertEquals(who(), [DIRTY_CLIENT.VGA, DIRTY_CLIENT.MIGRATION]);
  blocks.stopLog(block.id, 1 << DIRTY_CLIENT.VGA);
  write(5 * PAGE);
  assertEquals(who(), [DIRTY_CLIENT.MIGRATION]);
});

Deno.test("a listener switches the logs of blocks with those of their regions", () => {
  const { ram, blocks, guard, block } = setUp();
  const listener = new DirtyLogListener(blocks);
  const of = (dirtyLogMask: number, ram: { blockId: number; ramAddr: bigint } | null) => ({
    region: { kind: "ram", romd: false, dirtyLogMask, ram },
    ...{ offsetWithinRegion: 0n, offsetWithinAddressSpace: 0n, size: 0x1000n, readonly: false },
  });
  const backing = { blockId: block.id, ramAddr: 0n };
  const mask = () => ram.logMaskOf(ram.find(guard, 0));
  listener.regionAdd(of(0b001, backing));
  assertEquals(mask(), 0b001);
  listener.logStart(of(0b101, backing), 0b001, 0b101);
  assertEquals(mask(), 0b101);
  listener.logStop(of(0b100, backing), 0b101, 0b100);
  assertEquals(mask(), 0b100);
  listener.regionAdd(of(0b111, null));
  listener.regionAdd({ ...of(0, null), region: null });
  assertEquals(mask(), 0b100);
  listener.regionDel(of(0b100, backing));
  assertEquals(mask(), 0);
});

Deno.test("a block logs for a client while any section over it does", () => {
  const { ram, blocks, guard, block } = setUp();
  const listener = new DirtyLogListener(blocks);
  const at = (address: bigint, dirtyLogMask: number) => ({
    region: { kind: "ram", romd: false, dirtyLogMask, ram: { blockId: block.id, ramAddr: 0n } },
    ...{ offsetWithinRegion: 0n, offsetWithinAddressSpace: address, size: 0x1000n },
    readonly: false,
  });
  const mask = () => ram.logMaskOf(ram.find(guard, 0));
  listener.regionAdd(at(0n, 0b100));
  listener.regionAdd(at(0x1000n, 0)); // does not end the log of the other
  assertEquals(mask(), 0b100);
  listener.logStart(at(0x1000n, 0b101), 0, 0b101);
  listener.logStop(at(0n, 0), 0b100, 0);
  assertEquals(mask(), 0b101);
  listener.regionDel(at(0n, 0));
  assertEquals(mask(), 0b101);
  listener.regionDel(at(0x1000n, 0b101));
  assertEquals(mask(), 0);
  listener.regionAdd(at(0n, 0b1_0001)); // a client that has no bitmap here
  assertEquals(mask(), 0b001);
  blocks.remove(block.id);
  listener.regionDel(at(0n, 0b1_0001));
});

Deno.test("a growth whose old table cannot be deferred stands, and the next one has it freed", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const { ram } = coreOf(GuestRam.create(domain, { bytes: 1 << 26, dirtyChunkPages: 64 }));
  const deferred: number[] = [];
  let isFull = true;
  const reclaimer: Reclaimer = {
    callRcu: () => {},
    deferFree: (block) => {
      const details = { what: "a block", count: 1, bytes: 1, reason: "planted" };
      if (isFull) throw new RcuError("DEFERRED_BUDGET", details);
      deferred.push(block);
    },
  };
  const tableAt = () => RAM.dirty.get(arena.u32, ram);
  const first = tableAt();
  growDirty(arena, reclaimer, ram, 64);
  const second = tableAt();
  assert(second !== first);
  const { liveBlocks } = arena.stats();
  assertThrows(() => growDirty(arena, reclaimer, ram, 200), RcuError, "planted");
  assertEquals([tableAt(), arena.stats().liveBlocks], [second, liveBlocks]);
  isFull = false;
  growDirty(arena, reclaimer, ram, 200);
  assertEquals(deferred, [first, second]);
});
