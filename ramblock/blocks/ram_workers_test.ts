/** Lookups in other workers while blocks come and go. */

import { until } from "#tools/testing/until.ts";
import { Schedule } from "#tools/testing/schedule.ts";
import { rounds, spinUntil } from "#tools/testing/until.ts";
import { type TestWorkers, withWorkers } from "#tools/testing/workers.ts";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { assertEquals } from "@std/assert";
import { DIRTY_CLIENT } from "../dirty/dirty_clients.ts";
import { coreOf, GuestRam } from "./guest_ram.ts";
import { RAM } from "../kernel/layouts.ts";
import { RamList } from "./ram_list.ts";
import type { Setup } from "./ram_test_worker.ts";

const WORKER = import.meta.resolve("./ram_test_worker.ts");
const PAGE = 4096;

function setUp(workers: TestWorkers, count: number, bytes = 1 << 22) {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const ram = GuestRam.create(domain, { bytes, dirtyChunkPages: 64 });
  const schedule = Schedule.create();
  const progress = new Int32Array(new SharedArrayBuffer(64));
  const data = {
    arena: arena.handle,
    ram: ram.handle,
    schedule: schedule.buffer,
    progress: progress.buffer,
  };
  const spawned = Array.from({ length: count }, () => workers.spawn<Setup>(WORKER, data));
  return { arena, domain, ram, blocks: new RamList(ram), schedule, progress, spawned };
}

/**
 * The schedule of `explore/mru.ts`: a reader stores a block after the writer has unlinked it and cleared
 * the MRU word; another reader looks up once the grace period has begun.
 */
function staleStore(protocol: "seed" | "tagged") {
  return withWorkers(async (workers) => {
    const { domain, ram, blocks, schedule, spawned: [a, b] } = setUp(workers, 2);
    const { id } = blocks.addAnonymous({ name: "ram", length: PAGE });
    const reader = domain.register();
    const guard = reader.lock();
    ram.write(guard, 0, Uint8Array.of(0x55));
    guard.unlock();
    reader.unregister();

    const stored = a!.call(protocol === "seed" ? "seedStoreLate" : "taggedStoreLate", 0);
    const looked = b!.call("lookAcrossReclaim", 0, protocol === "seed");
    schedule.awaitStep(1);
    blocks.remove(id); // unlinks, bumps, clears, and asks for a grace period
    assertEquals(domain.poll(domain.startPoll()), false); // which begins, and waits for A alone
    schedule.reach(2);
    schedule.awaitStep(4);
    // The grace period ends although B is inside its section: B came later.
    await until(() => blocks.retired().length === 0, "the block is reclaimed");
    schedule.reach(5);
    await stored;
    return await looked;
  });
}

Deno.test("the seed's MRU protocol gives a reader a block that is reclaimed under it", async () => {
  let outcome: number[] = [];
  await staleStore("seed").then((looked) => outcome = looked as unknown as number[]);
  assertEquals(outcome, [0x55, 0]);
});

Deno.test("the tag: the same stale store is not trusted", async () => {
  assertEquals(await staleStore("tagged") as unknown, [-1, -1]);
});

for (const wait of [true, false]) {
  const title = wait
    ? "a block that is removed under a reader keeps its content until the section ends"
    : "planted: a block reclaimed without a grace period changes under its reader";
  Deno.test(title, () =>
    withWorkers(async (workers) => {
      const { domain, ram, blocks, schedule, spawned: [a] } = setUp(workers, 1);
      const { id } = blocks.addAnonymous({ name: "ram", length: PAGE });
      new Uint8Array(ram.handle.windows[0]!.buffer)[0] = 0x55;
      const looked = a!.call("lookTwice", 0);
      schedule.awaitStep(1);
      blocks.remove(id);
      assertEquals(domain.poll(domain.startPoll()), false);
      if (!wait) coreOf(ram).windows.scrub(0, PAGE);
      schedule.reach(2);
      assertEquals(await looked, [0x55, wait ? 0x55 : 0]);
      await domain.barrierAsync();
      assertEquals(blocks.retired(), []);
    }));
}

Deno.test("torture: readers find live blocks only, while blocks are removed, reclaimed and reused", () =>
  withWorkers(async (workers) => {
    const { domain, ram, blocks, schedule, progress, spawned } = setUp(workers, 2);
    const addresses = Array.from({ length: 8 }, (_, i) => i * 64 * PAGE);
    const races = spawned.map((worker, me) => worker.call("torture", me, addresses));
    // A block must hold its id before a reader can find it: the writer prepares the memory, which it
    // may, since the space is reclaimed.
    const prepare = (offset: number, id: number) => {
      new Uint32Array(ram.handle.windows[0]!.buffer)[offset / 4] = id;
    };
    const u32 = ram.domain.arena.u32;
    let serial = 0;
    const live: number[] = [];
    const enough = () => progress.subarray(0, 2).every((found) => found > 1000);
    for (const round of rounds(400, enough, "both workers have found blocks")) {
      while (live.length < 4) {
        const id = RAM.nextId.get(u32, ram.handle.offset);
        for (const offset of freeOffsets(blocks)) prepare(offset, id);
        live.push(blocks.addAnonymous({ name: `block ${serial++}`, length: 64 * PAGE }).id);
        for (const offset of freeOffsets(blocks)) prepare(offset, 0);
      }
      blocks.remove(live.splice(round % live.length, 1)[0]!);
      if (round % 3 === 0) domain.barrier();
    }
    schedule.reach(1);
    for (const race of races) {
      assertEquals((await race).slice(0, 3), []);
    }
  }));

/** Offsets of 64-page places that no block, retired or not, has. */
function freeOffsets(blocks: RamList): number[] {
  const taken = new Set([...blocks.blocks(), ...blocks.retired()].map(({ offset }) => offset));
  const all = Array.from({ length: 16 }, (_, i) => i * 64 * PAGE);
  return all.filter((offset) => !taken.has(offset));
}

Deno.test("a block that is plugged in is visible in every worker at once, with no message", () =>
  withWorkers(async (workers) => {
    const { domain, ram, blocks, spawned } = setUp(workers, 2);
    const reader = domain.register();
    for (const name of ["one", "two"]) {
      const { id, offset } = blocks.addAnonymous({ name, length: PAGE });
      const guard = reader.lock();
      ram.write(guard, offset, new TextEncoder().encode(`<${name}>`));
      guard.unlock();
      for (const worker of spawned) {
        assertEquals(await worker.call("readByName", name), { id, text: `<${name}>` });
      }
    }
  }));

Deno.test("a caller's buffer, attached in each worker", () =>
  withWorkers(async (workers) => {
    const { blocks, spawned: [a, b] } = setUp(workers, 2);
    const buffer = new SharedArrayBuffer(2 * PAGE);
    const options = { name: "pre", length: PAGE, buffer, byteOffset: PAGE };
    const { id, offset } = blocks.addPreallocated(options);
    new Uint8Array(buffer)[PAGE] = 1;
    assertEquals(await a!.call("exchange", id, buffer, offset, 2), 1);
    assertEquals(await b!.call("exchange", id, buffer, offset, 3), 2);
    assertEquals(new Uint8Array(buffer)[PAGE], 3);
  }));

Deno.test("torture: no dirty bit is lost while the bitmaps grow", () =>
  withWorkers(async (workers) => {
    const { domain, ram, blocks, schedule, progress, spawned } = setUp(workers, 2, 2 ** 30);
    const [growths, each] = [200, 80];
    const half = growths * each; // pages for each worker
    blocks.addAnonymous({ name: "ram", length: 2 * half * PAGE });
    const reader = domain.register();
    const take = () => {
      const guard = reader.lock();
      const { MIGRATION } = DIRTY_CLIENT;
      const dirty = ram.dirty.snapshotAndClear(guard, MIGRATION, 0, 2 * half * PAGE);
      guard.unlock();
      return dirty;
    };
    take();
    const races = spawned.map((worker, me) => worker.call("markPages", me, me * half, half));
    try {
      for (let growth = 1; growth <= growths; growth++) {
        // The workers mark the pages that are handed out here while the bitmaps grow.
        Atomics.store(progress, 8, growth * each);
        blocks.addAnonymous({ name: `more ${growth}`, length: 64 * PAGE });
        const marked = (me: number) => Atomics.load(progress, me) >= growth * each;
        spinUntil(() => marked(0) && marked(1), "both workers have marked their pages");
      }
    } finally {
      schedule.reach(1);
    }
    await Promise.all(races);
    const dirty = take();
    assertEquals(dirty.size, 2 * half);
  }));

Deno.test("planted: growing that copies bits loses one that is set concurrently", () =>
  withWorkers(async (workers) => {
    const { arena, domain, ram, blocks, schedule, spawned: [a] } = setUp(workers, 1);
    blocks.addAnonymous({ name: "ram", length: 64 * PAGE });
    const reader = domain.register();
    const isDirty = (page: number) => {
      const guard = reader.lock();
      const dirty = ram.dirty.isDirty(guard, DIRTY_CLIENT.MIGRATION, page * PAGE, 1);
      guard.unlock();
      return dirty;
    };
    const guard = reader.lock();
    for (const page of [3, 4]) ram.dirty.testAndClear(guard, 2, page * PAGE, 1);
    guard.unlock();
    const marked = a!.call("markAt", 1, 3);
    // The planted bug: a new table with copies of the chunks.
    const { u32 } = arena;
    const cell = RAM.dirty.index(ram.handle.offset);
    const old = u32[cell]!;
    const chunks = u32[old >>> 2]!;
    const table = arena.allocate(16 + 12 * chunks);
    u32[table >>> 2] = chunks;
    for (let i = 4; i < 4 + 3 * chunks; i++) {
      const [from, to] = [u32[(old >>> 2) + i]!, arena.allocate(8)];
      u32.copyWithin(to >>> 2, from >>> 2, (from >>> 2) + 2);
      u32[(table >>> 2) + i] = to;
    }
    schedule.reach(1);
    schedule.awaitStep(2); // the worker has marked page 3 in the old chunk
    Atomics.store(u32, cell, table);
    await marked;
    assertEquals(isDirty(3), false, "lost");
    const again = a!.call("markAt", 3, 4);
    schedule.reach(3);
    schedule.awaitStep(4);
    blocks.addAnonymous({ name: "more", length: 64 * PAGE }); // grows as it should
    await again;
    assertEquals(isDirty(4), true);
  }));

Deno.test("torture: whoever takes a page's bit sees the writes made before it was set", () =>
  withWorkers(async (workers) => {
    const { domain, ram, blocks, schedule, progress, spawned } = setUp(workers, 2);
    blocks.addAnonymous({ name: "ram", length: 64 * PAGE });
    const races = spawned.map((worker, me) => worker.call("writeAndMark", me, me));
    const reader = domain.register();
    const copies = [0, 0];
    const collect = () => {
      for (const page of [0, 1]) {
        const guard = reader.lock();
        if (ram.dirty.testAndClear(guard, DIRTY_CLIENT.MIGRATION, page * PAGE, PAGE)) {
          copies[page] = ram.view(guard, Int32Array, page * PAGE, 1)[0]!;
        }
        guard.unlock();
      }
    };
    const enough = () => progress.subarray(0, 2).every((value) => value >= 20_000);
    for (const _ of rounds(1, enough, "both workers have written often")) collect();
    schedule.reach(1);
    const last = await Promise.all(races);
    collect();
    assertEquals(copies, last);
  }));
