/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { attachAll } from "#tools/testing/attach.ts";
import type { ArenaHandle } from "@guestmem/rcu";
import type { MemslotsHandle } from "./slots_core.ts";
import { OUTCOME, SLOT } from "../kernel/layouts.ts";
import { Memslots } from "./memslots.ts";
import { ShadowMap } from "./shadow_map.ts";
import { rowsOf } from "./slot_table.ts";

interface Data {
  readonly arena: ArenaHandle;
  readonly slots: MemslotsHandle;
  readonly schedule: SharedArrayBuffer;
  readonly progress: SharedArrayBuffer;
}

/** Counts of a racing reader's outcomes. */
export interface Met {
  mapped: number;
  retries: number;
  holes: number;
  wrong: number;
}

const setup = (data: Data) => {
  const { arena, slots, schedule } = attachAll(data, { slots: Memslots });
  const reader = slots.srcu.register();
  const progress = new Int32Array(data.progress);
  const shadow = ShadowMap.create(slots, { entries: 64 });

  /** Runs `body` in a section, and ends it in any case. */
  function inside<T>(body: (table: number) => T): T {
    const guard = reader.lock();
    try {
      return body(slots.snapshot(guard));
    } finally {
      guard.unlock();
    }
  }

  return {
    /** Instantiates a mapping from a snapshot that it has held since before step 2. */
    instantiateLate(gfn: number): number {
      const host = inside((table) => {
        schedule.reach(1);
        schedule.awaitStep(2);
        return shadow.instantiate(table, gfn, true);
      });
      schedule.reach(3);
      return host;
    },

    /** One translation, in its own section. */
    translate(gfn: number, write: boolean): number {
      const guard = reader.lock();
      try {
        return shadow.translate(guard, gfn, write);
      } finally {
        guard.unlock();
      }
    },

    /** The base of the real-mode TSS, from one snapshot, or as the seed's hunk has it, from two. */
    tssBase(once: boolean): number {
      const guard = reader.lock();
      const table = slots.snapshot(guard);
      const base = SLOT.base.get(arena.u32, rowsOf(arena.u32, table)[0]!);
      schedule.reach(1);
      schedule.awaitStep(2);
      const second = rowsOf(arena.u32, slots.snapshot(guard))[0]!;
      const torn = base + SLOT.pages.get(arena.u32, second) - 3;
      const tss = once ? slots.rmodeTssBase(table) : torn * 4096;
      guard.unlock();
      return tss;
    },

    /** Holds a section from step 1 to step 2. */
    hold(): void {
      inside(() => {
        schedule.reach(1);
        schedule.awaitStep(2);
      });
    },

    /** Looks up gfns that are always mapped, gfn n at host n pages, until step 1.
     * Its progress is the lookups that found the page.
     */
    race(me: number, gfns: number[]): Met {
      const met = { mapped: 0, retries: 0, holes: 0, wrong: 0 };
      while (schedule.step < 1) {
        for (const gfn of gfns) {
          const guard = reader.lock();
          const found = slots.gfnToHost(slots.snapshot(guard), gfn);
          const host = shadow.translate(guard, gfn, true);
          for (const outcome of [found, host]) {
            if (outcome === OUTCOME.RETRY) met.retries++;
            else if (outcome === OUTCOME.NO_SLOT) met.holes++;
            else if (outcome === gfn * 4096) met.mapped++;
            else met.wrong++;
          }
          guard.unlock();
        }
        Atomics.store(progress, me, met.mapped);
      }
      return met;
    },

    /** Writes rising numbers through logged mappings, one word a page, until step 1; the last ones. */
    writeLogged(me: number, memory: SharedArrayBuffer, gfns: number[]): number[] {
      const words = new Int32Array(memory);
      const last = gfns.map(() => 0);
      for (let value = 1; schedule.step < 1; value++) {
        gfns.forEach((gfn, i) => {
          const guard = reader.lock();
          const host = shadow.translate(guard, gfn, true);
          if (host >= 0) words[host / 4096] = last[i] = value;
          guard.unlock();
        });
        Atomics.store(progress, me, value);
      }
      return last;
    },
  };
};
export type Setup = typeof setup;
serve(setup);
