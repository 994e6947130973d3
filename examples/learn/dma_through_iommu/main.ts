/**
 * A NIC in a worker writes to guest RAM through its IOMMU while the mapping is removed. The
 * unmapping completes only after the write that was translated before it; a later write is refused.
 * So an unmapped page can be reused at once.
 *
 *     deno run --allow-read examples/learn/dma_through_iommu/main.ts
 *
 * @module
 */

import { Topology } from "@guestmem/flatview";
import { BusMaster, TableIommu } from "@guestmem/iommu";
import { GuestRam, RamList } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";
import { ask } from "../../lib/workers.ts";
import type { Results } from "./worker.ts";

const PAGE = 4096;
const RAM_BYTES = 1 << 20;
/** The NIC's address of a page, and the page's offset in RAM. */
const IOVA = 0x1000;
export const BUFFER = 0x8000;
export const EARLY = 0x11;
export const LATE = 0x22;

/** What the NIC saw, and the page's first byte. */
export interface Outcome {
  readonly results: Results;
  /** Whether the unmapping was complete while the NIC was still writing. */
  readonly completeTooEarly: boolean;
  /** When the unmapping completes, and after the NIC has tried again. */
  readonly page: readonly [whenComplete: number, afterwards: number];
}

/** A machine with RAM and a NIC behind an IOMMU, which maps one page for it. */
function createMachine() {
  const arena = Arena.create({ bytes: 4 << 20 });
  const domain = RcuDomain.create(arena);
  const ram = GuestRam.create(domain, { bytes: RAM_BYTES });
  const { id } = new RamList(ram).addAnonymous({ name: "ram", length: RAM_BYTES });
  const topology = new Topology({ arena, domain });
  const system = topology.initContainer("system", 2n ** 64n);
  system.addSubregion(0, topology.initRam("ram", RAM_BYTES, { blockId: id, ramAddr: 0 }));
  const memory = topology.createAddressSpace("memory", system);

  const unit = new TableIommu({ arena, domain });
  const mappings = unit.createTable();
  const iommu = unit.createRegion({ name: "nic-iommu", targetRoot: system });
  iommu.bind(0, mappings.id);
  const nic = new BusMaster({ topology, domain, system, name: "nic", iommu });
  nic.setTranslating(true);
  nic.setEnabled(true);
  mappings.map(IOVA, PAGE, BUFFER, 3);
  return { arena, domain, ram, memory, mappings, iommu, nic };
}

/** Unmaps the page while the NIC writes to it. */
export async function unmapUnderDma(): Promise<Outcome> {
  const { arena, domain, ram, memory, mappings, iommu, nic } = createMachine();
  const schedule = Schedule.create();
  const device = ask<Results>(import.meta.resolve("./worker.ts"), {
    arena: arena.handle,
    domain: domain.handle,
    ram: ram.handle,
    memory: memory.handle,
    nic: nic.space.handle,
    iommu: iommu.handle,
    region: nic.region.id,
    schedule: schedule.buffer,
    iova: IOVA,
    values: [EARLY, LATE],
  });
  const bytes = new Uint8Array(ram.handle.windows[0]!.buffer);
  schedule.awaitStep(1); // the NIC has translated, and not written yet
  let isComplete = false;
  const unmapped = mappings.unmapAsync(IOVA, PAGE).then(() => isComplete = true);
  await new Promise((resolve) => setTimeout(resolve)); // complete by now, if it did not wait
  const completeTooEarly = isComplete;
  schedule.reach(2);
  await unmapped;
  const whenComplete = bytes[BUFFER]!;
  bytes[BUFFER] = 0; // the page now belongs to someone else
  schedule.reach(3);
  const results = await device;
  return { results, completeTooEarly, page: [whenComplete, bytes[BUFFER]!] };
}

if (import.meta.main) {
  const { results, page: [whenComplete, afterwards] } = await unmapUnderDma();
  console.log(`The NIC's address translates to 0x${results.translated.toString(16)} in RAM.`);
  console.log(`It holds ${whenComplete} when the unmapping completes: the NIC wrote first.`);
  console.log(`The NIC's next write is refused (${results.late}): the page holds ${afterwards}.`);
}
