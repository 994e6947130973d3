import { assertEquals, assertRejects } from "@std/assert";
import { until } from "#tools/testing/until.ts";
import { withWorkers, WorkerError } from "#tools/testing/workers.ts";
import { MemoryAccess, MmioChannel, Topology } from "@guestmem/flatview";
import { VcpuControl } from "@guestmem/flatview/vcpu";
import { GuestRam, RamList } from "@guestmem/ramblock";
import { MemslotListener, Memslots } from "@guestmem/ramblock/memslots";
import { Arena, RcuDomain, Srcu } from "@guestmem/rcu";
import type { Entry, Setup } from "./vcpu_test_worker.ts";

const WORKER = import.meta.resolve("./vcpu_test_worker.ts");
const DEVICE = 0x10_0000;

/** A machine of 64 KiB of RAM and a device in this context, which counts its reads. */
function createMachine(isKvm: boolean) {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const ram = GuestRam.create(domain, { bytes: 1 << 20, windowBytes: 1 << 20 });
  const blocks = new RamList(ram);
  const channel = MmioChannel.create(arena);
  const topology = new Topology({ arena, domain });
  const system = topology.initContainer("system", 2n ** 64n);
  const block = blocks.addAnonymous({ name: "ram", length: 1 << 16 });
  const backing = { blockId: block.id, ramAddr: block.offset };
  system.addSubregion(0, topology.initRam("ram", 1 << 16, backing));
  const device = topology.initIo("device", 0x1000, {});
  system.addSubregion(DEVICE, device);
  const memory = topology.createAddressSpace("memory", system);
  const slots = Memslots.create(Srcu.create(arena));
  if (isKvm) topology.registerListener(new MemslotListener(slots, blocks), memory);
  const access = new MemoryAccess({ arena, reader: domain.register(), memory: ram, channel });
  access.bind(device.id, { read: () => 0xdef });
  const control = new VcpuControl();
  const handles = {
    ...{ arena: arena.handle, domain: domain.handle, ram: ram.handle, channel: channel.handle },
    ...{ memory: memory.handle, run: control.buffer },
    slots: isKvm ? slots.handle : undefined,
  };
  return { domain, access, control, handles, device };
}

for (const isKvm of [false, true]) {
  const name = isKvm ? "through memslots" : "through a TLB";
  Deno.test(`a vCPU ${name} that fails holds up no updater`, () =>
    withWorkers(async (workers) => {
      const { domain, handles } = createMachine(isKvm);
      const slices = new SharedArrayBuffer(4);
      const vcpu = workers.spawn<Setup>(WORKER, { handles, slices, device: DEVICE });
      await assertRejects(() => vcpu.call("fail"), WorkerError, "planted");
      assertEquals(domain.stats().readers, 2, "it is registered still");
      await domain.synchronizeAsync({ signal: AbortSignal.timeout(60_000) });
    }));

  Deno.test(`a vCPU ${name} runs, pauses, lets updaters pass, runs on and stops`, () =>
    withWorkers(async (workers) => {
      const { domain, access, control, handles, device } = createMachine(isKvm);
      const words = new Int32Array(new SharedArrayBuffer(4));
      const served = new AbortController();
      const serving = access.listen(served.signal);
      const entry: Entry = { handles, slices: words.buffer, device: DEVICE };
      const vcpu = workers.spawn<Setup>(WORKER, entry);
      const result = vcpu.call("run");
      const slicesAfter = async (before: number) => {
        await until(() => Atomics.load(words, 0) > before, "the vCPU has run a slice");
        return Atomics.load(words, 0);
      };
      await slicesAfter(0);
      await domain.synchronizeAsync(); // passes while it runs

      control.pause();
      await until(() => control.state === "paused", "the vCPU has paused");
      const paused = Atomics.load(words, 0);
      domain.synchronize(); // and while it stands still, since it is offline then
      device.setAddress(DEVICE + 0x1000);
      device.setAddress(DEVICE);
      assertEquals(Atomics.load(words, 0), paused, "a paused vCPU runs no slice");

      control.resume();
      await slicesAfter(paused);
      assertEquals(control.state, "running");
      control.stop();
      assertEquals(await result, { ram: 0x3322_1100, device: 0xdef });
      served.abort();
      await serving;
      assertEquals(domain.stats().readers, 1, "it has left");
    }));
}
