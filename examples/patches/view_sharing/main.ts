/**
 * One flat view with one dispatch for two address spaces, replaced under a reader.
 *
 * The point of QEMU's patch "memory: Move AddressSpaceDispatch from AddressSpace to FlatView": an
 * address space has one pointer, to its view, and the view owns its dispatch. So one store switches
 * both, a reader always gets the dispatch of its view, address spaces that share a view share its
 * dispatch, and both are destroyed together: a grace period after the last address space drops the
 * view.
 *
 *     deno run --allow-read examples/patches/view_sharing/main.ts
 *
 * @module
 */

import { Topology } from "@guestmem/flatview";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";
import { ask } from "../../lib/workers.ts";
import type { Seen } from "./worker.ts";

export const BAR = 0xfebf_0000;

/** What happened. */
export interface Replaced {
  /** Whether the two address spaces had one view, with one dispatch. */
  readonly shared: boolean;
  /** Views alive besides the empty one, step by step. */
  readonly alive: Readonly<Record<string, number>>;
  /** What the reader found. */
  readonly seen: Seen;
}

/** Makes one address space drop the shared view, then the other, while a worker is in a section. */
export async function replaceView(): Promise<Replaced> {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const topology = new Topology({ arena, domain });
  const system = topology.initContainer("system", 2n ** 64n);
  const bar = topology.initIo("bar", 0x1000, {});
  system.addSubregion(BAR, bar);
  const memory = topology.createAddressSpace("memory", system);
  const nic = topology.createAddressSpace("nic", system);
  const shared = memory.view.dispatch === nic.view.dispatch && memory.view === nic.view;
  const alive: Record<string, number> = {};
  const note = (step: string) => alive[step] = topology.stats.alive - 1;
  note("two address spaces have it");

  const schedule = Schedule.create();
  const worker = ask<Seen>(import.meta.resolve("./worker.ts"), {
    arena: arena.handle,
    domain: domain.handle,
    memory: memory.handle,
    schedule: schedule.buffer,
    address: BAR,
    region: bar.id,
  });
  schedule.awaitStep(1); // the worker has loaded the view of "memory"
  nic.destroy(); // drops the view; "memory" still has it
  note("one is destroyed");
  bar.setAddress(BAR - 0x1000); // "memory" gets another view: no address space has the first one
  domain.poll(domain.startPoll()); // the grace period begins, and waits for the worker
  await new Promise((resolve) => setTimeout(resolve)); // a view that is due is freed now
  note("the other has a new view");
  schedule.reach(2);
  const seen = await worker;
  await domain.barrierAsync();
  note("the reader has left");
  return { shared, alive, seen };
}

if (import.meta.main) {
  const { shared, alive, seen } = await replaceView();
  console.log(`Two address spaces share a view and its dispatch: ${shared}`);
  for (const [step, views] of Object.entries(alive)) console.log(`  ${step}: ${views} views alive`);
  console.log(`A reader that loaded the old view finds the BAR in it: ${seen.inItsView}`);
  console.log(`and, at that address, in the view that is published now: ${seen.inTheNext}`);
}
