/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { attachAll } from "#tools/testing/attach.ts";
import { Memslots, type MemslotsHandle } from "@guestmem/ramblock/memslots";
import type { ArenaHandle, ReadGuard } from "@guestmem/rcu";
import { type Met, watch } from "../../learn/memslots/watch.ts";

interface Data {
  readonly arena: ArenaHandle;
  readonly slots: MemslotsHandle;
  readonly schedule: SharedArrayBuffer;
  readonly passes: Int32Array;
  /** Guest RAM; a host address is an index in it once `origin` is subtracted. */
  readonly bytes: Uint8Array;
  readonly origin: number;
}

const setup = (data: Data) => {
  const { slots, schedule } = attachAll(data, { slots: Memslots });

  /** Spins until another table is current. Returns its snapshot. */
  function awaitOther(guard: ReadGuard, table: number): number {
    for (const end = performance.now() + 30_000; performance.now() < end;) {
      const now = slots.snapshot(guard);
      if (now !== table) return now;
    }
    throw new Error("No batch came");
  }

  return {
    /** Watches pages until step 1, and counts its passes in a word. */
    watch(me: number, host: number, gfns: number[]): Met {
      return watch(slots, host, gfns, () => {
        Atomics.add(data.passes, me, 1);
        Atomics.notify(data.passes, me);
        return schedule.step < 1;
      });
    },

    /**
     * Holds a section in which a batch must stop between its two tables, and looks gfns up in the
     * table that is current then.
     */
    lookBetween(gfns: number[]): number[] {
      const reader = slots.srcu.register();
      const guard = reader.lock();
      const before = slots.snapshot(guard);
      schedule.reach(1);
      const between = awaitOther(guard, before);
      const found = gfns.map((gfn) => slots.gfnToHost(between, gfn));
      guard.unlock();
      reader.unregister();
      return found;
    },

    /**
     * Reads a page's first byte through its slot twice in one section: at once, and when the
     * control context is in the middle of a batch (or, for `step` 2, after it).
     */
    readTwice(gfn: number, step: 1 | 2): number[] {
      const reader = slots.srcu.register();
      const guard = reader.lock();
      const table = slots.snapshot(guard);
      const at = slots.gfnToHost(table, gfn) - data.origin;
      const first = data.bytes[at]!;
      schedule.reach(1);
      schedule.awaitStep(step);
      awaitOther(guard, table);
      const second = data.bytes[at]!;
      guard.unlock();
      reader.unregister();
      return [first, second];
    },
  };
};
export type Setup = typeof setup;
serve(setup);
