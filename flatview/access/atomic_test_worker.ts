/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import type { ArenaHandle, DomainHandle } from "@guestmem/rcu";
import { FlatMemory, type FlatMemoryHandle } from "../model/flat_memory.ts";
import type { AddressSpaceHandle } from "../view/address_space.ts";
import { Tlb } from "../vcpu/tlb.ts";
import { MemoryAccess } from "./memory_access.ts";

/** What a writer is given. */
export interface WriterData {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly memory: FlatMemoryHandle;
  readonly space: AddressSpaceHandle;
  /** One word: not 0 to stop. */
  readonly stop: SharedArrayBuffer;
  readonly schedule: SharedArrayBuffer;
}

const setup = (data: WriterData) => {
  const { arena, domain, schedule } = attachAll(data);
  const reader = domain.register();
  const memory = new FlatMemory(data.memory);
  const access = new MemoryAccess({ arena, reader, memory });
  const space = access.attach(data.space);
  const tlb = new Tlb(space);
  const stop = new Int32Array(data.stop);
  return {
    /** Writes all zeros and all ones in turn, by each way that there is. */
    alternate(): void {
      for (let round = 0; Atomics.load(stop, 0) === 0; round++) {
        const value = round % 2 === 0 ? 0 : -1;
        tlb.lock();
        tlb.store64(0x100, value, value);
        tlb.store32(0x110, value);
        tlb.store16(0x118, value);
        tlb.unlock();
        space.store64be(0x120, value, value);
        space.store32be(0x130, value);
        space.store16le(0x138, value);
      }
    },
    /** Stores eight bytes of ones once, in two halves: the second after step 2. */
    storeInHalves(way: "space" | "TLB"): void {
      const window = memory.locate(16, 0);
      window.store64 = (at, low, high) => {
        window.i32[at / 4] = low;
        schedule.reach(1);
        schedule.awaitStep(2);
        window.i32[at / 4 + 1] = high;
      };
      tlb.lock();
      if (way === "TLB") {
        tlb.load64(0x100); // so that the store is a hit
        tlb.store64(0x100, -1, -1);
      }
      tlb.unlock();
      if (way === "space") space.store64be(0x100, -1, -1);
    },
  };
};
export type Setup = typeof setup;
serve(setup);
