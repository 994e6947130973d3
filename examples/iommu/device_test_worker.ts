/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { type AddressSpaceHandle, AddressSpaceReader } from "@guestmem/flatview";
import {
  IommuReader,
  type IommuRegionHandle,
  type IommuTranslator,
  TableTranslator,
} from "@guestmem/iommu";
import { Arena, type ArenaHandle, type DomainHandle, RcuDomain } from "@guestmem/rcu";
import { DmaEngine } from "./dma_engine.ts";

/** What a device's worker is started with. */
export interface DeviceData {
  arena: ArenaHandle;
  domain: DomainHandle;
  ram: SharedArrayBuffer;
  /** Where RAM regions start, by their ids. */
  ramOffsets: ReadonlyMap<number, number>;
  /** The device's address space. */
  space: AddressSpaceHandle;
  /** The address spaces that IOMMU entries name. */
  spaces: AddressSpaceHandle[];
  /** The IOMMU regions by their ids in the topology. */
  regions: ReadonlyMap<number, IommuRegionHandle>;
  /** Two words: stop, pieces written. */
  control: SharedArrayBuffer;
}

const setup = (data: DeviceData) => {
  const arena = Arena.attach(data.arena);
  const reader = RcuDomain.attach(arena, data.domain).register({ label: "device" });
  const translators = new Map<number, IommuTranslator>();
  for (const [id, handle] of data.regions) {
    const own = new IommuReader(arena, reader, handle.unit);
    translators.set(id, new TableTranslator(own, handle));
  }
  const attach = (handle: AddressSpaceHandle) => AddressSpaceReader.attach(arena, handle);
  const engine = new DmaEngine({
    reader,
    spaces: data.spaces.map(attach),
    space: attach(data.space),
    translators,
    ramOffsets: data.ramOffsets,
    ram: new Uint8Array(data.ram),
  });
  const control = new Int32Array(data.control);
  return {
    fill: (address: number, length: number, value: number) => engine.fill(address, length, value),
    /** Writes to pages in turn until it is told to stop. */
    run(pages: number, value: number): void {
      for (let page = 0; Atomics.load(control, 0) === 0; page = (page + 1) % pages) {
        Atomics.add(control, engine.fill(page * 4096, 4096, value) === 4096 ? 1 : 2, 1);
      }
    },
  };
};
export type Setup = typeof setup;
serve(setup);
