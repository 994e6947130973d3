/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { attachAll } from "#tools/testing/attach.ts";
import type { ArenaHandle, DomainHandle } from "@guestmem/rcu";
import type { IommuRegionHandle } from "../handles/region_handle.ts";
import { IotlbEntry } from "../iotlb/iotlb_entry.ts";
import { RiscvWalker } from "../walker/riscv_walker.ts";
import { TableWindow } from "../walker/table_memory.ts";
import { IommuReader } from "./iommu_reader.ts";

/** What a device worker is started with. */
export interface DeviceData {
  arena: ArenaHandle;
  domain: DomainHandle;
  region: IommuRegionHandle;
  memory: WebAssembly.Memory;
  schedule: SharedArrayBuffer;
  /** Stop; pages written and refused by all devices; IOTLB hits of device 1, of device 2. */
  control: SharedArrayBuffer;
  kind: "table" | "guest";
  flavour: "memb" | "qsbr";
}

const setup = (data: DeviceData) => {
  const { arena, domain, schedule } = attachAll(data);
  const control = new Int32Array(data.control);
  const ram = new Uint32Array(data.memory.buffer);
  const qsbr = data.flavour === "qsbr" ? domain.register({ flavour: "qsbr" }) : null;
  const reader = qsbr ?? domain.register();
  const iommu = new IommuReader(arena, reader, data.region.unit, { iotlbEntries: 16 });
  const translator = data.kind === "table"
    ? iommu.translator(data.region)
    : iommu.translator(data.region, new RiscvWalker({ memory: new TableWindow(data.memory) }));
  const entry = new IotlbEntry();
  qsbr?.offline();

  /** Writes a page through the IOMMU; false if that is refused. `pause` runs between walk and copy. */
  const write = (iova: number, value: number, pause?: () => void): boolean => {
    const guard = reader.lock();
    try {
      if (!translator.translate(iova, 2, 0, entry)) return false;
      pause?.();
      const at = entry.addressOf(iova) / 4;
      ram.fill(value, at, at + 1024);
      return true;
    } finally {
      guard.unlock();
    }
  };

  return {
    /** One write, from outside every section. */
    writeOnce(iova: number): boolean {
      qsbr?.online();
      const done = write(iova, 1);
      qsbr?.offline();
      return done;
    },
    /** One write that waits between the walk and the copy: reaches step 1, awaits step 2. */
    writeSlowly(iova: number): boolean {
      qsbr?.online();
      const done = write(iova, 1, () => {
        schedule.reach(1);
        schedule.awaitStep(2);
      });
      qsbr?.offline();
      return done;
    },
    /** Writes to pages, `stride` apart, in turn until it is told to stop. */
    run(pages: number, stride: number, device: number): void {
      qsbr?.online();
      for (let i = device; Atomics.load(control, 0) === 0; i++) {
        Atomics.add(control, write((i % pages) * stride, device) ? 1 : 2, 1);
        Atomics.store(control, 2 + device, translator.stats.hits);
        qsbr?.quiescent();
      }
      qsbr?.offline();
    },
  };
};
export type Setup = typeof setup;
serve(setup);
