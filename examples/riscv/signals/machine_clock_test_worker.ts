/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { Arena, type ArenaHandle } from "@guestmem/rcu";
import { MachineClock } from "./machine_clock.ts";

/** A wait that takes longer counts as a hang. */
const LIMIT_MS = 120_000;

/** The parameters of a worker. */
export interface ClockData {
  readonly arena: ArenaHandle;
  readonly at: number;
  /** The turn, and the lower half of what the other worker read. */
  readonly word: SharedArrayBuffer;
  /** 0 or 1: whose turn it is first. */
  readonly turn: number;
  readonly rounds: number;
}

const setup = ({ arena, at, word, turn, rounds }: ClockData) => {
  const clock = new MachineClock(Arena.attach(arena), at);
  const words = new Int32Array(word);
  return {
    /** Reads the clock in turn with the other worker. @returns How often it ran backwards. */
    compare(): number {
      let backwards = 0;
      for (let step = turn; step < 2 * rounds; step += 2) {
        for (let now; (now = Atomics.load(words, 0)) !== step;) {
          if (Atomics.wait(words, 0, now, LIMIT_MS) === "timed-out") throw new Error("alone");
        }
        const ticks = clock.now() | 0;
        if (((ticks - Atomics.load(words, 1)) | 0) < 0) backwards++;
        Atomics.store(words, 1, ticks);
        Atomics.store(words, 0, step + 1);
        Atomics.notify(words, 0);
      }
      return backwards;
    },
  };
};

export type Setup = typeof setup;
serve(setup);
