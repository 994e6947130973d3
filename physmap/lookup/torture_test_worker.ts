/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { attachAll } from "#tools/testing/attach.ts";
import { Schedule } from "#tools/testing/schedule.ts";
import { type ArenaHandle, type DomainHandle, RcuPair, RcuPointer } from "@guestmem/rcu";
import { DISPATCH } from "../kernel/layouts.ts";
import { PhysMapReader } from "./phys_map_reader.ts";
import { walkFrom } from "../testdata/typescript_walk.ts";
import { checkAnswer, END, versionOf } from "../testdata/versions.ts";

/** Shared by the test and its workers. */
export interface Shared {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly pointer: number;
  readonly pair: number;
  readonly barrier: SharedArrayBuffer;
  /** One word, not 0 once the readers are to stop. */
  readonly stop: SharedArrayBuffer;
  /** How many versions each reader has seen. */
  readonly versions: SharedArrayBuffer;
}

const setup = (shared: Shared) => {
  const { arena, domain, barrier, pointer, pair } = attachAll(shared, {
    pointer: RcuPointer,
    pair: RcuPair,
  });
  const reader = new PhysMapReader(arena);
  const stop = new Int32Array(shared.stop);
  const versions = new Int32Array(shared.versions);
  let random = 1;

  /** Looks up in one dispatch in every way; the version that it is. */
  function readDispatch(dispatch: number): number {
    const version = versionOf(reader, dispatch);
    for (let i = 0; i < 16; i++) {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      const address = random % END;
      checkAnswer(reader, reader.section(dispatch, address), address, version);
      checkAnswer(reader, reader.section(dispatch, address ^ 1), address ^ 1, version);
      checkAnswer(reader, reader.walk(dispatch, address), address, version);
    }
    return version;
  }

  /** Looks up every 23rd address of a dispatch. */
  function readAll(dispatch: number): void {
    const version = versionOf(reader, dispatch);
    for (let address = 0; address < END; address += 23) {
      checkAnswer(reader, reader.walk(dispatch, address), address, version);
    }
  }

  /** Loads a pair and walks from its root, which must be that of its dispatch. */
  function readPair(root: number, dispatch: number): void {
    const own = DISPATCH.root.get(arena.u32, dispatch);
    if (root !== own) throw new Error(`Torn pair: root ${root} beside a dispatch with ${own}`);
    const section = walkFrom(arena.i32, dispatch, root, 0, 0);
    if (section !== reader.section(dispatch, 0)) {
      throw new Error(`Bad walk in ${versionOf(reader, dispatch)}`);
    }
  }

  return {
    /** Reads until told to stop, and notes how many versions it has seen. */
    read(flavour: "memb" | "qsbr", me: number): void {
      const quiescing = flavour === "qsbr" ? domain.register({ flavour }) : undefined;
      const rcu = quiescing ?? domain.register();
      quiescing?.offline();
      barrier.arrive();
      quiescing?.online();
      let newest = -1;
      while (Atomics.load(stop, 0) === 0) {
        const guard = rcu.lock();
        const version = readDispatch(pointer.dereference(guard));
        readPair(pair.load(guard), pair.second);
        guard.unlock();
        if (version < newest) throw new Error(`Version ${version} after ${newest}`);
        if (version !== newest) Atomics.add(versions, me, 1);
        newest = version;
        quiescing?.quiescent();
      }
      rcu.unregister();
    },
    /** Looks up at step 1 and again at step 2 of a schedule, inside one guard. */
    readTwice(buffer: SharedArrayBuffer): number[] {
      const schedule = Schedule.attach(buffer);
      const rcu = domain.register();
      const guard = rcu.lock();
      try {
        const dispatch = pointer.dereference(guard);
        const before = readDispatch(dispatch);
        schedule.reach(1);
        schedule.awaitStep(2);
        return [before, readDispatch(dispatch)];
      } finally {
        guard.unlock();
        rcu.unregister();
      }
    },
    /** Looks up all addresses at step 1 and again at step 2 of a schedule, inside one guard. */
    readAllTwice(buffer: SharedArrayBuffer): void {
      const schedule = Schedule.attach(buffer);
      const rcu = domain.register();
      const guard = rcu.lock();
      try {
        const dispatch = pointer.dereference(guard);
        readAll(dispatch);
        schedule.reach(1);
        schedule.awaitStep(2);
        readAll(dispatch);
      } finally {
        guard.unlock();
        rcu.unregister();
      }
    },
    /** Loads the pair once. */
    readPairOnce(): void {
      const rcu = domain.register();
      const guard = rcu.lock();
      try {
        readPair(pair.load(guard), pair.second);
      } finally {
        guard.unlock();
        rcu.unregister();
      }
    },
  };
};
export type Setup = typeof setup;
serve(setup);
