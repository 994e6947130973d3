/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import { type ArenaHandle, Mutex } from "../mod.ts";

/** What each test sends. */
export interface Data {
  arena: ArenaHandle;
  label: string;
  schedule?: SharedArrayBuffer;
  barrier?: SharedArrayBuffer;
}

const setup = (data: Data) => {
  const { arena, barrier, schedule } = attachAll(data);

  return {
    token: () => arena.token,

    /** Adds to a counter under a mutex, with a gap in which a second holder would do damage. */
    count(mutex: number, counter: number, rounds: number): void {
      const lock = Mutex.attach(arena, mutex);
      barrier?.arrive();
      for (let round = 0; round < rounds; round++) {
        lock.lock();
        const seen = arena.u32[counter / 4]!;
        if (round % 100 === 0) { for (let spin = 0; spin < 1000; spin++) Math.sqrt(spin); }
        arena.u32[counter / 4] = seen + 1;
        lock.unlock();
      }
    },

    /** The same, waiting with `lockAsync`. */
    async countAsync(mutex: number, counter: number, rounds: number): Promise<void> {
      const lock = Mutex.attach(arena, mutex);
      barrier?.arrive();
      for (let round = 0; round < rounds; round++) {
        await lock.lockAsync();
        const seen = arena.u32[counter / 4]!;
        await null;
        arena.u32[counter / 4] = seen + 1;
        lock.unlock();
      }
    },

    /** Holds a mutex from step 1 to step 2. */
    hold(mutex: number): void {
      const lock = Mutex.attach(arena, mutex);
      lock.lock();
      schedule!.reach(1);
      schedule!.awaitStep(2);
      lock.unlock();
    },

    /** Takes a mutex and dies. */
    dieHolding(mutex: number): void {
      Mutex.attach(arena, mutex).lock();
      self.close();
    },

    lock: (mutex: number) => {
      const lock = Mutex.attach(arena, mutex);
      const outcome = lock.lock();
      lock.unlock();
      return outcome;
    },
  };
};

export type Setup = typeof setup;
serve(setup);
