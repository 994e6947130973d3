import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { until } from "#tools/testing/until.ts";
import { withWorkers, WorkerError } from "#tools/testing/workers.ts";
import { Arena, RcuDomain, WaitInSectionError } from "@guestmem/rcu";
import { FlatMemory } from "../model/flat_memory.ts";
import { Topology } from "../topology/topology.ts";
import { MemoryAccess } from "../access/memory_access.ts";
import { PageAccess } from "./page_extents.ts";
import { PageResolver } from "./page_resolver.ts";
import { VcpuControl } from "./vcpu_control.ts";
import { VcpuLoop } from "./vcpu_loop.ts";
import { type Setup, Shared, type VcpuData } from "./vcpu_loop_test_worker.ts";

const WORKER = import.meta.resolve("./vcpu_loop_test_worker.ts");

function setUp() {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const memory = FlatMemory.create(1);
  const system = topology.initContainer("system", 2n ** 64n);
  const ram = topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0 });
  system.addSubregion(0x1000, ram);
  const { handle } = topology.createAddressSpace("memory", system);
  const control = new VcpuControl();
  const shared = new Int32Array(new SharedArrayBuffer(Shared.WORDS * 4));
  const data = (flavour: "memb" | "qsbr"): VcpuData => ({
    ...{ arena: arena.handle, domain: domain.handle, memory: memory.handle, space: handle },
    ...{ control: control.buffer, shared: shared.buffer as SharedArrayBuffer, flavour },
  });
  return { arena, domain, topology, memory, system, ram, handle, control, shared, data };
}

for (const flavour of ["memb", "qsbr"] as const) {
  Deno.test(`a vCPU runs, pauses, sleeps, wakes and stops, and holds up no updater (${flavour})`, () =>
    withWorkers(async (workers) => {
      const { domain, ram, control, shared, data } = setUp();
      const vcpu = workers.spawn<Setup>(WORKER, data(flavour));
      const ended = vcpu.call("run");
      const slices = () => Atomics.load(shared, Shared.SLICES);
      await until(() => slices() > 2, "the vCPU runs");
      await domain.synchronizeAsync(); // passes between two slices
      ram.setAddress(0x2000);
      await domain.synchronizeAsync();
      await until(() => Atomics.load(shared, Shared.PAGE) === 2, "the core was told to flush");

      control.pause();
      await until(() => control.state === "paused", "the vCPU pauses");
      const paused = slices();
      domain.synchronize();
      control.wake(); // which ends no pause
      await until(() => control.state === "paused", "the vCPU goes on pausing");
      assertEquals(slices(), paused);

      Atomics.store(shared, Shared.SLEEP, 1);
      control.resume();
      await until(() => control.state === "asleep", "the vCPU sleeps");
      domain.synchronize();
      const asleep = slices();
      Atomics.add(shared, Shared.INTERRUPTS, 1);
      control.wake();
      await until(() => Atomics.load(shared, Shared.TAKEN) === 1, "the interrupt is taken");
      assert(slices() > asleep);
      ram.setAddress(0x3000);
      Atomics.add(shared, Shared.INTERRUPTS, 1);
      control.wake();
      await until(() => Atomics.load(shared, Shared.PAGE) === 3, "the map is new after a sleep");
      control.stop();
      await ended;
      assertEquals([control.state, domain.stats().readers], ["idle", 0]);
    }));

  Deno.test(`a core that throws, inside its section or outside, holds up nobody (${flavour})`, () =>
    withWorkers(async (workers) => {
      for (const where of ["inside", "outside"] as const) {
        const { domain, control, data } = setUp();
        const vcpu = workers.spawn<Setup>(WORKER, data(flavour));
        await assertRejects(() => vcpu.call("fail", where), WorkerError, "planted");
        assertEquals([control.state, domain.stats().readers], ["idle", 1]);
        await domain.synchronizeAsync({ signal: AbortSignal.timeout(60_000) });
      }
    }));

  Deno.test(`a vCPU that was expelled in its sleep runs no further slice (${flavour})`, () =>
    withWorkers(async (workers) => {
      const { arena, control, shared, data } = setUp();
      Atomics.store(shared, Shared.SLEEP, 1);
      const vcpu = workers.spawn<Setup>(WORKER, data(flavour));
      const token = await vcpu.call("token");
      const ended = vcpu.call("run");
      await until(() => control.state === "asleep", "the vCPU sleeps");
      const slices = Atomics.load(shared, Shared.SLICES);
      arena.expel(token);
      control.wake();
      const error = await assertRejects(() => ended, WorkerError);
      assert(error.message.includes("expelled"), error.message);
      assertEquals([control.state, Atomics.load(shared, Shared.SLICES)], ["idle", slices]);
    }));
}

Deno.test("a wake between the core's look and its sleep is not lost", () => {
  const { arena, domain, memory, handle } = setUp();
  const reader = domain.register({ flavour: "qsbr" });
  const resolver = new PageResolver(new MemoryAccess({ arena, reader, memory }).attach(handle));
  const control = new VcpuControl();
  const loop = new VcpuLoop(resolver, reader, control);
  let slices = 0;
  loop.run({
    run() {
      assertEquals([control.state, resolver.resolve(1) & PageAccess.READ], ["running", 1]);
      // An interrupt that comes after the core has looked: it would sleep for ever.
      if (++slices < 5) control.wake();
      else control.stop();
      return Infinity;
    },
    flush() {},
  });
  assertEquals([slices, control.state, reader.isOnline], [5, "idle", true]);
});

Deno.test("a sleep ends by itself, is not entered inside a section, and a stopped vCPU runs nothing", () => {
  const { arena, domain, memory, handle } = setUp();
  const reader = domain.register();
  const resolver = new PageResolver(new MemoryAccess({ arena, reader, memory }).attach(handle));
  const control = new VcpuControl();
  const loop = new VcpuLoop(resolver, reader, control);
  let slices = 0;
  const core = { run: () => (++slices === 3 ? control.stop() : undefined, 1), flush() {} };
  loop.run(core);
  assertEquals(slices, 3);
  loop.run(core);
  assertEquals(slices, 3);
  control.resume();
  const outer = reader.lock();
  assertThrows(() => loop.run(core), WaitInSectionError);
  outer.unlock();
  assertEquals([slices, resolver.isOpen, control.state], [4, false, "idle"]);
});
