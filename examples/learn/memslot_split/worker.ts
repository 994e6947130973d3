/// <reference lib="deno.worker" />
import { Memslots } from "@guestmem/ramblock/memslots";
import { Arena } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";

// A vCPU that is inside a section while the slot is split: its snapshot does not change.
self.onmessage = ({ data }) => {
  const slots = Memslots.attach(Arena.attach(data.arena, { label: "vCPU 1" }), data.slots);
  const reader = slots.srcu.register();
  const schedule = Schedule.attach(data.schedule);
  const guard = reader.lock();
  const table = slots.snapshot(guard);
  schedule.reach(1);
  schedule.awaitStep(2);
  const host = slots.gfnToHost(table, data.gfn);
  guard.unlock();
  reader.unregister();
  self.postMessage(host);
};
