/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import { type ArenaHandle, type DomainHandle, Srcu } from "@guestmem/rcu";
import { FlatMemory, type FlatMemoryHandle } from "../../model/flat_memory.ts";
import type { AddressSpaceHandle } from "../../view/address_space.ts";
import { EventNotifier } from "../../view/event_notifier.ts";
import { Tlb } from "../../vcpu/tlb.ts";
import { MemoryAccess } from "../memory_access.ts";
import { MmioChannel, type MmioChannelHandle } from "./mmio_channel.ts";

/** What a worker is given. */
export interface WorkerData {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly channel: MmioChannelHandle;
  readonly memory: FlatMemoryHandle;
  readonly space: AddressSpaceHandle;
  readonly schedule: SharedArrayBuffer;
  readonly flavour: "memb" | "qsbr";
}

const setup = (data: WorkerData) => {
  const { arena, domain, schedule, channel } = attachAll(data, { channel: MmioChannel });
  const reader = data.flavour === "memb" ? domain.register() : domain.register({ flavour: "qsbr" });
  const access = new MemoryAccess({
    arena,
    reader,
    memory: new FlatMemory(data.memory),
    channel,
    onDeviceError: () => {}, // the vCPU gets the result
  });
  const space = access.attach(data.space);
  const stop = new AbortController();
  const calls: string[] = [];

  return {
    token: () => arena.token,
    calls: () => calls.splice(0),
    /** Loads four bytes: the value and the result. */
    load(address: number): [number, number] {
      return [space.load32le(address), space.result];
    },
    load64be(address: number): [number, number, number] {
      return [space.load64be(address), space.upper, space.result];
    },
    store(address: number, value: number, requesterId: number): number {
      return space.store32le(address, value, { requesterId, secure: true });
    },
    read(address: number, length: number): [Uint8Array, number] {
      const bytes = new Uint8Array(length);
      const result = space.read(address, bytes);
      return [bytes, result];
    },
    /** Loads a word again and again; how often each result came. */
    loadMany(address: number, count: number): Record<string, number> {
      const seen: Record<string, number> = {};
      for (let i = 0; i < count; i++) {
        const key = `${space.load32le(address)}/${space.result}`;
        seen[key] = (seen[key] ?? 0) + 1;
      }
      return seen;
    },
    /** Loads through a TLB whose section is open around it. */
    loadByTlb(address: number): [number, number] {
      const tlb = new Tlb(space);
      tlb.lock();
      const value = tlb.load32(address);
      const { result } = tlb;
      tlb.unlock();
      return [value, result];
    },
    loadInSection(address: number): void {
      const section = reader.lock();
      try {
        space.load32le(address);
      } finally {
        section.unlock();
      }
    },
    loadInSrcuSection(handle: Srcu["handle"], address: number): void {
      const srcu = Srcu.attach(arena, handle).register();
      const section = srcu.lock();
      try {
        space.load32le(address);
      } finally {
        section.unlock();
        srcu.unregister();
      }
    },
    signal(offset: number, times: number): void {
      for (let i = 0; i < times; i++) EventNotifier.attach(arena, offset).signal();
    },
    /** Owns a device that answers with a constant, from the event loop. */
    own(region: number, answer: number): void {
      access.bind(region, {
        read: (offset, size) => {
          calls.push(`r${size}@${offset}`);
          return answer;
        },
        write: (offset, value, size, attrs) => {
          calls.push(`w${size}@${offset}=${value}/${attrs.requesterId}/${attrs.secure}`);
        },
      });
      access.listen(stop.signal);
    },
    /** Owns a device that goes on to another address, and answers with what it found there, plus 1. */
    ownRelay(region: number, next: number): void {
      access.bind(region, { read: () => space.load32le(next) + 1 + space.result * 0x100 });
    },
    /** Owns a device of two registers: 0 goes on to `next`, others answer. */
    ownFork(region: number, next: number, answer: number): void {
      access.bind(region, { read: () => answer });
      access.bind(region + 1, { read: () => space.load32le(next) + 1 });
    },
    /** A device whose callback waits for the test. */
    ownSlow(region: number): void {
      access.bind(region, {
        read: () => {
          schedule.reach(1);
          schedule.awaitStep(2);
          return 77;
        },
      });
      access.listen(stop.signal);
    },
    listen(): void {
      access.listen(stop.signal);
    },
    /** Ends this turn offline, as a worker does that has nothing to do. */
    idle(): void {
      if (reader.flavour === "qsbr") reader.offline();
    },
    /** Serves in a blocking loop until one access was served. */
    serveOne(): number {
      let served = 0;
      while (served === 0) served = access.serve(20_000);
      return served;
    },
    /** Dies in the middle of a callback, while the vCPU waits. */
    ownDying(region: number): void {
      access.bind(region, {
        read: () => {
          schedule.reach(1);
          self.close();
          // The rest of this turn still runs: it must not answer.
          schedule.awaitStep(9);
          return 1;
        },
      });
      access.listen(stop.signal);
    },
    /** Two vCPU-like devices that go for one another at the same time. */
    meet(region: number, next: number, mine: number): number {
      let entered = false;
      access.bind(region, {
        read: () => {
          // Once it has answered, it may be asked by the other, who was not refused.
          if (entered) return 7;
          entered = true;
          if (mine === 2) schedule.awaitStep(1);
          schedule.reach(mine);
          schedule.awaitStep(2);
          space.load32le(next);
          return 0x1000 + space.result;
        },
      });
      const served = access.serve(20_000);
      return served;
    },
    leave(): void {
      stop.abort();
      access.close();
      reader.unregister();
    },
  };
};
export type Setup = typeof setup;
serve(setup);
