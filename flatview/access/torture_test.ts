import { assert, assertEquals } from "@std/assert";
import { rounds, until } from "#tools/testing/until.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { AccessTorture, type Plant, REMOTE, Shared } from "../model/access_torture.ts";
import { FlatMemory } from "../model/flat_memory.ts";
import { Topology } from "../topology/topology.ts";
import { MemoryAccess } from "./memory_access.ts";
import { MmioChannel } from "./mmio/mmio_channel.ts";
import type { Setup, VcpuData } from "./torture_test_worker.ts";

const WORKER = import.meta.resolve("./torture_test_worker.ts");

/** Two vCPUs that access memory and devices while the map changes; what they and control found. */
function torture(sections: number, steps: number, plant: Plant): Promise<string[]> {
  let found: string[] = [];
  return withWorkers(async (workers) => {
    const arena = Arena.create({ bytes: 1 << 24 });
    const domain = RcuDomain.create(arena);
    const topology = new Topology({ arena, domain });
    const memory = FlatMemory.create(1);
    const shared = new Int32Array(new SharedArrayBuffer(Shared.WORDS * 4));
    const channel = MmioChannel.create(arena);
    const map = new AccessTorture(topology, domain, memory, shared);
    const space = topology.createAddressSpace("memory", map.system);
    const access = new MemoryAccess({ arena, reader: domain.register(), memory, channel });
    access.bind(map.remote.id, {
      read: () => {
        // This context is the one that unplugs: what it serves is in the map at that moment.
        if (!map.isPlugged) map.faults.push("the remote device was called when it was unplugged");
        return REMOTE;
      },
    });
    const vcpus = (["memb", "qsbr"] as const).map((flavour, number) => {
      const data: VcpuData = {
        ...{ arena: arena.handle, domain: domain.handle, channel: channel.handle },
        ...{ memory: memory.handle, space: space.handle, flavour, number, plant },
        ...{ shared: shared.buffer as SharedArrayBuffer, inPlace: map.inPlace.id },
        flash: map.flash.id,
      };
      return workers.spawn<Setup>(WORKER, data);
    });
    const results = vcpus.map((vcpu) => vcpu.call("run"));
    await until(() => Atomics.load(shared, Shared.READY) === 2, "both vCPUs run");
    const isCaught = {
      "none": () => true,
      "stale TLB": () => map.faults.length > 0 && Atomics.load(shared, Shared.FLASH_WRONG) > 0,
      "early piece": () => Atomics.load(shared, Shared.SPLIT_WRONG) > 0,
    }[plant];
    const looked = () => Atomics.load(shared, Shared.SECTIONS) >= sections && isCaught();
    try {
      for (const step of rounds(steps, looked, "the vCPUs have had a good look")) {
        map.change(step);
        access.poll();
        if (step % 20 === 0) await domain.barrierAsync();
      }
    } finally {
      Atomics.store(shared, Shared.STOP, 1);
    }
    const stop = new AbortController();
    access.listen(stop.signal);
    found = [...(await Promise.all(results)).flat(), ...map.faults];
    stop.abort();
    for (const vcpu of vcpus) await vcpu.call("leave");
  }).then(() => [...new Set(found)]);
}

Deno.test("each access lands in what some version of the map inside its section showed", async () => {
  assertEquals(await torture(4000, 800, "none"), []);
});

Deno.test("a planted stale TLB is caught, by what it loads and by what it stores", async () => {
  const found = await torture(500, 200, "stale TLB");
  assert(found.includes("TLB: a version that is gone or to come"), found.join("; "));
  assert(found.includes("a store reached a page after its grace period"), found.join("; "));
  assert(found.includes("flash: 0xf1a5, not what it is by now"), found.join("; "));
});

Deno.test("a planted split access that resolves its second piece too early is caught", async () => {
  const found = await torture(500, 200, "early piece");
  assertEquals(found, ["split: a version that is gone or to come"]);
});
