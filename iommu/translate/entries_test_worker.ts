/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { attachAll } from "#tools/testing/attach.ts";
import type { Schedule } from "#tools/testing/schedule.ts";
import type { ArenaHandle, DomainHandle } from "@guestmem/rcu";
import type { IommuRegionHandle } from "../handles/region_handle.ts";
import { IotlbEntry } from "../iotlb/iotlb_entry.ts";
import { RiscvWalker } from "../walker/riscv_walker.ts";
import { type TableMemory, TableWindow } from "../walker/table_memory.ts";
import { IommuReader } from "./iommu_reader.ts";

/** What a watcher is started with. */
export interface WatcherData {
  arena: ArenaHandle;
  domain: DomainHandle;
  region: IommuRegionHandle;
  schedule: SharedArrayBuffer;
  /** Stop; rounds over all pages; how many shifts were seen. */
  control: SharedArrayBuffer;
  /** Guest RAM with tables; a mapping table is watched if it is absent. */
  memory?: WebAssembly.Memory;
}

/** A memory that loads an entry in two steps, which is forbidden. */
class TornMemory implements TableMemory {
  high = 0;
  constructor(private readonly words: Uint32Array, private readonly schedule: Schedule) {}

  load64(address: number): number {
    const low = Atomics.load(this.words, address / 4);
    if (address >= 2 * 4096) {
      this.schedule.reach(1);
      this.schedule.awaitStep(2);
    }
    this.high = Atomics.load(this.words, address / 4 + 1);
    return low;
  }
}

const setup = (data: WatcherData) => {
  const { arena, domain, schedule } = attachAll(data);
  const reader = domain.register();
  const control = new Int32Array(data.control);
  const entry = new IotlbEntry();
  const iommu = new IommuReader(arena, reader, data.region.unit, { iotlbEntries: 1 });
  const { memory } = data;
  const create = (guest?: TableMemory) =>
    iommu.translator(data.region, guest && new RiscvWalker({ memory: guest }));
  const translator = create(memory && new TableWindow(memory));
  /** How far a page is moved; NaN if it is refused. */
  const shiftOf = (page: number, through = translator): number => {
    const guard = reader.lock();
    try {
      const address = page * 4096;
      return through.translate(address, 1, 0, entry) ? entry.addressOf(address) - address : NaN;
    } finally {
      guard.unlock();
    }
  };
  return {
    /** Watches pages until it is told to stop; returns every shift that it saw. */
    watch(pages: number[]): number[] {
      const shifts = new Set<number>();
      while (Atomics.load(control, 0) === 0) {
        for (const page of pages) shifts.add(shiftOf(page));
        Atomics.store(control, 2, shifts.size);
        Atomics.add(control, 1, 1);
      }
      return [...shifts];
    },
    /** One walk that loads the last entry in two steps. */
    walkTorn(page: number): number {
      const torn = new TornMemory(
        new Uint32Array(memory!.buffer),
        schedule,
      );
      return shiftOf(page, create(torn));
    },
  };
};
export type Setup = typeof setup;
serve(setup);
