/// <reference lib="deno.worker" />
import { attachAll } from "#tools/testing/attach.ts";
import { Death, serve } from "#tools/testing/worker_side.ts";
import { ArenaExhaustedError } from "../errors/specific_errors.ts";
import { type ArenaHandle, coreOf } from "./arena.ts";

export interface Data {
  arena: ArenaHandle;
  label: string;
  /** Words through which workers hand blocks to one another. */
  exchange?: SharedArrayBuffer;
  barrier?: SharedArrayBuffer;
}

const setup = (data: Data) => {
  const { arena, barrier } = attachAll(data);
  const core = coreOf(arena);
  const exchange = new Int32Array(data.exchange ?? new SharedArrayBuffer(256));

  /** What word `index` of the block at `offset` holds. The first holds the number of words. */
  const pattern = (offset: number, index: number) => (offset ^ Math.imul(index, 0x9e3779b1)) >>> 0;

  /** Whether a block holds what its maker wrote, whoever that was. */
  const isIntact = (offset: number): boolean => {
    const words = arena.u32[offset / 4]!;
    for (let index = 1; index < words; index++) {
      if (arena.u32[offset / 4 + index] !== pattern(offset, index)) return false;
    }
    return words > 0 && words <= 1001;
  };

  return {
    token: () => arena.token,

    /**
     * Allocates and frees at random, half of the blocks of others; returns how many blocks were not
     * zeroed, or held something else than their maker wrote.
     */
    churn(rounds: number, seed: number, limbo: number): number {
      barrier?.arrive();
      const random = (below: number) => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return Math.floor(seed / 2 ** 32 * below);
      };
      const live: number[] = [];
      let damaged = 0;
      const make = () => {
        const words = 1 + random(random(16) === 0 ? 1000 : 60);
        let offset: number;
        try {
          offset = arena.allocate(words * 4, 16 << random(3));
        } catch (error) {
          if (error instanceof ArenaExhaustedError) return;
          throw error;
        }
        const words32 = arena.u32.subarray(offset / 4, offset / 4 + words);
        if (words32.some((word) => word !== 0)) damaged++;
        words32[0] = words;
        for (let index = 1; index < words; index++) words32[index] = pattern(offset, index);
        live.push(offset);
      };
      const give = () => {
        const [own] = live.splice(random(live.length), 1);
        // Through an exchange, so that about half of the blocks are freed by another context.
        const slot = random(exchange.length);
        const block = random(2) === 0 ? Atomics.exchange(exchange, slot, own!) >>> 0 : own!;
        if (block === 0) return;
        if (!isIntact(block)) damaged++;
        if (random(4) === 0) core.defer(limbo, block, 1 + random(3));
        else arena.free(block);
      };
      for (let round = 0; round < rounds; round++) {
        if (live.length < 64 && random(2) === 0) make();
        else if (live.length > 0) give();
        if (round % 50 === 0) core.reclaim(limbo, 2);
      }
      for (const offset of live) arena.free(offset);
      return damaged;
    },

    /** Allocates and frees blocks of one size, as a benchmark. */
    pairs(rounds: number, bytes: number): void {
      for (let round = 0; round < rounds; round++) arena.free(arena.allocate(bytes));
    },

    /** Leaves blocks in every state, and dies. */
    leaveBehind(limbo: number): void {
      for (const bytes of [40, 300, 5000]) {
        core.allocate(bytes, 16, true, true); // never published
        core.defer(limbo, arena.allocate(bytes), 1);
        arena.free(arena.allocate(bytes));
        arena.allocate(bytes);
      }
      self.close();
      throw new Death("planted");
    },

    /** Allocates one block. */
    allocate: (bytes: number) => arena.allocate(bytes),
  };
};

export type Setup = typeof setup;
serve(setup);
