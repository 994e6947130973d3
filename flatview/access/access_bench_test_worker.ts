/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import type { ArenaHandle, DomainHandle } from "@guestmem/rcu";
import { FlatMemory, type FlatMemoryHandle } from "../model/flat_memory.ts";
import { MemoryAccess } from "./memory_access.ts";
import { MmioChannel, type MmioChannelHandle } from "./mmio/mmio_channel.ts";

/** Serves a device in its own worker until it is idle for 30 seconds. */
const setup = (data: {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly channel: MmioChannelHandle;
  readonly memory: FlatMemoryHandle;
}) => {
  const { arena, domain, channel } = attachAll(data, { channel: MmioChannel });
  const memory = new FlatMemory(data.memory);
  const access = new MemoryAccess({ arena, reader: domain.register(), memory, channel });
  return {
    token: () => arena.token,
    serve(region: number): void {
      access.bind(region, { read: () => 1 });
      for (let idle = 0; idle < 30;) idle = access.serve(1000) === 0 ? idle + 1 : 0;
      access.close();
      self.close();
    },
  };
};
export type Setup = typeof setup;
serve(setup);
