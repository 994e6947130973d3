/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import type { ArenaHandle, DomainHandle } from "@guestmem/rcu";
import { FlatMemory, type FlatMemoryHandle } from "../../model/flat_memory.ts";
import type { AddressSpaceHandle } from "../../view/address_space.ts";
import { MemoryAccess } from "../memory_access.ts";
import { MmioChannel, type MmioChannelHandle } from "./mmio_channel.ts";

/** What a vCPU is given. */
export interface WaitsData {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly channel: MmioChannelHandle;
  readonly memory: FlatMemoryHandle;
  readonly space: AddressSpaceHandle;
  readonly schedule: SharedArrayBuffer;
  /** The time in milliseconds, how often it was read, and how many vCPUs are done. */
  readonly clock: SharedArrayBuffer;
  /** Whether the test handles stalls, in place of the console. */
  readonly handlesStalls: boolean;
}

const setup = (data: WaitsData) => {
  const { arena, domain, schedule, channel } = attachAll(data, { channel: MmioChannel });
  const reader = domain.register();
  const clock = new Int32Array(data.clock);
  const reports: unknown[] = [];
  const report = (what: unknown) => {
    reports.push(what);
    schedule.reach(1);
  };
  const access = new MemoryAccess({
    arena,
    reader,
    memory: new FlatMemory(data.memory),
    channel,
    clock: () => {
      Atomics.add(clock, 1, 1);
      return Atomics.load(clock, 0);
    },
    ...(data.handlesStalls ? { onStall: report } : {}),
  });
  console.warn = report;
  const space = access.attach(data.space);
  return {
    /** Loads four bytes; what was reported meanwhile comes after the value. */
    load(address: number): unknown[] {
      return [space.load32le(address), ...reports.splice(0)];
    },
    /** Loads until step 1, at most so often; whether it was step 1 that ended it. */
    loadUntilStep(address: number, most: number): boolean {
      for (let i = 0; i < most && schedule.step < 1; i++) space.load32le(address);
      const isEnded = schedule.step >= 1;
      Atomics.add(clock, 2, 1);
      return isEnded;
    },
    leave(): void {
      access.close();
      reader.unregister();
    },
  };
};
export type Setup = typeof setup;
serve(setup);
