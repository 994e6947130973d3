/// <reference lib="deno.worker" />
import { Memslots, ShadowMap } from "@guestmem/ramblock/memslots";
import { Arena } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";

/** What a vCPU meets in a section that began before the deletion, and after the deletion. */
export interface Seen {
  /** What a mapping that is made from its snapshot leads to. */
  readonly fromSnapshot: number;
  /** What one from the latest table would. */
  readonly fromLatest: number;
  /** Whether the latest table is that of the snapshot. */
  readonly sameTable: boolean;
  /** Whether the latest table has the slot for those who tear mappings down. */
  readonly teardown: boolean;
  /** What the vCPU's mapping leads to once the deletion is complete. */
  readonly afterwards: number;
}

self.onmessage = ({ data }) => {
  const slots = Memslots.attach(Arena.attach(data.arena, { label: "vCPU" }), data.slots);
  const reader = slots.srcu.register();
  const shadow = ShadowMap.create(slots);
  const schedule = Schedule.attach(data.schedule);

  const guard = reader.lock();
  const snapshot = slots.snapshot(guard);
  schedule.reach(1);
  schedule.awaitStep(2); // the slot is published as invalid
  const latest = slots.snapshot(guard);
  const fromLatest = slots.gfnToHost(latest, data.gfn);
  let teardown = false;
  slots.forEachInHostRange(latest, data.host, data.host, () => teardown = true);
  const fromSnapshot = shadow.instantiate(snapshot, data.gfn, true);
  guard.unlock();

  schedule.awaitStep(3); // the deletion is complete
  const later = reader.lock();
  const afterwards = shadow.translate(later, data.gfn, true);
  later.unlock();
  reader.unregister();
  const sameTable = latest === snapshot;
  self.postMessage({ fromSnapshot, fromLatest, sameTable, teardown, afterwards } satisfies Seen);
};
