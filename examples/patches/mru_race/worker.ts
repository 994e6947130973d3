/// <reference lib="deno.worker" />
import { Arena, RcuDomain, RcuPair, RcuPointer, type ReadGuard } from "@guestmem/rcu";
import { Schedule } from "../../lib/schedule.ts";

/**
 * Content of the block that the late reader finds, before and after the reclaim; null if it finds
 * none.
 */
export type Seen = readonly [before: number, after: number] | null;

self.onmessage = ({ data }) => {
  const arena = Arena.attach(data.arena, { label: `reader ${data.role}` });
  const reader = RcuDomain.attach(arena, data.domain).register();
  const list = RcuPointer.attach(arena, data.words[0]);
  const version = RcuPointer.attach(arena, data.words[1]);
  const mru = RcuPair.attach(arena, data.words[2]);
  const schedule = Schedule.attach(data.schedule);

  /** Returns the cached block if there is one, else the list's, which it then caches. */
  function find(guard: ReadGuard, beforeStore = () => {}): number {
    const now = version.dereference(guard);
    const last = mru.load(guard);
    if (last !== 0 && (!data.tagged || mru.second === now)) return last;
    const block = list.dereference(guard);
    beforeStore();
    mru.publish(block, now);
    return block;
  }

  function storeLate(): null {
    const guard = reader.lock();
    find(guard, () => {
      schedule.reach(1);
      schedule.awaitStep(2); // the block is unlinked, the word cleared
    });
    guard.unlock();
    schedule.reach(3);
    return null;
  }

  function lookLate(): Seen {
    schedule.awaitStep(3);
    const guard = reader.lock();
    const block = find(guard);
    const before = arena.u32[block / 4]!;
    schedule.reach(4);
    schedule.awaitStep(5); // the block is reclaimed
    const after = arena.u32[block / 4]!;
    guard.unlock();
    return block === 0 ? null : [before, after];
  }

  const seen = data.role === "A" ? storeLate() : lookLate();
  reader.unregister();
  self.postMessage(seen);
};
