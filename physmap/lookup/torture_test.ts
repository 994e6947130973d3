import { Arena, RcuDomain, RcuPair, RcuPointer } from "@guestmem/rcu";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Barrier, Schedule } from "#tools/testing/schedule.ts";
import { rounds } from "#tools/testing/until.ts";
import { withWorkers, WorkerError } from "#tools/testing/workers.ts";
import { MapGenerations } from "../versions/map_generations.ts";
import { PhysMap } from "../versions/phys_map.ts";
import { DISPATCH, HEIGHT_MASK, NODE_BYTES, NODE_SLOTS } from "../kernel/layouts.ts";
import { PhysMapReader } from "./phys_map_reader.ts";
import { makeVersion } from "../testdata/versions.ts";
import type { Setup, Shared } from "./torture_test_worker.ts";
import { refused } from "../testdata/refused.ts";

const URL = import.meta.resolve("./torture_test_worker.ts");

/** The updating side: an arena in debug mode, a domain, and both ways to publish. */
function createUpdater(readers: number) {
  const arena = Arena.create({ bytes: 32 << 20, debug: true });
  const domain = RcuDomain.create(arena);
  const pointer = RcuPointer.create(arena);
  const pair = RcuPair.create(arena);
  const generations = MapGenerations.create(arena);
  const map = new PhysMap(arena, generations, { pageBits: 12 });
  const barrier = Barrier.create(readers + 1);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const versions = new Int32Array(new SharedArrayBuffer(8));
  const shared: Shared = {
    arena: arena.handle,
    domain: domain.handle,
    pointer: pointer.offset,
    pair: pair.offset,
    barrier: barrier.buffer,
    stop: stop.buffer,
    versions: versions.buffer,
  };
  let latest: number | undefined;
  /** Makes a version of the latest and publishes it; the dispatch that it replaces. */
  const publish = (version: number): number => {
    const edit = map.edit(latest);
    makeVersion(edit, version);
    latest = edit.finish();
    pair.publish(DISPATCH.root.get(arena.u32, latest), latest);
    return pointer.exchange(latest);
  };
  publish(1);
  const current = () => latest!;
  return { arena, domain, current, map, pointer, pair, barrier, stop, versions, shared, publish };
}

Deno.test("versions that share nodes are made and freed while workers look up", () =>
  withWorkers(async (workers) => {
    const { map, current, domain, barrier, stop, versions, shared, publish } = createUpdater(2);
    const reads = [
      workers.spawn<Setup>(URL, shared).call("read", "memb", 0),
      workers.spawn<Setup>(URL, shared).call("read", "qsbr", 1),
    ];
    barrier.arrive();
    const enough = () => versions.every((seen) => seen > 20);
    for (const round of rounds(600, enough, "both readers have seen many versions")) {
      const old = publish(2 + round);
      domain.callRcu(() => map.free(old));
      if (round % 8 === 0) domain.barrier();
    }
    Atomics.store(stop, 0, 1);
    await Promise.all(reads);
    domain.barrier();
    const { sections } = map.live;
    const last = map.edit(current()).finish();
    assertEquals(
      map.sections(last).length,
      sections,
      "sections of the last version alone are left",
    );
  }));

Deno.test("a dispatch is readable until the section ends, and freed after it", () =>
  withWorkers(async (workers) => {
    const { arena, domain, map, shared, publish } = createUpdater(1);
    const schedule = Schedule.create();
    const read = workers.spawn<Setup>(URL, shared).call("readTwice", schedule.buffer);
    await schedule.awaitStepAsync(1);
    const old = publish(2);
    domain.callRcu(() => map.free(old));
    schedule.reach(2);
    assertEquals(await read, [1, 1]);
    domain.barrier();
    refused("NOT_A_DISPATCH", () => new PhysMapReader(arena).walk(old, 0));
  }));

Deno.test("planted: a dispatch that is freed without a grace period is caught", () =>
  withWorkers(async (workers) => {
    const { map, shared, publish } = createUpdater(1);
    const schedule = Schedule.create();
    const read = workers.spawn<Setup>(URL, shared).call("readTwice", schedule.buffer);
    await schedule.awaitStepAsync(1);
    map.free(publish(2));
    schedule.reach(2);
    const error = await assertRejects(() => read, WorkerError);
    assertEquals(error.remoteName, "PhysMapError");
  }));

/** A node that two versions share: the index of its count, as `CellSlabs` keeps it. */
function sharedNodeCount(arena: Arena, one: number, other: number): number {
  const { u32 } = arena;
  const children = (dispatch: number): number[] => {
    const root = DISPATCH.root.get(u32, dispatch);
    const slots = (root - (root & HEIGHT_MASK)) / 4;
    return [...u32.slice(slots, slots + NODE_SLOTS)].filter((entry) => (entry & HEIGHT_MASK) !== 0);
  };
  const shared = children(one).find((entry) => children(other).includes(entry));
  assert(shared !== undefined, "the versions share no node");
  return ((shared & -4096) >>> 2) + ((shared & 4095) / NODE_BYTES >>> 0);
}

/** A version of other ranges, which takes the place of what was freed. */
function garbage(map: PhysMap): number {
  const edit = map.edit();
  for (let i = 0; i < 64; i++) edit.map(i * 0x1100, i * 0x1100 + 0xff, 0, 0x7fff_ffff);
  return edit.finish();
}

Deno.test("a node that versions share outlives the first of them", () =>
  withWorkers(async (workers) => {
    const { arena, domain, map, shared, publish } = createUpdater(1);
    const first = publish(2);
    const second = publish(3);
    domain.callRcu(() => map.free(first));
    const schedule = Schedule.create();
    const read = workers.spawn<Setup>(URL, shared).call("readAllTwice", schedule.buffer);
    await schedule.awaitStepAsync(1);
    map.free(second); // nobody reads it, and the third has most of it
    for (let i = 0; i < 8; i++) map.free(garbage(map));
    schedule.reach(2);
    await read;
    assert(arena.stats().liveBlocks > 0);
  }));

Deno.test("planted: a shared node that is freed with its first version is caught", () =>
  withWorkers(async (workers) => {
    const { arena, map, current, shared, publish } = createUpdater(1);
    const first = publish(2);
    const schedule = Schedule.create();
    const read = workers.spawn<Setup>(URL, shared).call("readAllTwice", schedule.buffer);
    await schedule.awaitStepAsync(1);
    arena.i32[sharedNodeCount(arena, first, current())]! -= 1;
    map.free(first);
    schedule.reach(2);
    const error = await assertRejects(() => read, WorkerError);
    assertEquals(error.remoteName, "RuntimeError", "the walk leaves the memory");
  }));

Deno.test("planted: a node that is changed in place is caught", () =>
  withWorkers(async (workers) => {
    const { arena, current, shared, publish } = createUpdater(1);
    const first = publish(2);
    const schedule = Schedule.create();
    const read = workers.spawn<Setup>(URL, shared).call("readAllTwice", schedule.buffer);
    await schedule.awaitStepAsync(1);
    // As if the node belonged to the version in the making.
    arena.i32[sharedNodeCount(arena, first, current())]! |= 0x8000_0000;
    for (let version = 3; version < 7; version++) publish(version);
    schedule.reach(2);
    await assertRejects(() => read, WorkerError, "Version 2 at");
  }));

Deno.test("planted: a pair that is stored as two words is seen torn", () =>
  withWorkers(async (workers) => {
    const { arena, pair, shared } = createUpdater(1);
    const worker = workers.spawn<Setup>(URL, shared);
    await worker.call("readPairOnce");
    Atomics.store(arena.u32, pair.offset >>> 2, 0xffff_ffff); // the other half never comes
    await assertRejects(() => worker.call("readPairOnce"), WorkerError, "Torn pair");
  }));
