/** flatview's vCPUs mark ramblock's pages once in a log epoch; whoever collects the marks misses no store. */
import { assert, assertEquals } from "@std/assert";
import { Schedule } from "#tools/testing/schedule.ts";
import { rounds, until } from "#tools/testing/until.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { Topology } from "@guestmem/flatview";
import { VcpuControl } from "@guestmem/flatview/vcpu";
import { DIRTY_CLIENT, type DirtySnapshot, GuestRam, RamList } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import type { Setup, VcpuData } from "./log_epoch_test_worker.ts";

const WORKER = import.meta.resolve("./log_epoch_test_worker.ts");
const PAGE = 4096;
const PAGES = 16;
const { MIGRATION, VGA } = DIRTY_CLIENT;

function setUp() {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const ram = GuestRam.create(domain, { bytes: 1 << 20 });
  const { id, offset } = new RamList(ram).addAnonymous({ name: "ram", length: PAGES * PAGE });
  const topology = new Topology({ arena, domain });
  const region = topology.initRam("ram", PAGES * PAGE, { blockId: id, ramAddr: offset });
  region.setLog(true, MIGRATION);
  const memory = topology.createAddressSpace("memory", region);
  const reader = domain.register();
  const schedule = Schedule.create();
  const control = new VcpuControl();
  ram.dirty.collect(reader, MIGRATION);
  const data: VcpuData = {
    ...{ arena: arena.handle, domain: domain.handle, ram: ram.handle, memory: memory.handle },
    ...{ schedule: schedule.buffer, control: control.buffer, pages: PAGES },
  };
  const words = new Int32Array(ram.handle.windows[0]!.buffer);
  const word = (page: number) => Atomics.load(words, page * PAGE / 4);
  /** The planted order: another client's collection bumps the epoch and waits, then the marks are taken. */
  const bumpAndWait = () => ram.dirty.collectAsync(reader, VGA);
  const take = (): DirtySnapshot => {
    const guard = reader.lock();
    const taken = ram.dirty.snapshotAndClear(guard, MIGRATION, 0, PAGES * PAGE);
    guard.unlock();
    return taken;
  };
  const collect = () => ram.dirty.collectAsync(reader, MIGRATION);
  return { schedule, control, data, word, collect, bumpAndWait, take };
}

Deno.test("a store after the mark was taken is in memory when the collection returns", () =>
  withWorkers(async (workers) => {
    const { schedule, data, word, collect } = setUp();
    const stored = workers.spawn<Setup>(WORKER, data).call("storeTwice");
    schedule.awaitStep(1);
    const collecting = collect(); // takes the mark, and waits for the section
    schedule.reach(2);
    assertEquals([...await collecting], [0]);
    assertEquals(word(0), 2);
    await stored;
    assertEquals([...await collect()], []);
  }));

Deno.test("planted: marks that are taken last lose a store", () =>
  withWorkers(async (workers) => {
    const { schedule, data, word, bumpAndWait, take } = setUp();
    await bumpAndWait();
    const stored = workers.spawn<Setup>(WORKER, data).call("storeTwice");
    schedule.awaitStep(1); // it stores, and marks, in the new epoch
    assertEquals([[...take()], word(0)], [[0], 1]);
    schedule.reach(2);
    await stored;
    await bumpAndWait();
    assertEquals([[...take()], word(0)], [[], 2], "clean, though the copy is old");
  }));

/**
 * Copies pages while a vCPU counts in them; pauses it now and then, and compares.
 *
 * @param isPlanted Whether marks are taken last.
 * @param pauses How often it is paused at least.
 * @returns Pages whose copies were old although they were clean.
 */
async function migrate(isPlanted: boolean, pauses: number): Promise<number> {
  let lost = 0;
  await withWorkers(async (workers) => {
    const { control, data, word, collect, bumpAndWait, take } = setUp();
    const counted = workers.spawn<Setup>(WORKER, data).call("count");
    const copies = Array.from({ length: PAGES }, () => 0);
    const copyDirty = async () => {
      if (isPlanted) await bumpAndWait();
      for (const page of isPlanted ? take() : await collect()) copies[page] = word(page);
    };
    let paused = 0;
    const isEnough = () => paused >= pauses && word(0) > 1000 && (!isPlanted || lost > 0);
    for (const round of rounds(1, isEnough, "the copies were compared often")) {
      await copyDirty();
      if (round % 5 > 0) continue;
      control.pause();
      await until(() => control.state === "paused", "the vCPU pauses");
      await copyDirty();
      for (let page = 0; page < PAGES; page++) {
        if (copies[page] !== word(page)) lost++;
        copies[page] = word(page);
      }
      paused++;
      control.resume();
      await until(() => control.state === "running", "the vCPU runs on");
    }
    control.stop();
    await counted;
  });
  return lost;
}

Deno.test("torture: a page that is clean is what its last copy was", async () => {
  assertEquals(await migrate(false, 60), 0);
});

Deno.test("planted: torture finds the store that marks taken last have lost", async () => {
  assert(await migrate(true, 1) > 0);
});
