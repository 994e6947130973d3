/// <reference lib="deno.worker" />
import { MemoryAccess, type MemTxResult } from "@guestmem/flatview";
import { IommuReader } from "@guestmem/iommu";
import { GuestRam } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";

/** What the NIC saw. */
export interface Results {
  /** RAM offset that its address was translated to. */
  readonly translated: number;
  /** Result of the write after the unmapping. */
  readonly late: MemTxResult;
}

self.onmessage = ({ data }) => {
  const arena = Arena.attach(data.arena, { label: "NIC" });
  const reader = RcuDomain.attach(arena, data.domain).register();
  const ram = GuestRam.attach(arena, data.ram);
  const access = new MemoryAccess({ arena, reader, memory: ram });
  const memory = access.attach(data.memory);
  const nic = access.attach(data.nic);
  const schedule = Schedule.attach(data.schedule);

  // The translator runs in this worker; its results are addresses in system memory.
  const iommu = new IommuReader(arena, reader, data.iommu.unit);
  access.bindIommu(data.region, iommu.translator(data.iommu));
  access.setTarget(0, memory);

  const guard = reader.lock(); // a translation is valid until its section ends
  const target = nic.translate(guard, data.iova, 1, true);
  const translated = Number(target.offset); // in the RAM region, which starts at ram_addr_t 0
  schedule.reach(1);
  schedule.awaitStep(2); // the mapping is being removed
  ram.view(guard, Uint8Array, translated, 1)[0] = data.values[0];
  guard.unlock();

  schedule.awaitStep(3); // the unmapping is complete
  const late = nic.store8(data.iova, data.values[1]);
  reader.unregister();
  self.postMessage({ translated, late } satisfies Results);
};
