/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import { type AddressSpaceHandle, MemoryAccess, MemTxResult } from "@guestmem/flatview";
import { IommuReader, type IommuRegionHandle } from "@guestmem/iommu";
import { GuestRam, type GuestRamHandle } from "@guestmem/ramblock";
import type { ArenaHandle, DomainHandle } from "@guestmem/rcu";

/** What a device's worker is started with. */
export interface DeviceData {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly ram: GuestRamHandle;
  /** The device's address space. */
  readonly space: AddressSpaceHandle;
  /** The address spaces that IOMMU entries name by number. */
  readonly targets: readonly AddressSpaceHandle[];
  /** The IOMMU regions by their ids in the topology. */
  readonly iommus: ReadonlyMap<number, IommuRegionHandle>;
  /** Three words: stop, pages written, pages refused. */
  readonly control: SharedArrayBuffer;
}

const setup = (data: DeviceData) => {
  const { arena, domain, ram } = attachAll(data, { ram: GuestRam });
  const reader = domain.register({ label: "device" });
  const access = new MemoryAccess({ arena, reader, memory: ram });
  const space = access.attach(data.space);
  data.targets.forEach((handle, target) => access.setTarget(target, access.attach(handle)));
  for (const [region, handle] of data.iommus) {
    access.bindIommu(region, new IommuReader(arena, reader, handle.unit).translator(handle));
  }
  const control = new Int32Array(data.control);
  const fill = (address: number, length: number, value: number): MemTxResult =>
    space.write(address, new Uint8Array(length).fill(value));
  return {
    fill,
    /** Writes to pages in turn until it is told to stop. */
    run(pages: number, value: number): void {
      for (let page = 0; Atomics.load(control, 0) === 0; page = (page + 1) % pages) {
        const result = fill(page * 4096, 4096, value);
        Atomics.add(control, result === MemTxResult.OK ? 1 : 2, 1);
      }
    },
  };
};
export type Setup = typeof setup;
serve(setup);
