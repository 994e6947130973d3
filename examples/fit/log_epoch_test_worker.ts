/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import { type AddressSpaceHandle, MemoryAccess } from "@guestmem/flatview";
import { Tlb, VcpuControl, VcpuLoop } from "@guestmem/flatview/vcpu";
import { GuestRam, type GuestRamHandle } from "@guestmem/ramblock";
import type { ArenaHandle, DomainHandle } from "@guestmem/rcu";

/** What a vCPU is started with. */
export interface VcpuData {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly ram: GuestRamHandle;
  readonly memory: AddressSpaceHandle;
  readonly schedule: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  readonly pages: number;
}

const PAGE = 4096;

const setup = (data: VcpuData) => {
  const { arena, domain, ram, schedule } = attachAll(data, { ram: GuestRam });
  const reader = domain.register();
  const tlb = new Tlb(new MemoryAccess({ arena, reader, memory: ram }).attach(data.memory));
  return {
    /** Stores twice in one section, and waits in between. */
    storeTwice(): void {
      tlb.lock();
      tlb.store32(0, 1); // marks the page
      schedule.reach(1);
      schedule.awaitStep(2); // its mark is taken
      tlb.store32(0, 2);
      tlb.unlock();
    },
    /** Counts in every page until it is stopped. */
    count(): void {
      let value = 0;
      const run = () => {
        for (let round = 0; round < 20; round++) {
          value++;
          for (let page = 0; page < data.pages; page++) tlb.store32(page * PAGE, value);
        }
        return 0;
      };
      new VcpuLoop(tlb, reader, new VcpuControl(data.control)).run({ run, flush() {} });
    },
  };
};
export type Setup = typeof setup;
serve(setup);
