import { assert, assertEquals, assertRejects } from "@std/assert";
import { Schedule } from "#tools/testing/schedule.ts";
import { rounds } from "#tools/testing/until.ts";
import { type TestWorkers, withWorkers } from "#tools/testing/workers.ts";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { Place, TortureMap } from "../model/torture_map.ts";
import { Topology } from "../topology/topology.ts";
import type { ReaderData, Setup } from "./torture_test_worker.ts";

const WORKER = import.meta.resolve("./torture_test_worker.ts");

/** Devices that a test may plug. */
const MAX_REGIONS = 1 << 14;

/** A map, and what workers need to read it. */
function setUp(callRcu?: (run: () => void) => void) {
  const arena = Arena.create({ bytes: 1 << 24, debug: true });
  const domain = RcuDomain.create(arena);
  const liveBlocks = arena.stats().liveBlocks;
  const reclaimer = callRcu ? { callRcu, barrier: () => domain.barrier() } : domain;
  const topology = new Topology({ arena, domain: reclaimer });
  const shared = new Int32Array(new SharedArrayBuffer(4 * (2 + MAX_REGIONS)));
  const map = new TortureMap(topology, ({ id }) => Atomics.add(shared, 2 + id, 1));
  const space = topology.createAddressSpace("memory", map.root);
  const schedule = Schedule.create();
  const data: ReaderData = {
    arena: arena.handle,
    domain: domain.handle,
    space: space.handle,
    ids: map.ids,
    shared: shared.buffer as SharedArrayBuffer,
    schedule: schedule.buffer,
  };
  const spawn = (workers: TestWorkers) => workers.spawn<Setup>(WORKER, data);
  return { arena, domain, topology, shared, map, space, schedule, liveBlocks, spawn };
}

Deno.test("readers see committed versions only, finalisers run once and in time, memory comes back (VIEW-G1, VIEW-G2, VIEW-G5)", () =>
  withWorkers(async (workers) => {
    const { arena, domain, topology, shared, map, space, liveBlocks, spawn } = setUp();
    const readers = [spawn(workers), spawn(workers)];
    await Promise.all(readers.map((reader) => reader.call("readOnce"))); // they are running
    const results = readers.map((reader) => reader.call("read"));
    const looked = () => Atomics.load(shared, 1) >= 3000;
    for (const step of rounds(600, looked, "the readers have had a good look")) {
      map.change(step);
      if (step % 50 === 49) await domain.barrierAsync();
    }
    Atomics.store(shared, 0, 1);
    assertEquals(await Promise.all(results), [[], []]);

    map.unplug();
    space.destroy();
    topology.close();
    await Promise.all(readers.map((reader) => reader.call("leave")));
    domain.barrier();
    const finalised = [...shared.subarray(2)].filter((count) => count > 0);
    assertEquals(finalised, Array(map.plugged).fill(1));
    assertEquals(topology.stats.alive, 0);
    assertEquals(arena.stats().liveBlocks, liveBlocks);
  }));

Deno.test("a planted update in two steps is seen as a hole", () =>
  withWorkers(async (workers) => {
    const { map, spawn } = setUp();
    const reader = spawn(workers);
    assertEquals(await reader.call("readOnce"), []);
    const putBack = map.takeBarOut();
    assertEquals(await reader.call("readOnce"), ["a BAR in 0 places"]);
    putBack();
    assertEquals(await reader.call("readOnce"), []);
  }));

Deno.test("a reader that loaded a view before a commit goes on in it, and its devices live (VIEW-G2)", () =>
  withWorkers(async (workers) => {
    const { domain, topology, shared, map, schedule, spawn } = setUp();
    map.change(4); // a device is plugged
    const reader = spawn(workers);
    const late = reader.call("readLate");
    schedule.awaitStep(1);
    for (let step = 0; step < 20; step++) map.change(step);
    const { freed } = topology.stats;
    assertEquals(
      shared.subarray(2).some((count) => count > 0),
      false,
      "a device is finalised early",
    );
    schedule.reach(2);
    assertEquals(await late, []);
    domain.barrier();
    assert(topology.stats.freed > freed);
    assert(shared.subarray(2).some((count) => count > 0));
  }));

Deno.test("a planted end without a grace period is caught by a reader", () =>
  withWorkers(async (workers) => {
    const { map, schedule, spawn } = setUp((run) => run());
    const reader = spawn(workers);
    const late = reader.call("readLate");
    schedule.awaitStep(1);
    map.change(1);
    schedule.reach(2);
    await assertRejects(() => late, Error, "PhysMapError");
  }));

Deno.test("an address space that is destroyed under a reader shows it nothing (VIEW-G4)", () =>
  withWorkers(async (workers) => {
    const { arena, domain, space, topology, schedule, spawn } = setUp();
    const reader = spawn(workers);
    const late = reader.call("lookLate", Place.FLASH);
    schedule.awaitStep(1);
    const cell = space.handle.cell;
    space.destroy();
    assertEquals(topology.addressSpaces, []);
    arena.checked.loadU32(cell); // still there: the reader is in a section
    schedule.reach(2);
    assertEquals(await late, 0);
    domain.barrier();
    let error: unknown;
    try {
      arena.checked.loadU32(cell);
    } catch (caught) {
      error = caught;
    }
    assertEquals((error as Error).name, "UseAfterFreeError");
  }));

Deno.test("a held view outlives commits and grace periods, and is freed when it is let go (VIEW-G2)", () =>
  withWorkers(async (workers) => {
    const { domain, topology, map, spawn } = setUp();
    const reader = spawn(workers);
    await reader.call("hold");
    map.change(1);
    domain.barrier();
    const { freed } = topology.stats;
    map.change(1);
    domain.barrier();
    assertEquals(topology.stats.freed, freed + 1); // the one in between; the held one lives
    assertEquals(await reader.call("readHeld"), []);
    await reader.call("release");
    topology.reap();
    domain.barrier();
    assertEquals(topology.stats.freed, freed + 2);
  }));
