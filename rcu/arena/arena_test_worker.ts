/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { Death, serve } from "#tools/testing/worker_side.ts";
import { ArenaExhaustedError } from "../errors/specific_errors.ts";
import { type ArenaHandle, coreOf } from "./arena.ts";

export interface Data {
  arena: ArenaHandle;
  label: string;
  schedule?: SharedArrayBuffer;
  barrier?: SharedArrayBuffer;
}

const setup = (data: Data) => {
  const { arena, barrier, schedule } = attachAll(data);
  const core = coreOf(arena);

  /** Lets this worker die before its n-th store to the heap from now on. */
  const dieAt = (stores: number) => {
    const { store } = core.heap;
    const { put, commit } = store;
    const live = () => {
      if (--stores >= 0) return;
      self.close();
      throw new Death("planted");
    };
    store.put = (index, value) => (live(), put.call(store, index, value));
    store.commit = (index, value) => (live(), commit.call(store, index, value));
  };

  return {
    token: () => arena.token,

    /** Allocates and frees at random; returns how many blocks held another's pattern. */
    churn(rounds: number, seed: number, limbo: number): number {
      barrier?.arrive();
      const random = (below: number) => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return Math.floor(seed / 2 ** 32 * below);
      };
      const live: { offset: number; words: number; pattern: number }[] = [];
      let damaged = 0;
      for (let round = 0; round < rounds; round++) {
        if (live.length < 64 && random(2) === 0) {
          const words = 1 + random(random(16) === 0 ? 1000 : 60);
          let offset: number;
          try {
            offset = arena.allocate(words * 4, 16 << random(3));
          } catch (error) {
            if (error instanceof ArenaExhaustedError) continue;
            throw error;
          }
          const pattern = arena.token * 2 ** 24 + round;
          const words32 = arena.u32.subarray(offset / 4, offset / 4 + words);
          if (words32.some((word) => word !== 0)) damaged++;
          words32.fill(pattern);
          live.push({ offset, words, pattern });
        } else if (live.length > 0) {
          const [block] = live.splice(random(live.length), 1);
          const { offset, words, pattern } = block!;
          const words32 = arena.u32.subarray(offset / 4, offset / 4 + words);
          if (words32.some((word) => word !== pattern)) damaged++;
          if (random(4) === 0) core.pushDeferred(limbo, offset);
          else arena.free(offset);
        }
        if (round % 50 === 0) {
          core.startBatch(limbo, () => 1);
          core.reclaimBatch(limbo, 8, 1);
        }
      }
      for (const { offset } of live) arena.free(offset);
      return damaged;
    },

    /** Allocates and frees blocks of one size, as a benchmark. */
    pairs(rounds: number, bytes: number): void {
      for (let round = 0; round < rounds; round++) arena.free(arena.allocate(bytes));
    },

    /** Dies at a store of an allocation, of a free, or of a deferral, with the lock held. */
    dieIn(what: "allocate" | "free" | "defer", stores: number, victim: number, limbo: number) {
      dieAt(stores);
      if (what === "allocate") arena.allocate(500, 256);
      if (what === "free") arena.free(victim);
      if (what === "defer") core.pushDeferred(limbo, victim);
    },

    /** Holds the arena's lock from step 1 of the schedule to step 2. */
    holdArena(): void {
      core.locked(() => {
        schedule!.reach(1);
        schedule!.awaitStep(2);
      });
    },

    /** Takes the lock and dies by an uncaught error, without a store. */
    dieHolding(): void {
      core.enter();
      throw new Death("planted");
    },

    /** Allocates one block; the lock may have to be waited for. */
    allocate: (bytes: number) => arena.allocate(bytes),
  };
};

export type Setup = typeof setup;
serve(setup);
