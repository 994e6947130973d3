/**
 * What a vCPU's worker does, in whichever runtime: it reads a configuration and the address space
 * while the control context replaces them, and writes to RAM.
 *
 * @module
 */

import { type AddressSpaceHandle, AddressSpaceReader, RangeFlag } from "@guestmem/flatview";
import { GuestRam, type GuestRamHandle } from "@guestmem/ramblock";
import { Arena, type ArenaHandle, type DomainHandle, RcuDomain, RcuPointer } from "@guestmem/rcu";
import { array, defineLayout } from "@guestmem/rcu/layout";

/** A configuration: all its words hold the number of its version. */
export const CONFIG = defineLayout({ words: array("u32", 64) });
/** Configurations that each vCPU must see. */
const ENOUGH = 100;

/** What a vCPU is started with. */
export interface VcpuData {
  readonly index: number;
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly ram: GuestRamHandle;
  readonly space: AddressSpaceHandle;
  /** Offset of the pointer to the configuration. */
  readonly config: number;
  readonly bar: { readonly region: number; readonly homes: readonly number[] };
  readonly control: Int32Array<SharedArrayBuffer>;
}

/** What a vCPU has seen. */
export interface VcpuReport {
  readonly sections: number;
  /** Configurations seen. */
  readonly configs: number;
  /** Configurations that mixed versions, or were older than one seen before: a bug. */
  readonly tornConfigs: number;
  /** Views in which the BAR was not at exactly one address: a bug. */
  readonly tornMaps: number;
}

/** Runs until the control context sets the first word of `control`. */
export function runVcpu(data: VcpuData): VcpuReport {
  const { index, bar, control } = data;
  const arena = Arena.attach(data.arena, { label: `vCPU ${index}` });
  const reader = RcuDomain.attach(arena, data.domain).register({ label: `vCPU ${index}` });
  const config = RcuPointer.attach(arena, data.config);
  const space = AddressSpaceReader.attach(arena, data.space);
  const ram = GuestRam.attach(arena, data.ram);
  const report = { sections: 0, configs: 0, tornConfigs: 0, tornMaps: 0 };
  let last = 0;
  while (Atomics.load(control, 0) === 0) {
    const guard = reader.lock();
    try {
      const current = config.dereference(guard);
      const version = CONFIG.words.get(arena.u32, current, 0);
      for (let i = 1; i < CONFIG.words.length; i++) {
        if (CONFIG.words.get(arena.u32, current, i) !== version) report.tornConfigs++;
      }
      if (version < last) report.tornConfigs++;
      if (version > last) report.configs++;
      last = version;

      const view = space.view(guard);
      const isBar = (home: number) => space.region(space.lookupIn(view, home)) === bar.region;
      if (bar.homes.filter(isBar).length !== 1) report.tornMaps++;

      const address = 0x1000 * index + 0x10;
      const row = space.lookupIn(view, address);
      if ((space.flags(row) & RangeFlag.RAM) !== 0) {
        // The only RAM block starts at 0, so the offset in the region is the ram_addr_t.
        ram.write(guard, Number(space.offset(row, address)), Uint8Array.of(index + 1));
      }
    } finally {
      guard.unlock();
    }
    report.sections++;
    if (report.configs >= ENOUGH) Atomics.store(control, 1 + index, 1);
  }
  reader.unregister();
  arena.close();
  return report;
}
