/// <reference lib="deno.worker" />
import { AddressSpaceReader, UNASSIGNED } from "@guestmem/flatview";
import { GuestRam } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";

/** What a vCPU sees of a DIMM in one section. */
export interface Seen {
  /** The DIMM's first byte. */
  readonly before: number;
  /** The same byte after the unplug. */
  readonly after: number;
  /** Whether a second lookup, after the unplug, finds the DIMM. */
  readonly foundAgain: boolean;
}

self.onmessage = ({ data }) => {
  const arena = Arena.attach(data.arena, { label: "vCPU" });
  const reader = RcuDomain.attach(arena, data.domain).register();
  const memory = AddressSpaceReader.attach(arena, data.memory);
  const ram = GuestRam.attach(arena, data.ram);
  const schedule = Schedule.attach(data.schedule);

  const guard = reader.lock();
  const row = memory.lookup(guard, data.address);
  const at = memory.offset(row, data.address); // the DIMM's block is the first: at ram_addr_t 0
  const bytes = ram.view(guard, Uint8Array, at, 1);
  bytes[0] = data.content;
  const before = bytes[0]!;
  schedule.reach(1);
  schedule.awaitStep(2); // the DIMM is unplugged
  const after = bytes[0]!;
  const foundAgain = memory.region(memory.lookup(guard, data.address)) !== UNASSIGNED;
  guard.unlock();
  reader.unregister();
  self.postMessage({ before, after, foundAgain } satisfies Seen);
};
