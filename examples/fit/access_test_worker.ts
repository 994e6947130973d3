/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { attachAll } from "#tools/testing/attach.ts";
import {
  type AddressSpaceHandle,
  MemoryAccess,
  MmioChannel,
  type MmioChannelHandle,
} from "@guestmem/flatview";
import { Tlb } from "@guestmem/flatview/vcpu";
import { IommuReader, type IommuRegionHandle } from "@guestmem/iommu";
import { GuestRam, type GuestRamHandle } from "@guestmem/ramblock";
import { Memslots, type MemslotsHandle } from "@guestmem/ramblock/memslots";
import type { ArenaHandle, DomainHandle } from "@guestmem/rcu";

/** What a vCPU is started with. */
export interface VcpuData {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly ram: GuestRamHandle;
  readonly slots: MemslotsHandle;
  readonly channel: MmioChannelHandle;
  readonly memory: AddressSpaceHandle;
  readonly device: AddressSpaceHandle;
  /** The IOMMU region: its id in the topology, and its handle. */
  readonly iommu: readonly [number, IommuRegionHandle];
}

const setup = (data: VcpuData) => {
  const { arena, domain, ram, channel, slots } = attachAll(data, {
    ram: GuestRam,
    channel: MmioChannel,
    slots: Memslots,
  });
  const reader = domain.register({ flavour: "qsbr" });
  const access = new MemoryAccess({ arena, reader, memory: ram, channel });
  const space = access.attach(data.memory);
  const device = access.attach(data.device);
  const [region, handle] = data.iommu;
  access.setTarget(0, space);
  access.bindIommu(region, new IommuReader(arena, reader, handle.unit).translator(handle));
  const srcu = slots.srcu.register();
  const tlb = new Tlb(space);
  reader.offline(); // between two calls this worker is in its event loop
  const online = <T>(run: () => T): T => {
    reader.online();
    try {
      return run();
    } finally {
      reader.offline();
    }
  };
  return {
    /** The host address of a guest page by the memslots. */
    hostOf(gfn: number): number {
      const guard = srcu.lock();
      const host = slots.gfnToHost(slots.snapshot(guard), gfn);
      guard.unlock();
      return host;
    },
    store: (address: number, value: number): number =>
      online(() => {
        tlb.lock();
        tlb.store32(address, value);
        tlb.unlock();
        return tlb.result;
      }),
    load: (address: number): [number, number] =>
      online(() => {
        tlb.lock();
        tlb.result = 0;
        const value = tlb.load32(address);
        tlb.unlock();
        return [value, tlb.result];
      }),
    dma: (address: number, bytes: Uint8Array): number => online(() => device.write(address, bytes)),
    leave(): void {
      access.close();
      reader.unregister();
      srcu.unregister();
    },
  };
};
export type Setup = typeof setup;
serve(setup);
