/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { spinUntil, until } from "#tools/testing/until.ts";
import { Death, serve } from "#tools/testing/worker_side.ts";
import {
  Arena,
  type ArenaHandle,
  type DomainHandle,
  MembReader,
  QsbrReader,
  RcuDomain,
  RcuPointer,
} from "../mod.ts";
import { SLOT } from "../kernel/layouts.ts";
import {
  ENTERED,
  LEFT,
  OWNERS,
  RAN,
  READY,
  STOP,
  synchronizeInSections,
} from "../testdata/shared_words.ts";

/** What each test sends. */
export interface Data {
  arena: ArenaHandle;
  domain: DomainHandle;
  schedule: SharedArrayBuffer;
  words: SharedArrayBuffer;
  label?: string;
}

const setup = (data: Data) => {
  const { arena, domain, schedule } = attachAll({ label: "worker", ...data });
  const words = new Int32Array(data.words);
  let reader: MembReader | QsbrReader;

  const memb = (): MembReader => {
    if (!(reader instanceof MembReader)) throw new TypeError("registered as qsbr");
    return reader;
  };
  const qsbr = (): QsbrReader => {
    if (!(reader instanceof QsbrReader)) throw new TypeError("registered as memb");
    return reader;
  };
  const untilHurried = (): void => {
    for (const end = performance.now() + 30_000; !reader.hurry;) {
      if (performance.now() > end) throw new Error("no updater asked this reader to hurry");
    }
  };

  return {
    token: (): number => arena.token,
    register(flavour: "memb" | "qsbr", label = "reader"): number {
      reader = flavour === "memb"
        ? domain.register({ label })
        : domain.register({ flavour: "qsbr", label });
      return reader.slot;
    },
    /** Claims a slot and gives it back, over and over. @returns How often it was not alone in it. */
    claim(rounds: number, first: number): number {
      Atomics.add(words, READY, 1);
      spinUntil(() => Atomics.load(words, READY) === 2, "the other worker has begun");
      let shared = 0;
      for (let round = 0; round < rounds; round++) {
        const claimed = domain.register();
        const index = OWNERS + (claimed.slot - first) / SLOT.size;
        if (Atomics.add(words, index, 1) !== 0) shared++;
        claimed.lock().unlock();
        Atomics.sub(words, index, 1);
        claimed.unregister();
      }
      return shared;
    },
    /** Stays in a section, or online, from step 1 until an updater wants it out. */
    holdUntilHurried(): void {
      const guard = reader.lock();
      schedule.reach(1);
      untilHurried();
      Atomics.store(words, LEFT, 1);
      guard.unlock();
      if (reader instanceof QsbrReader) reader.quiescent();
    },
    /** Nested sections: what leaving the inner one must not end. */
    holdNestedUntilHurried(): void {
      const outer = reader.lock();
      const inner = reader.lock();
      inner.unlock();
      schedule.reach(1);
      untilHurried();
      Atomics.store(words, LEFT, 1);
      outer.unlock();
    },
    /** Waits for a grace period from step 1 on; whether the reader had left by its end. */
    synchronize(): number {
      schedule.awaitStep(1);
      domain.synchronize();
      return Atomics.load(words, LEFT);
    },
    /**
     * Sections until told to stop, each of which ends some time after an updater has asked for its
     * end: while it spins, falls asleep or sleeps.
     */
    leaveWhileUpdatersWait(): void {
      const stopped = () => Atomics.load(words, STOP) !== 0;
      for (let round = 0; !stopped(); round++) {
        const guard = reader.lock();
        Atomics.add(words, ENTERED, 1);
        while (!reader.hurry && !stopped());
        for (let turn = (round * 7919) % 50_000; turn > 0; turn--) Atomics.load(words, STOP);
        guard.unlock();
        if (reader instanceof QsbrReader) reader.quiescent();
      }
      if (reader instanceof QsbrReader) reader.offline();
    },
    /** Waits for a grace period in each of `rounds` sections of the reader above. */
    synchronizeHurried(rounds: number): void {
      synchronizeInSections(domain, words, rounds);
    },
    /** Sections until told to stop. @returns How often a block was not as it was published. */
    readUntilStopped(pointer: number): number {
      const cell = RcuPointer.attach(arena, pointer);
      Atomics.add(words, READY, 1);
      let wrong = 0;
      for (let round = 0; Atomics.load(words, STOP) === 0; round++) {
        const guard = reader.lock();
        const block = cell.dereference(guard) / 4;
        const first = arena.u32[block]!;
        for (let look = round % 8 === 0 ? 5000 : 1; look > 0; look--) {
          if (arena.u32[block + 1] !== (~first >>> 0)) wrong++;
        }
        guard.unlock();
        if (reader instanceof QsbrReader) reader.quiescent();
      }
      if (reader instanceof QsbrReader) reader.offline();
      return wrong;
    },
    /** Replaces what the pointer points at. @returns The most blocks that it saw wait. */
    storm(pointer: number, rounds: number): number {
      const cell = RcuPointer.attach(arena, pointer);
      let most = 0;
      for (let round = 1; round <= rounds; round++) {
        const block = arena.allocate(256);
        arena.u32[block / 4] = round;
        arena.u32[block / 4 + 1] = ~round;
        domain.deferFree(cell.exchange(block));
        most = Math.max(most, domain.stats().deferredBlocks);
      }
      return most;
    },
    /** Asks for a grace period, says so, and waits for it from its event loop. */
    async synchronizeAsync(): Promise<void> {
      const over = domain.synchronizeAsync();
      Atomics.add(words, READY, 1);
      Atomics.notify(words, READY);
      await over;
    },
    /** Starts a grace period and dies before it is over. */
    synchronizeAsyncAndDie(): void {
      domain.synchronizeAsync();
      Atomics.add(words, READY, 1);
      self.close();
    },
    /** Queues a function and does not return to the event loop before step 2. */
    queueAndStay(): void {
      domain.callRcu(() => Atomics.add(words, RAN, 1));
      schedule.reach(1);
      schedule.awaitStep(2);
    },
    /** Resolves when the functions queued have run from the event loop. */
    untilRan: () => until(() => Atomics.load(words, RAN) > 0, "a function has run"),
    deferAndDie(blocks: number[]): void {
      for (const block of blocks) domain.deferFree(block);
      self.close();
    },
    queueAndDie(functions: number): void {
      for (let made = 0; made < functions; made++) domain.callRcu(() => {});
      self.close();
    },
    dieInside(how: "close" | "throw"): void {
      reader.lock();
      schedule.reach(1);
      if (how === "throw") throw new Death("planted");
      self.close();
    },
    /** What happens to a reader that is expelled inside a section. */
    surviveExpulsion(): string[] {
      const guard = reader.lock();
      schedule.reach(1);
      schedule.awaitStep(2);
      const names: string[] = [];
      const attempt = (call: () => void) => {
        try {
          call();
          names.push("nothing");
        } catch (error) {
          names.push((error as Error).name);
        }
      };
      guard.unlock();
      if (reader instanceof QsbrReader) attempt(() => qsbr().quiescent());
      attempt(() => reader.lock());
      attempt(() => domain.register());
      attempt(() => domain.callRcu(() => {}));
      attempt(() => domain.deferFree(16));
      const again = Arena.attach(data.arena, { label: "again" });
      const secondReader = RcuDomain.attach(again, data.domain).register();
      secondReader.lock().unlock();
      secondReader.unregister();
      again.close();
      return names;
    },
    /** An expelled reader that reads with the fused call. */
    readWordExpelled(pointer: number): number {
      schedule.reach(1);
      schedule.awaitStep(2);
      return memb().readWord(RcuPointer.attach(arena, pointer), 0);
    },
    /** Has its event loop report quiescent states when an updater asks. */
    quiesceOnDemand(): void {
      qsbr().onHurry(() => {
        Atomics.add(words, RAN, 1);
        qsbr().quiescent();
      });
    },
    offline: (): void => qsbr().offline(),
  };
};
export type Setup = typeof setup;
serve(setup);
