import { Schedule } from "#tools/testing/schedule.ts";
import { rounds, spinUntil } from "#tools/testing/until.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { assertEquals } from "@std/assert";
import { GuestRam } from "../testdata/guest_ram.ts";
import { GuestIommu } from "../unit/guest_iommu.ts";
import { TableIommu } from "../unit/table_iommu.ts";
import { RiscvWalker } from "../walker/riscv_walker.ts";
import type { Setup, WatcherData } from "./entries_test_worker.ts";

const WORKER = import.meta.resolve("./entries_test_worker.ts");
const LARGE = 1 << 21;
const COUNT = 128;

function createMachine() {
  const arena = Arena.create({ bytes: 4 << 20 });
  const domain = RcuDomain.create(arena);
  const control = new Int32Array(new SharedArrayBuffer(12));
  const schedule = Schedule.create();
  const shared = {
    arena: arena.handle,
    domain: domain.handle,
    control: control.buffer as SharedArrayBuffer,
    schedule: schedule.buffer,
  };
  /** Spins until the watcher has run `count` more whole rounds. */
  const awaitRounds = (count: number): void => {
    const from = Atomics.load(control, 1);
    spinUntil(() => Atomics.load(control, 1) - from > count, "the watcher has run more rounds");
  };
  return { arena, domain, control, schedule, shared, awaitRounds };
}

/** Large pages; a watcher follows one small page of each. */
function createTable() {
  const machine = createMachine();
  const iommu = new TableIommu(machine);
  const table = iommu.createTable();
  const region = iommu.createRegion({ name: "device" });
  region.bind(0, table.id);
  const shift = 2 ** 40; // so that both halves of an entry count
  table.map(0, COUNT * LARGE, shift, 3);
  assertEquals(table.stats.leaves, [0, COUNT, 0]);
  const data: WatcherData = { ...machine.shared, region: region.handle };
  const watched = Array.from({ length: COUNT }, (_, i) => i * 512 + 3);
  return { ...machine, table, data, watched, shift };
}

Deno.test("pages beside one that is unmapped are never lost, not even while theirs is split (IOMMU-G2)", () =>
  withWorkers(async (workers) => {
    const { table, control, data, watched, shift, awaitRounds } = createTable();
    const seen = workers.spawn<Setup>(WORKER, data).call("watch", watched);
    for (const page of [7, 2, 4]) {
      awaitRounds(1);
      for (let i = 0; i < COUNT; i++) table.unmap(i * LARGE + page * 4096, 4096);
    }
    table.map(7 * 4096, 4096, 0, 3);
    awaitRounds(1);
    Atomics.store(control, 0, 1);
    assertEquals(await seen, [shift]);
    assertEquals(table.stats.leaves[1], 0, "all are split");
  }));

Deno.test("planted, a page that is unmapped and mapped again in parts is seen to be lost", () =>
  withWorkers(async (workers) => {
    const { table, control, data, watched, shift, awaitRounds } = createTable();
    const seen = workers.spawn<Setup>(WORKER, data).call("watch", watched);
    awaitRounds(1);
    table.unmap(0, LARGE);
    awaitRounds(1);
    table.map(0, 7 * 4096, shift, 3);
    Atomics.store(control, 0, 1);
    assertEquals(new Set(await seen), new Set([shift, NaN]));
  }));

/** Guest tables whose last entry alternates between two values that differ in both halves. */
function createGuest() {
  const machine = createMachine();
  const ram = new GuestRam(16);
  ram.set(0, 0, (1n << 10n) | 1n);
  ram.set(1, 0, (2n << 10n) | 1n);
  const entries = [0x0000_0001n, 0x1_0000_0002n].map((page) => (page << 10n) | 0xd7n);
  const words = ram.words as BigUint64Array<SharedArrayBuffer>;
  const store = (which: number) => Atomics.store(words, 2 * 512, entries[which]!);
  store(0);
  ram.set(2, 1, entries[0]!);
  const { arena, domain } = machine;
  const iommu = new GuestIommu({
    arena,
    domain,
    walker: new RiscvWalker({ memory: ram.window() }),
  });
  iommu.setRoot(8n << 60n);
  const region = iommu.createRegion({ name: "device" }).handle;
  const data: WatcherData = { ...machine.shared, region, memory: ram.memory };
  return { ...machine, data, store, shifts: [4096, 0x1000_0000_2000] };
}

Deno.test("an entry that the guest changes is seen old or new, never half of each (IOMMU-G7)", () =>
  withWorkers(async (workers) => {
    const { control, data, store, shifts } = createGuest();
    // Pages 0 and 1 evict each other from the only slot, so that every translation walks.
    const seen = workers.spawn<Setup>(WORKER, data).call("watch", [0, 1]);
    const enough = () => Atomics.load(control, 1) >= 20_000 && Atomics.load(control, 2) >= 3;
    for (const round of rounds(1, enough, "the watcher has seen both entries")) store(round & 1);
    Atomics.store(control, 0, 1);
    // Page 1 stays at page 1 of RAM: not moved.
    assertEquals(new Set(await seen), new Set([0, ...shifts]));
  }));

Deno.test("planted, an entry that is loaded in two steps is seen to be torn", () =>
  withWorkers(async (workers) => {
    const { data, schedule, store, shifts } = createGuest();
    const walk = workers.spawn<Setup>(WORKER, data).call("walkTorn", 0);
    schedule.awaitStep(1);
    store(1);
    schedule.reach(2);
    const shift = await walk;
    assertEquals(shifts.includes(shift), false, `${shift}`);
  }));
