/// <reference lib="deno.worker" />
import { Memslots, ShadowMap } from "@guestmem/ramblock/memslots";
import { Arena } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";

/** What a vCPU finds in a section that began before the deletion, and after the deletion. */
export interface Seen {
  /** Host address that a mapping made from its snapshot leads to. */
  readonly fromSnapshot: number;
  /** The same for a mapping from the latest table. */
  readonly fromLatest: number;
  /** Whether the latest table is its snapshot. */
  readonly sameTable: boolean;
  /** Whether the latest table still has the slot, for teardown. */
  readonly teardown: boolean;
  /** The same for the vCPU's mapping once the deletion is complete. */
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
