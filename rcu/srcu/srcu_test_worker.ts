/// <reference lib="deno.worker" />
import { Schedule } from "#tools/testing/schedule.ts";
import { Death, serve } from "#tools/testing/worker_side.ts";
import { ENTERED, LEFT, READY, STOP } from "../testdata/shared_words.ts";
import { Arena, type ArenaHandle, type DomainHandle, RcuPointer, Srcu } from "../mod.ts";

/** What each test sends. */
export interface Data {
  arena: ArenaHandle;
  domain: DomainHandle;
  schedule: SharedArrayBuffer;
  words: SharedArrayBuffer;
}

const setup = (data: Data) => {
  const arena = Arena.attach(data.arena, { label: "srcu worker" });
  const srcu = Srcu.attach(arena, data.domain);
  const reader = srcu.register({ label: "task runner" });
  const schedule = Schedule.attach(data.schedule);
  const words = new Int32Array(data.words);
  const turn = () => new Promise((next) => setTimeout(next, 0));
  const stopped = () => Atomics.load(words, STOP) !== 0;

  /** One task: sections that span awaits, over and over. @returns How often a block changed. */
  const task = async (pointer: RcuPointer, turns: number): Promise<number> => {
    let wrong = 0;
    while (!stopped()) {
      const guard = reader.lock();
      const block = pointer.dereference(guard) / 4;
      const first = arena.u32[block]!;
      for (let left = turns; left > 0; left--) {
        if (arena.u32[block] !== first || arena.u32[block + 1] !== (~first >>> 0)) wrong++;
        await turn();
      }
      if (arena.u32[block] !== first || arena.u32[block + 1] !== (~first >>> 0)) wrong++;
      guard.unlock();
      await turn();
    }
    return wrong;
  };

  return {
    token: (): number => arena.token,
    /** Tasks that interleave, each with sections of a different length. */
    async readAcrossAwaits(pointer: number, tasks: number): Promise<number> {
      const cell = RcuPointer.attach(arena, pointer);
      Atomics.add(words, READY, 1);
      const wrong = await Promise.all(Array.from({ length: tasks }, (_, n) => task(cell, n % 4)));
      return wrong.reduce((sum, count) => sum + count, 0);
    },
    /** Holds a section across awaits from step 1 until an updater wants it out. */
    async holdUntilHurried(): Promise<void> {
      const guard = reader.lock();
      const asked = Promise.withResolvers<void>();
      const end = reader.onHurry(asked.resolve);
      schedule.reach(1);
      await asked.promise;
      end();
      Atomics.store(words, LEFT, 1);
      guard.unlock();
    },
    /** Waits for a grace period from step 1 on; whether the reader had left by its end. */
    synchronize(hurry: boolean): number {
      schedule.awaitStep(1);
      if (hurry) srcu.synchronizeSrcu({ hurry: true });
      else srcu.synchronizeSrcu();
      return Atomics.load(words, LEFT);
    },
    /** Short sections, each of which ends some time after an updater has asked for its end. */
    leaveWhileUpdatersWait(): void {
      for (let round = 0; !stopped(); round++) {
        const guard = reader.lock();
        Atomics.add(words, ENTERED, 1);
        while (!reader.hurry && !stopped());
        for (let left = (round * 7919) % 50_000; left > 0; left--) Atomics.load(words, STOP);
        guard.unlock();
      }
    },
    synchronizeHurried(rounds: number): void {
      for (let round = 0; round < rounds; round++) srcu.synchronizeSrcu({ hurry: true });
    },
    dieInside(how: "close" | "throw"): void {
      reader.lock();
      schedule.reach(1);
      if (how === "throw") throw new Death("planted");
      self.close();
    },
    /** What happens to a reader that is expelled with sections open. */
    async surviveExpulsion(): Promise<string[]> {
      const guards = [reader.lock(), reader.lock()];
      schedule.reach(1);
      await schedule.awaitStepAsync(2);
      const names: string[] = [];
      const lock = () => reader.lock();
      const calls = [lock, ...guards.map((guard) => () => guard.unlock()), lock];
      for (const call of calls) {
        try {
          call();
          names.push("nothing");
        } catch (error) {
          names.push((error as Error).name);
        }
      }
      schedule.reach(3);
      return names;
    },
  };
};
export type Setup = typeof setup;
serve(setup);
