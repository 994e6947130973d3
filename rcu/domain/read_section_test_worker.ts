/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import {
  type ArenaHandle,
  type DomainHandle,
  type MembReader,
  type QsbrReader,
  RcuPointer,
  type ReadGuard,
} from "@guestmem/rcu";

/** What every worker of the bench is given. */
interface Data {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  /** Offset of the pointer's cell. */
  readonly cell: number;
  /** Offset of a zeroed block that the loops without RCU use. */
  readonly locks: number;
  /** Which of the workers that run at once this is. */
  readonly index: number;
}

/** Words of that block, 64 bytes apart; the last is the first worker's, then come the others'. */
const [COUNTER, READERS, MUTEX, OWN] = [0, 16, 32, 48] as const;
/** Beside a worker's own word: whether somebody waits for it. */
const WAITING = 1;

// Each loop is a function that is called again and again, as a vCPU runs its slices. V8 enters a loop
// that runs for long in its middle (on-stack replacement), and stays in code compiled for that: it
// takes up to 1 ns more for each section, here and in the baselines, and more in some runs than in
// others.

function sections(
  reader: MembReader | QsbrReader,
  pointer: RcuPointer,
  u32: Uint32Array,
  n: number,
) {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const guard = reader.lock();
    sum = (sum + u32[pointer.dereference(guard) >>> 2]!) | 0;
    guard.unlock();
  }
  return sum;
}

function dereferences(guard: ReadGuard, pointer: RcuPointer, u32: Uint32Array, n: number) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum = (sum + u32[pointer.dereference(guard) >>> 2]!) | 0;
  return sum;
}

function fusedSections(reader: MembReader, pointer: RcuPointer, n: number) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum = (sum + reader.readWord(pointer, 0)) | 0;
  return sum;
}

/** The memory-barrier flavour's accesses, without its checks for misuse and eviction. */
function atomicSections(u32: Uint32Array, cell: number, base: number, own: number, n: number) {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    Atomics.store(u32, own, Atomics.load(u32, base + COUNTER));
    sum = (sum + u32[Atomics.load(u32, cell) >>> 2]!) | 0;
    Atomics.store(u32, own, 0);
    if (Atomics.load(u32, own + WAITING) !== 0) throw new Error("nobody waits");
  }
  return sum;
}

/** A reader-writer lock that no writer holds: a count of readers, and a bit for a writer. */
function sharedSections(u32: Uint32Array, cell: number, base: number, n: number) {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    while (Atomics.add(u32, base + READERS, 2) & 1) Atomics.sub(u32, base + READERS, 2);
    sum = (sum + u32[u32[cell]! >>> 2]!) | 0;
    Atomics.sub(u32, base + READERS, 2);
  }
  return sum;
}

function exclusiveSections(u32: Uint32Array, cell: number, base: number, n: number) {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    while (Atomics.compareExchange(u32, base + MUTEX, 0, 1) !== 0);
    sum = (sum + u32[u32[cell]! >>> 2]!) | 0;
    Atomics.store(u32, base + MUTEX, 0);
  }
  return sum;
}

/** A worker runs one of these only, so that each call site has seen one target. */
const setup = (data: Data) => {
  const { cell, locks, index } = data;
  const { arena, domain } = attachAll(data);
  const { u32 } = arena;
  const pointer = RcuPointer.attach(arena, cell);
  const [word, base] = [cell >>> 2, locks >>> 2];
  const own = base + OWN + index * 16;
  let memb: MembReader | undefined;
  let qsbr: QsbrReader | undefined;

  /** Calls a loop until it has done `total` sections, `each` at a time. */
  const repeat = (total: number, each: number, loop: (n: number) => number): number => {
    let sum = 0;
    for (let done = 0; done < total; done += each) sum += loop(each);
    return sum;
  };

  return {
    memb(total: number, each: number): number {
      const reader = memb ??= domain.register();
      return repeat(total, each, (n) => sections(reader, pointer, u32, n));
    },
    fused(total: number, each: number): number {
      const reader = memb ??= domain.register();
      return repeat(total, each, (n) => fusedSections(reader, pointer, n));
    },
    /** A quiescent state after every `each` sections; the worker is offline between two calls. */
    qsbr(total: number, each: number): number {
      const reader = qsbr ??= domain.register({ flavour: "qsbr" });
      if (!reader.isOnline) reader.online();
      let sum = 0;
      for (let done = 0; done < total; done += each) {
        sum += sections(reader, pointer, u32, each);
        reader.quiescent();
      }
      reader.offline();
      return sum;
    },
    /** The loop of `qsbr`, all in one section. */
    dereference(total: number, each: number): number {
      const guard = (memb ??= domain.register()).lock();
      const sum = repeat(total, each, (n) => dereferences(guard, pointer, u32, n));
      guard.unlock();
      return sum;
    },
    atomics(total: number, each: number): number {
      return repeat(total, each, (n) => atomicSections(u32, word, base, own, n));
    },
    rwlock(total: number, each: number): number {
      return repeat(total, each, (n) => sharedSections(u32, word, base, n));
    },
    mutex(total: number, each: number): number {
      return repeat(total, each, (n) => exclusiveSections(u32, word, base, n));
    },
  };
};

export type Setup = typeof setup;
serve(setup);
