import { Arena, RcuDomain, RcuPair, RcuPointer } from "@guestmem/rcu";
import { assertEquals, assertRejects } from "@std/assert";
import { Barrier, Schedule } from "#tools/testing/schedule.ts";
import { rounds } from "#tools/testing/until.ts";
import { withWorkers, WorkerError } from "#tools/testing/workers.ts";
import { PhysMapBuilder } from "../build/phys_map_builder.ts";
import { MapGenerations } from "../build/map_generations.ts";
import { DISPATCH } from "../kernel/layouts.ts";
import { PhysMapReader } from "./phys_map_reader.ts";
import { registerVersion } from "../testdata/versions.ts";
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
  const builder = new PhysMapBuilder({ pageBits: 12 });
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
  /** Builds and publishes a version; the dispatch that it replaces. */
  const publish = (version: number): number => {
    registerVersion(builder, version);
    const dispatch = builder.finish(arena, generations.next());
    pair.publish(DISPATCH.root.get(arena.u32, dispatch), dispatch);
    return pointer.exchange(dispatch);
  };
  publish(1);
  return { arena, domain, pointer, pair, barrier, stop, versions, shared, publish };
}

Deno.test("maps are rebuilt and freed while workers look up", () =>
  withWorkers(async (workers) => {
    const { arena, domain, barrier, stop, versions, shared, publish } = createUpdater(2);
    const { liveBlocks } = arena.stats();
    const reads = [
      workers.spawn<Setup>(URL, shared).call("read", "memb", 0),
      workers.spawn<Setup>(URL, shared).call("read", "qsbr", 1),
    ];
    barrier.arrive();
    const enough = () => versions.every((seen) => seen > 20);
    for (const round of rounds(600, enough, "both readers have seen many versions")) {
      domain.deferFree(publish(2 + round));
      if (round % 8 === 0) domain.barrier();
    }
    Atomics.store(stop, 0, 1);
    await Promise.all(reads);
    domain.barrier();
    assertEquals(
      arena.stats().liveBlocks,
      liveBlocks,
      "one dispatch is left, the others are freed",
    );
  }));

Deno.test("a dispatch is readable until the section ends, and freed after it", () =>
  withWorkers(async (workers) => {
    const { arena, domain, shared, publish } = createUpdater(1);
    const schedule = Schedule.create();
    const read = workers.spawn<Setup>(URL, shared).call("readTwice", schedule.buffer);
    await schedule.awaitStepAsync(1);
    const old = publish(5);
    domain.deferFree(old);
    schedule.reach(2);
    assertEquals(await read, [1, 1]);
    domain.barrier();
    refused("NOT_A_DISPATCH", () => new PhysMapReader(arena).walk(old, 0));
  }));

Deno.test("planted: a dispatch that is freed without a grace period is caught", () =>
  withWorkers(async (workers) => {
    const { arena, shared, publish } = createUpdater(1);
    const schedule = Schedule.create();
    const read = workers.spawn<Setup>(URL, shared).call("readTwice", schedule.buffer);
    await schedule.awaitStepAsync(1);
    arena.free(publish(5));
    schedule.reach(2);
    const error = await assertRejects(() => read, WorkerError);
    assertEquals(error.remoteName, "PhysMapError");
  }));

Deno.test("planted: a pair that is stored as two words is seen torn", () =>
  withWorkers(async (workers) => {
    const { arena, pair, shared } = createUpdater(1);
    const worker = workers.spawn<Setup>(URL, shared);
    await worker.call("readPairOnce");
    Atomics.store(arena.u32, pair.offset >>> 2, 0xffff_ffff); // the other half never comes
    await assertRejects(() => worker.call("readPairOnce"), WorkerError, "Torn pair");
  }));
