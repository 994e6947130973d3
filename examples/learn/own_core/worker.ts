/// <reference lib="deno.worker" />
import {
  type AddressSpaceHandle,
  MemoryAccess,
  MmioChannel,
  type MmioChannelHandle,
} from "@guestmem/flatview";
import { PageResolver, VcpuControl, VcpuLoop } from "@guestmem/flatview/vcpu";
import { GuestRam, type GuestRamHandle } from "@guestmem/ramblock";
import { Arena, type ArenaHandle, type DomainHandle, RcuDomain } from "@guestmem/rcu";
import { answer } from "../../lib/workers.ts";
import { Core } from "./core.ts";

/** What the core's worker is given. */
export interface CoreData {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly ram: GuestRamHandle;
  readonly channel: MmioChannelHandle;
  readonly memory: AddressSpaceHandle;
  /** Address of the core's area in the window. */
  readonly area: number;
  readonly control: SharedArrayBuffer;
  /** The bug to plant: the core keeps what it has resolved, whatever the map. */
  readonly keepsEntries: boolean;
}

/** How the core did. */
export interface CoreReport {
  /** Accesses that ended a slice, and those of them that nothing answered. */
  readonly exits: number;
  readonly refused: number;
}

/** Runs until the control context stops it. */
answer((data: CoreData): CoreReport => {
  const arena = Arena.attach(data.arena, { label: "core" });
  const reader = RcuDomain.attach(arena, data.domain).register({ flavour: "qsbr", label: "core" });
  const memory = GuestRam.attach(arena, data.ram);
  const channel = MmioChannel.attach(arena, data.channel);
  const access = new MemoryAccess({ arena, reader, memory, channel });
  const resolver = new PageResolver(access.attach(data.memory));
  const core = new Core(data.ram.windows[0]!, data.area, resolver, 0);
  if (data.keepsEntries) core.flush = () => {};

  new VcpuLoop(resolver, reader, new VcpuControl(data.control)).run(core);

  access.close();
  reader.unregister();
  arena.close();
  return { exits: core.exits, refused: core.refused };
});
