/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { Arena, type ArenaHandle, RcuDomain } from "@guestmem/rcu";
import { FlatMemory, type FlatMemoryHandle } from "../model/flat_memory.ts";
import { MemoryAccess } from "./memory_access.ts";
import { MmioChannel, type MmioChannelHandle } from "./mmio/mmio_channel.ts";

/** Serves a device in a worker of its own until it is idle for 30 seconds. */
const setup = (data: {
  readonly arena: ArenaHandle;
  readonly domain: RcuDomain["handle"];
  readonly channel: MmioChannelHandle;
  readonly memory: FlatMemoryHandle;
}) => {
  const arena = Arena.attach(data.arena);
  const access = new MemoryAccess({
    arena,
    reader: RcuDomain.attach(arena, data.domain).register(),
    memory: new FlatMemory(data.memory),
    channel: MmioChannel.attach(arena, data.channel),
  });
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
