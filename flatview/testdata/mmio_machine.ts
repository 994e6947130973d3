/** A machine whose devices live in other contexts, for tests. */

import { spy } from "@std/testing/mock";
import { Schedule } from "#tools/testing/schedule.ts";
import type { TestWorkers } from "#tools/testing/workers.ts";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { FlatMemory } from "../model/flat_memory.ts";
import { Topology } from "../topology/topology.ts";
import { MemoryAccess } from "../access/memory_access.ts";
import { MmioChannel } from "../access/mmio/mmio_channel.ts";
import type { Setup, WorkerData } from "../access/mmio/mmio_test_worker.ts";

const WORKER = import.meta.resolve("../access/mmio/mmio_test_worker.ts");

/** A machine whose devices live in this context, or where a test says. */
export function setUp(flavour: "memb" | "qsbr" = "memb") {
  const arena = Arena.create({ bytes: 1 << 22, debug: true });
  const domain = RcuDomain.create(arena, { readers: 8 });
  const topology = new Topology({ arena, domain });
  const memory = FlatMemory.create(1);
  const channel = MmioChannel.create(arena, { contexts: 6 });
  const onDeviceError = spy((_error: unknown) => {});
  const reader = domain.register();
  const access = new MemoryAccess({
    arena,
    reader,
    memory,
    channel,
    onDeviceError,
  });
  const system = topology.initContainer("system", 2n ** 64n);
  const space = topology.createAddressSpace("memory", system);
  const schedule = Schedule.create();
  const data: WorkerData = {
    arena: arena.handle,
    domain: domain.handle,
    channel: channel.handle,
    memory: memory.handle,
    space: space.handle,
    schedule: schedule.buffer,
    flavour,
  };
  const spawn = (workers: TestWorkers) => workers.spawn<Setup>(WORKER, data);
  const stop = new AbortController();
  const listen = () => access.listen(stop.signal);
  return {
    ...{ arena, domain, reader, topology, memory, channel, onDeviceError, access, system, space },
    ...{ schedule, spawn, stop, listen },
  };
}
