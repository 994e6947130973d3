import { assertEquals, assertMatch } from "@std/assert";
import { Schedule } from "#tools/testing/schedule.ts";
import { spinUntil } from "#tools/testing/until.ts";
import { type TestWorkers, withWorkers } from "#tools/testing/workers.ts";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { FlatMemory } from "../../model/flat_memory.ts";
import { Topology } from "../../topology/topology.ts";
import { MemoryAccess } from "../memory_access.ts";
import { CHANNEL, ENDPOINT, endpointAt } from "./channel_structs.ts";
import { ring } from "./departure.ts";
import { MmioChannel } from "./mmio_channel.ts";
import type { Setup, WaitsData } from "./mmio_waits_test_worker.ts";

const WORKER = import.meta.resolve("./mmio_waits_test_worker.ts");

/** A device in this context, and a vCPU whose clock this context sets. */
function setUp(
  workers: TestWorkers,
  handlesStalls = true,
  ownClock?: (words: Int32Array) => number,
) {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const memory = FlatMemory.create(1);
  const channel = MmioChannel.create(arena, { contexts: 4 });
  const clock = new Int32Array(new SharedArrayBuffer(12));
  const access = new MemoryAccess({
    ...{ arena, reader: domain.register({ flavour: "qsbr" }), memory, channel },
    ...(ownClock ? { clock: () => ownClock(clock) } : {}),
  });
  const system = topology.initContainer("system", 2n ** 64n);
  const space = topology.createAddressSpace("memory", system);
  const device = topology.initIo("device", 4, {});
  access.bind(device.id, { read: () => 7 });
  system.addSubregion(0x1000, device);
  const schedule = Schedule.create();
  const data: WaitsData = {
    arena: arena.handle,
    domain: domain.handle,
    channel: channel.handle,
    memory: memory.handle,
    space: space.handle,
    schedule: schedule.buffer,
    clock: clock.buffer,
    handlesStalls,
  };
  const spawn = () => workers.spawn<Setup>(WORKER, data);
  const { offset } = channel.handle;
  /** Wakes whoever waits, as a request to it does. */
  const ringAll = () => {
    for (let index = 0; index < CHANNEL.endpoints.get(arena.u32, offset); index++) {
      const endpoint = endpointAt(offset, index);
      if (ENDPOINT.token.get(arena.i32, endpoint) > 0) ring(arena.i32, endpoint);
    }
  };
  /** Sets the vCPU's clock, and returns when the vCPU has read it after a wake-up. */
  const passTo = (milliseconds: number) => {
    Atomics.store(clock, 0, milliseconds);
    // Once by the spin that ends, once after the sleep: then what follows has been decided at least once.
    const reads = Atomics.load(clock, 1) + 3;
    spinUntil(() => {
      ringAll();
      return Atomics.load(clock, 1) >= reads;
    }, "the vCPU has looked at its clock");
  };
  return { arena, domain, access, device, schedule, clock, spawn, passTo };
}

Deno.test("an exit that is not answered for 5 seconds is reported once, and goes on waiting", () =>
  withWorkers(async (workers) => {
    const { arena, access, device, schedule, spawn, passTo } = setUp(workers);
    const vcpu = spawn();
    const loaded = vcpu.call("load", 0x1000);
    spinUntil(() => access.pending > 0, "the vCPU waits");
    passTo(4999);
    assertEquals(schedule.step, 0);
    passTo(5001);
    schedule.awaitStep(1);
    passTo(20_000);
    access.poll();
    const stall = { region: device.id, context: arena.token, elapsedMs: 5001 };
    assertEquals(await loaded, [7, stall]);
    await vcpu.call("leave");
  }));

Deno.test("unless somebody else wants to hear of it, the console does", () =>
  withWorkers(async (workers) => {
    const { arena, access, device, schedule, spawn, passTo } = setUp(workers, false);
    const vcpu = spawn();
    const loaded = vcpu.call("load", 0x1000);
    spinUntil(() => access.pending > 0, "the vCPU waits");
    passTo(6000);
    schedule.awaitStep(1);
    access.poll();
    const [value, ...warnings] = await loaded;
    assertEquals([value, warnings.length], [7, 1]);
    const { id } = device;
    const expected = new RegExp(`region ${id} has waited 6 s for context ${arena.token}: .*listen`);
    assertMatch(String(warnings[0]), expected);
    await vcpu.call("leave");
  }));

Deno.test("an exit that is answered in time is not reported, however long ago the last one was", () =>
  withWorkers(async (workers) => {
    const { access, clock, spawn, passTo } = setUp(workers);
    const vcpu = spawn();
    for (const [before, now] of [[0, 4000], [9000, 13_999]] as const) {
      Atomics.store(clock, 0, before);
      const loaded = vcpu.call("load", 0x1000);
      spinUntil(() => access.pending > 0, "the vCPU waits");
      passTo(now);
      access.poll();
      assertEquals(await loaded, [7]);
    }
    await vcpu.call("leave");
  }));

Deno.test("vCPUs that do nothing but exit hold up neither the event loop that serves them nor a grace period", () =>
  withWorkers(async (workers) => {
    // Each request takes 10 us by this clock, and between two of them it stands still: a spin finds
    // the next one always. It goes on when the vCPUs have done all their accesses, turn or no turn.
    let now = 0;
    const { domain, access, device, schedule, spawn } = setUp(workers, true, (words) => {
      return Atomics.load(words, 2) === 2 ? now++ : now;
    });
    access.bind(device.id, { read: () => now += 0.01 });
    const vcpus = [spawn(), spawn()];
    const stop = new AbortController();
    const loads = vcpus.map((vcpu) => vcpu.call("loadUntilStep", 0x1000, 20_000));
    spinUntil(() => access.pending === 2, "both vCPUs wait");
    const gracePeriod = domain.startPoll();
    const turns = setInterval(() => {
      if (schedule.step === 0 && domain.poll(gracePeriod)) schedule.reach(1);
    });
    const listening = access.listen(stop.signal);
    assertEquals(await Promise.all(loads), [true, true]);
    clearInterval(turns);
    stop.abort();
    await listening;
    for (const vcpu of vcpus) await vcpu.call("leave");
  }));
