import { assertEquals } from "@std/assert";
import { Schedule } from "#tools/testing/schedule.ts";
import { rounds } from "#tools/testing/until.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { FlatMemory } from "../model/flat_memory.ts";
import { Topology } from "../topology/topology.ts";
import { Tlb } from "../vcpu/tlb.ts";
import type { Setup, WriterData } from "./atomic_test_worker.ts";
import { MemoryAccess } from "./memory_access.ts";

/** A 32-bit half of all ones, unsigned. */
const ONES = 0xffff_ffff;
const WORKER = import.meta.resolve("./atomic_test_worker.ts");

/** A page of RAM that two workers access. */
function createMachine() {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const memory = FlatMemory.create(1);
  const ram = topology.initRam("ram", 0x1_0000, { blockId: 1, ramAddr: 0n });
  const { handle } = topology.createAddressSpace("memory", ram);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const schedule = Schedule.create();
  const data: WriterData = {
    ...{ arena: arena.handle, domain: domain.handle, memory: memory.handle, space: handle },
    ...{ stop: stop.buffer as SharedArrayBuffer, schedule: schedule.buffer },
  };
  const space = new MemoryAccess({ arena, reader: domain.register(), memory }).attach(handle);
  return { data, space, stop, schedule };
}

Deno.test("aligned accesses of memory do not tear, by whatever way they go", () =>
  withWorkers(async (workers) => {
    const { data, space, stop } = createMachine();
    const writing = workers.spawn<Setup>(WORKER, data).call("alternate");
    const tlb = new Tlb(space);
    const cache = space.cache(0x100, 0x40, true);
    const torn = new Set<string>();
    let changes = 0;
    let last = 0;
    /** Each part of a value must be all zeros or all ones, and the same as the others. */
    const see = (what: string, parts: readonly number[]) => {
      if (parts.some((part) => part !== parts[0] || part !== 0 && part !== ONES)) {
        torn.add(`${what}: ${parts}`);
      }
    };
    for (const _ of rounds(1, () => changes >= 200, "both values were seen in turn many times")) {
      for (const at of [0x100, 0x120]) {
        const low = space.load64le(at);
        see("load64le", [low, space.upper]);
        const cached = cache.load64be(at - 0x100);
        see("cached", [cached, cache.upper]);
        tlb.lock();
        const hit = tlb.load64(at);
        see("TLB", [hit, tlb.upper]);
        tlb.unlock();
        if (low !== last) changes++;
        last = low;
      }
      for (const at of [0x110, 0x130]) see("32 bits", [space.load32be(at)]);
      for (const at of [0x118, 0x138]) see("16 bits", [space.load16le(at) * 0x1_0001]);
    }
    Atomics.store(stop, 0, 1);
    await writing;
    assertEquals([...torn], []);
  }));

for (const way of ["space", "TLB"] as const) {
  Deno.test(`planted: eight bytes that are stored in halves are seen torn (${way})`, () =>
    withWorkers(async (workers) => {
      const { data, space, schedule } = createMachine();
      const stored = workers.spawn<Setup>(WORKER, data).call("storeInHalves", way);
      schedule.awaitStep(1);
      assertEquals([space.load64le(0x100), space.upper], [ONES, 0]);
      schedule.reach(2);
      await stored;
      assertEquals([space.load64le(0x100), space.upper], [ONES, ONES]);
    }));
}
