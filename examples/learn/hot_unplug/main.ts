/**
 * A DIMM is unplugged while a vCPU reads it. New lookups no longer find it, but its memory stays
 * intact until the vCPU leaves its section. Then the region's finaliser runs and gives the RAM
 * block back, and the next DIMM gets the same memory, zeroed.
 *
 *     deno run --allow-read examples/learn/hot_unplug/main.ts
 *
 * @module
 */

import { Topology } from "@guestmem/flatview";
import { GuestRam, RamList } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";
import { ask } from "../../lib/workers.ts";
import type { Seen } from "./worker.ts";

const DIMM = 0x1_0000_0000;
const BYTES = 1 << 20;
export const CONTENT = 0x55;

/** What happened during the unplug. */
export interface Unplugged {
  /** What the vCPU saw in one section that spans the unplug. */
  readonly seen: Seen;
  /** Whether the finaliser had run while the vCPU was inside, and after it had left. */
  readonly finalized: readonly [inside: boolean, after: boolean];
  /** Whether the next DIMM has the memory of the old one, and what is in its first byte. */
  readonly next: { readonly sameMemory: boolean; readonly content: number };
}

/** A machine with one DIMM, whose finaliser gives its RAM block back. */
function createMachine() {
  const arena = Arena.create({ bytes: 4 << 20 });
  const domain = RcuDomain.create(arena);
  const ram = GuestRam.create(domain, { bytes: BYTES }); // room for one DIMM
  const blocks = new RamList(ram);
  const topology = new Topology({ arena, domain });
  const system = topology.initContainer("system", 2n ** 64n);
  const memory = topology.createAddressSpace("memory", system);

  const block = blocks.addAnonymous({ name: "dimm0", length: BYTES });
  const backing = { blockId: block.id, ramAddr: block.offset };
  let isFinal = false;
  const finalize = () => {
    isFinal = true;
    blocks.remove(block.id);
  };
  const dimm = topology.initRam("dimm0", BYTES, backing, { finalize });
  system.addSubregion(DIMM, dimm);
  return { arena, domain, ram, blocks, system, memory, block, dimm, isFinal: () => isFinal };
}

/** Unplugs the DIMM under a vCPU. */
export async function unplug(): Promise<Unplugged> {
  const { arena, domain, ram, blocks, system, memory, block, dimm, isFinal } = createMachine();
  const schedule = Schedule.create();
  const vcpu = ask<Seen>(import.meta.resolve("./worker.ts"), {
    arena: arena.handle,
    domain: domain.handle,
    ram: ram.handle,
    memory: memory.handle,
    schedule: schedule.buffer,
    address: DIMM,
    content: CONTENT,
  });
  schedule.awaitStep(1); // the vCPU has found the DIMM, and written to it
  system.delSubregion(dimm); // published: new lookups no longer find it
  dimm.destroy(); // the creator's reference; the old view holds another
  domain.poll(domain.startPoll()); // the grace period begins, and waits for the vCPU
  await new Promise((resolve) => setTimeout(resolve)); // finalisers that are due run now
  const inside = isFinal();
  schedule.reach(2);
  const seen = await vcpu;
  await domain.barrierAsync(); // the old view is freed, and the region with it
  await domain.barrierAsync(); // the block, which the finaliser removed, is reclaimed
  const after = isFinal();

  const next = blocks.addAnonymous({ name: "dimm1", length: BYTES });
  const guard = domain.register().lock();
  const content = ram.view(guard, Uint8Array, next.offset, 1)[0]!;
  guard.unlock();
  return {
    seen,
    finalized: [inside, after],
    next: { sameMemory: next.offset === block.offset, content },
  };
}

if (import.meta.main) {
  const { seen, finalized: [inside, after], next } = await unplug();
  console.log(
    `The vCPU, inside its section: ${seen.before} before, ${seen.after} after the unplug`,
  );
  console.log(
    `It looks the address up again: ${seen.foundAgain ? "still there" : "unassigned"}`,
  );
  console.log(`Finaliser has run: ${inside} while the vCPU is inside, ${after} once it has left`);
  console.log(`The next DIMM: same memory ${next.sameMemory}, first byte ${next.content}`);
}
