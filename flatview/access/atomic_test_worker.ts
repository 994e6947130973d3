/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { Arena, type ArenaHandle, RcuDomain } from "@guestmem/rcu";
import { FlatMemory, type FlatMemoryHandle } from "../model/flat_memory.ts";
import type { AddressSpaceHandle } from "../view/address_space.ts";
import { MemoryAccess } from "./memory_access.ts";

/** What a writer is given. */
export interface WriterData {
  readonly arena: ArenaHandle;
  readonly domain: RcuDomain["handle"];
  readonly memory: FlatMemoryHandle;
  readonly space: AddressSpaceHandle;
  /** One word: not 0 to stop. */
  readonly stop: SharedArrayBuffer;
}

const setup = (data: WriterData) => {
  const arena = Arena.attach(data.arena);
  const reader = RcuDomain.attach(arena, data.domain).register();
  const access = new MemoryAccess({ arena, reader, memory: new FlatMemory(data.memory) });
  const space = access.attach(data.space);
  const tlb = space.tlb();
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
  };
};
export type Setup = typeof setup;
serve(setup);
