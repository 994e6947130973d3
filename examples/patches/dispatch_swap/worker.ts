/// <reference lib="deno.worker" />
import { PhysMapReader } from "@guestmem/physmap";
import { Arena, RcuDomain, RcuPointer } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";

/** The region that the worker finds at one address, at three moments. */
export interface Seen {
  /** In the dispatch that was published when its section began. */
  readonly before: number;
  /** In the same dispatch, in the same section, after the commits. */
  readonly after: number;
  /** In a later section. */
  readonly next: number;
}

self.onmessage = ({ data }) => {
  const arena = Arena.attach(data.arena, { label: "vCPU" });
  const reader = RcuDomain.attach(arena, data.domain).register();
  const current = RcuPointer.attach(arena, data.current);
  const schedule = Schedule.attach(data.schedule);
  const map = new PhysMapReader(arena);
  const look = (dispatch: number) => map.region(map.section(dispatch, data.address));

  const guard = reader.lock();
  const dispatch = current.dereference(guard);
  const before = look(dispatch);
  schedule.reach(1);
  schedule.awaitStep(2); // the control context commits other maps
  const after = look(dispatch);
  guard.unlock();

  const later = reader.lock();
  const next = look(current.dereference(later));
  later.unlock();
  reader.unregister();
  self.postMessage({ before, after, next } satisfies Seen);
};
