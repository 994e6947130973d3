/** flatview's accesses over ramblock's RAM and memslots, and through iommu's tables. */
import { assert, assertEquals } from "@std/assert";
import { withWorkers } from "#tools/testing/workers.ts";
import { MemoryAccess, MemTxResult, MmioChannel, Topology } from "@guestmem/flatview";
import { TableIommu } from "@guestmem/iommu";
import { DIRTY_CLIENT, GuestRam, RamList } from "@guestmem/ramblock";
import { MemslotListener, Memslots, OUTCOME } from "@guestmem/ramblock/memslots";
import { Arena, RcuDomain, Srcu } from "@guestmem/rcu";
import type { Setup, VcpuData } from "./access_test_worker.ts";

const WORKER = import.meta.resolve("./access_test_worker.ts");
const { OK, DECODE_ERROR } = MemTxResult;
const MIB = 2 ** 20;
const DIMM = 2 ** 32;

/** A machine with RAM, a DIMM that its hot-plug controller ejects, and a device behind an IOMMU. */
function machine() {
  const arena = Arena.create({ bytes: 1 << 23, debug: true });
  const domain = RcuDomain.create(arena);
  const ram = GuestRam.create(domain, { bytes: 64 * MIB, windowBytes: 16 * MIB });
  const blocks = new RamList(ram);
  const topology = new Topology({ arena, domain });
  const slots = Memslots.create(Srcu.create(arena));
  const system = topology.initContainer("system", 2n ** 64n);
  const bus = topology.initContainer("bus", 2n ** 64n);
  const memory = topology.createAddressSpace("memory", system);
  const device = topology.createAddressSpace("device", bus);
  topology.registerListener(new MemslotListener(slots, blocks), memory);

  const plug = (name: string, length: number, finalize?: (id: number) => void) => {
    const { id, offset } = blocks.addAnonymous({ name, length });
    return topology.initRam(name, length, { blockId: id, ramAddr: offset }, {
      finalize: () => finalize?.(id),
    });
  };
  const low = plug("low", 20 * MIB); // across two windows
  let removed = 0;
  const dimm = plug("dimm", 4 * MIB, (id) => {
    blocks.remove(id);
    removed++;
  });
  system.addSubregion(0, low);
  system.addSubregion(DIMM, dimm);

  const channel = MmioChannel.create(arena);
  const reader = domain.register();
  const access = new MemoryAccess({ arena, reader, memory: ram, channel });
  const controller = topology.initIo("hot-plug", 4, {});
  access.bind(controller.id, {
    read: () => blocks.blocks().length,
    write: () => {
      topology.transaction(() => {
        system.delSubregion(dimm);
        controller.setAddress(0xb000); // and it moves itself
      });
      dimm.destroy();
      domain.synchronize();
      domain.barrier(); // the view goes, the region is finalised, its block is removed
      domain.barrier(); // and reclaimed
    },
  });
  system.addSubregion(0xa000_0000, controller);

  const iommu = new TableIommu({ arena, domain });
  const table = iommu.createTable();
  const nic = iommu.createRegion({ name: "nic" });
  nic.bind(0, table.id);
  const region = topology.initIommu("nic", 2n ** 64n, nic);
  bus.addSubregion(0, region);
  const data: VcpuData = {
    ...{ arena: arena.handle, domain: domain.handle, ram: ram.handle, slots: slots.handle },
    ...{ channel: channel.handle, memory: memory.handle, device: device.handle },
    iommu: [region.id, nic.handle],
  };
  const removals = () => removed;
  /** The pages of low memory that were written since the last time. */
  const takeDirty = () => {
    const guard = reader.lock();
    const dirty = ram.dirty.snapshotAndClear(guard, DIRTY_CLIENT.MIGRATION, 0, 20 * MIB);
    guard.unlock();
    return [...dirty];
  };
  return { blocks, low, access, table, data, removals, takeDirty };
}

Deno.test("a callback ejects a DIMM, its memslot and itself while its vCPU waits", () =>
  withWorkers(async (workers) => {
    const { blocks, access, data, removals } = machine();
    const vcpu = workers.spawn<Setup>(WORKER, data);
    const stop = new AbortController();
    access.listen(stop.signal);
    assertEquals(await vcpu.call("store", DIMM + 8, 0x1234), OK);
    assertEquals(await vcpu.call("load", DIMM + 8), [0x1234, OK]);
    assert(await vcpu.call("hostOf", DIMM / 4096) >= 0);
    assertEquals(await vcpu.call("load", 0xa000_0000), [2, OK]);

    assertEquals(await vcpu.call("store", 0xa000_0000, 1), OK); // the exit that ejects
    assertEquals([removals(), blocks.blocks().length], [1, 1]);
    assertEquals(await vcpu.call("hostOf", DIMM / 4096), OUTCOME.NO_SLOT);
    assertEquals(await vcpu.call("load", DIMM + 8), [0, DECODE_ERROR]);
    assertEquals(await vcpu.call("load", 0xa000_0000), [0, DECODE_ERROR]);
    stop.abort();
    await vcpu.call("leave");
  }));

Deno.test("RAM over several windows, DMA through an IOMMU, and the dirty log of what both wrote", () =>
  withWorkers(async (workers) => {
    const { low, access, table, data, takeDirty } = machine();
    const vcpu = workers.spawn<Setup>(WORKER, data);
    low.setLog(true, DIRTY_CLIENT.MIGRATION);
    takeDirty(); // all of a new block is dirty
    const straddling = 16 * MIB - 2;
    assertEquals(await vcpu.call("store", straddling, 0x1122_3344), OK);
    assertEquals(await vcpu.call("load", straddling), [0x1122_3344, OK]);
    table.map(0x1000, 0x1000, 0x8000, 3);
    table.map(0x2000, 0x1000, 0x5000, 1);
    const bytes = Uint8Array.from({ length: 0x20 }, (_, i) => i + 1);
    assertEquals(await vcpu.call("dma", 0x1ff0, bytes), DECODE_ERROR); // the second page is read-only
    table.unmap(0x1000, 0x1000);
    assertEquals(await vcpu.call("dma", 0x1ff0, bytes), DECODE_ERROR);

    const space = access.attach(data.memory);
    const back = new Uint8Array(0x10);
    assertEquals(space.read(0x8ff0, back), OK);
    assertEquals(back, bytes.subarray(0, 0x10));
    assertEquals(space.load32le(0x5000), 0);
    assertEquals(takeDirty(), [8, 16 * MIB / 4096 - 1, 16 * MIB / 4096]);
    await vcpu.call("leave");
  }));
