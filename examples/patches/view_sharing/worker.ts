/// <reference lib="deno.worker" />
import { AddressSpaceReader } from "@guestmem/flatview";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";

/** Whether the worker finds the BAR at its first address, late in its section. */
export interface Seen {
  /** In the view that it loaded at the start. */
  readonly inItsView: boolean;
  /** In the view that is published by then. */
  readonly inTheNext: boolean;
}

self.onmessage = ({ data }) => {
  const arena = Arena.attach(data.arena, { label: "vCPU" });
  const reader = RcuDomain.attach(arena, data.domain).register();
  const memory = AddressSpaceReader.attach(arena, data.memory);
  const schedule = Schedule.attach(data.schedule);
  const isBar = (view: number) =>
    memory.region(memory.lookupIn(view, data.address)) === data.region;

  const guard = reader.lock();
  const view = memory.view(guard); // one load: the view and its own dispatch
  schedule.reach(1);
  schedule.awaitStep(2); // no address space has the view any more
  const inItsView = isBar(view);
  const inTheNext = isBar(memory.view(guard));
  guard.unlock();
  reader.unregister();
  self.postMessage({ inItsView, inTheNext } satisfies Seen);
};
