/**
 * A guest's RAM is copied while a vCPU writes to it, as for a live migration: all of it once, then the
 * pages that have changed since, again and again, until few are left. Then the vCPU is paused, the last
 * ones are copied, and the copy is the guest's RAM, byte for byte.
 *
 *     deno run --allow-read examples/learn/migration/main.ts
 *
 * @module
 */

import { Topology } from "@guestmem/flatview";
import { VcpuControl } from "@guestmem/flatview/vcpu";
import { DIRTY_CLIENT, GuestRam, RamList } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { ask } from "../../lib/workers.ts";

const PAGE = 4096;
const PAGES = 512;
/** Pages that the vCPU writes to all the time. */
const HOT = 8;
const { MIGRATION } = DIRTY_CLIENT;

/** How a migration went. */
export interface Migrated {
  /** Pages that were copied in each round, all of them first. */
  readonly rounds: readonly number[];
  /** Pages that were copied while the vCPU stood still. */
  readonly last: number;
  /** Whether the copy is equal to the guest's RAM. */
  readonly isEqual: boolean;
  /** Stores of the vCPU. */
  readonly stores: number;
}

/** A machine of 2 MiB. */
function createMachine() {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const ram = GuestRam.create(domain, { bytes: PAGES * PAGE });
  const block = new RamList(ram).addAnonymous({ name: "ram", length: PAGES * PAGE });
  const topology = new Topology({ arena, domain });
  const backing = { blockId: block.id, ramAddr: block.offset };
  const region = topology.initRam("ram", PAGES * PAGE, backing);
  const memory = topology.createAddressSpace("memory", region);
  return { arena, domain, ram, topology, memory };
}

/** Migrates a guest. */
export async function migrate(): Promise<Migrated> {
  const { arena, domain, ram, topology, memory } = createMachine();
  const control = new VcpuControl();
  const vcpu = ask<number>(import.meta.resolve("./worker.ts"), {
    ...{ arena: arena.handle, domain: domain.handle, ram: ram.handle, memory: memory.handle },
    ...{ control: control.buffer, pages: PAGES, hot: HOT },
  });
  const reader = domain.register();
  const source = new Uint8Array(ram.handle.windows[0]!.buffer, 0, PAGES * PAGE);
  const copy = new Uint8Array(PAGES * PAGE);
  /** Copies what was stored to since it was last called. @returns How many pages. */
  const copyChanges = async () => {
    const dirty = await ram.dirty.collectAsync(reader, MIGRATION);
    for (const page of dirty) {
      copy.set(source.subarray(page * PAGE, (page + 1) * PAGE), page * PAGE);
    }
    return dirty.size;
  };

  while (source[1] === 0) await new Promise((resolve) => setTimeout(resolve)); // until the vCPU runs
  topology.startGlobalLog();
  const rounds = [await copyChanges()]; // a new block is all dirty
  for (let round = 0; round < 20 && rounds.at(-1)! > 2 * HOT; round++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    rounds.push(await copyChanges());
  }
  control.pause();
  while (control.state !== "paused") await new Promise((resolve) => setTimeout(resolve));
  const last = await copyChanges();
  const isEqual = copy.every((byte, at) => byte === source[at]);
  topology.stopGlobalLog();
  control.stop();
  return { rounds, last, isEqual, stores: await vcpu };
}

if (import.meta.main) {
  const { rounds, last, isEqual, stores } = await migrate();
  console.log(`Pages copied while the vCPU made ${stores} stores: ${rounds.join(", ")}`);
  console.log(
    `Copied while it stood still: ${last}; the copy is ${isEqual ? "equal" : "different"}`,
  );
}
