/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { serve } from "#tools/testing/worker_side.ts";
import { RAN, READY, STOP } from "../testdata/shared_words.ts";
import { type ArenaHandle, type DomainHandle, RcuList, RcuPair, RcuPointer } from "../mod.ts";

/** What each test sends. */
export interface Data {
  arena: ArenaHandle;
  domain: DomainHandle;
  schedule: SharedArrayBuffer;
  words: SharedArrayBuffer;
}

const setup = (data: Data) => {
  const { arena, domain, schedule } = attachAll(data);
  const reader = domain.register();
  const words = new Int32Array(data.words);

  /** Looks until told to stop, and is ready once it has looked often. @returns How often it was wrong. */
  const look = (isWrong: () => boolean): number => {
    let wrong = 0;
    for (let looks = 1; Atomics.load(words, STOP) === 0; looks++) {
      if (isWrong()) wrong++;
      if (looks === 1000) Atomics.add(words, READY, 1);
    }
    return wrong;
  };

  return {
    /** Blocks hold a number and its complement. */
    readPointer(offset: number): number {
      const pointer = RcuPointer.attach(arena, offset);
      return look(() => {
        const guard = reader.lock();
        const block = pointer.dereference(guard) / 4;
        const first = arena.u32[block]!;
        const wrong = arena.u32[block + 1] !== (~first >>> 0);
        guard.unlock();
        return wrong;
      });
    },
    /** As `readPointer`, by the fused section: blocks hold their own offset. */
    readWord(offset: number): number {
      const pointer = RcuPointer.attach(arena, offset);
      return look(() => {
        const word = reader.readWord(pointer, 0);
        return word === 0 || word % 16 !== 0; // not filled in, or poison
      });
    },
    /** The halves are a number and its complement. */
    readPair(offset: number): number {
      const pair = RcuPair.attach(arena, offset);
      return look(() => {
        const guard = reader.lock();
        const torn = pair.load(guard) !== (~pair.second >>> 0);
        guard.unlock();
        return torn;
      });
    },
    /** Publishes until told to stop. */
    publishPairs(offset: number): void {
      const pair = RcuPair.attach(arena, offset);
      look(() => {
        const value = Atomics.add(words, RAN, 1) * 65537;
        pair.publish(value, ~value);
        return false;
      });
    },
    /** Reads two pointers, or both halves of a pair, with the writer in between. */
    readBetween(first: number, second: number): [number, number] {
      const pointers = [first, second].map((offset) => RcuPointer.attach(arena, offset));
      const guard = reader.lock();
      const one = pointers[0]!.dereference(guard);
      schedule.reach(1);
      schedule.awaitStep(2);
      const two = pointers[1]!.dereference(guard);
      guard.unlock();
      return [one, two];
    },
    readPairBetween(offset: number): [number, number] {
      const pair = RcuPair.attach(arena, offset);
      const guard = reader.lock();
      const one = pair.load(guard);
      schedule.reach(1);
      schedule.awaitStep(2);
      const two = pair.second;
      guard.unlock();
      return [one, two];
    },
    /** Walks a list whose nodes hold a value and its complement; `fixed` of them are never removed. */
    walk(offset: number, fixed: number): number {
      const list = RcuList.attach(arena, offset);
      const { u32 } = arena;
      return look(() => {
        const guard = reader.lock();
        let wrong = false;
        let found = 0;
        for (let node = list.first(guard); node !== 0; node = list.next(guard, node)) {
          const value = u32[node / 4 + 2]!;
          if (u32[node / 4 + 3] !== (~value >>> 0)) wrong = true;
          // The fixed ones are numbered in the list's order.
          if (value < fixed && value !== found++) wrong = true;
        }
        guard.unlock();
        return wrong || found !== fixed;
      });
    },
    /** Stands on a list's first node from step 1 to 2, then walks on. */
    standOnFirst(offset: number): number[] {
      const list = RcuList.attach(arena, offset);
      const guard = reader.lock();
      const values: number[] = [];
      try {
        let node = list.first(guard);
        schedule.reach(1);
        schedule.awaitStep(2);
        for (; node !== 0; node = list.next(guard, node)) values.push(arena.u32[node / 4 + 2]!);
      } finally {
        guard.unlock();
      }
      return values;
    },
  };
};
export type Setup = typeof setup;
serve(setup);
