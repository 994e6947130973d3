/**
 * Allocates and frees blocks of mixed sizes and lifetimes for a while, in several contexts of one arena
 * that free one another's blocks, and prints how much memory that takes: `deno task soak:arena --help`.
 *
 * The figure is the pages in use, by what is requested: 1.5 means that half as much again is headers,
 * rounding and free blocks in pages that are in use. It must not grow. Exits with 1 if a block is
 * refused, if the heap is damaged, or if the whole heap cannot be had in the end.
 *
 * @module
 */

import { Arena } from "@guestmem/rcu";
import { singleCommand } from "../../examples/lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../examples/lib/command_line/run_program.ts";

const BYTES = 64 << 20;
const CONTEXTS = 8;
/** Part of the heap that is requested at most. */
const LOAD = 0.5;
/** Operations between two looks at the clock. */
const ROUND = 200_000;

/** Random numbers from a seed. */
function randomFrom(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
}

/** An arena with blocks that come and go. */
class Soak {
  readonly #arena = Arena.create({ bytes: BYTES, label: "0" });
  readonly #contexts = [this.#arena];
  readonly #limit = this.#arena.stats().heapBytes * LOAD;
  readonly #random: (below: number) => number;
  readonly #live: [block: number, bytes: number][] = [];
  /** Bytes that are requested now. */
  #bytes = 0;
  #operations = 0;
  #worst = 0;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
    for (let label = 1; label < CONTEXTS; label++) {
      this.#contexts.push(Arena.attach(this.#arena.handle, { label: String(label) }));
    }
  }

  /** Allocates and frees for a while. Throws if something is wrong. */
  run(minutes: number): void {
    const end = performance.now() + minutes * 60_000;
    for (let round = 0; performance.now() < end; round++) {
      for (let count = 0; count < ROUND; count++) this.#operate(Math.floor(round / 10) % 4);
      this.#operations += ROUND;
      if (round % 100 === 99) this.#report();
    }
  }

  /** Frees everything. Throws unless the whole heap can be had then. */
  finish(): void {
    for (const [block] of this.#live) this.#anyContext().free(block);
    this.#arena.checkHeap();
    const { heapBytes } = this.#arena.stats();
    for (const context of this.#contexts.slice(1)) context.close();
    this.#arena.free(this.#arena.allocate(heapBytes, 16, false));
    console.log(`${this.#operations / 1e6} million operations; the whole heap is free again`);
  }

  #anyContext(): Arena {
    return this.#contexts[this.#random(CONTEXTS)]!;
  }

  #operate(phase: number): void {
    const [live, context] = [this.#live, this.#anyContext()];
    if (this.#bytes < this.#limit && (live.length === 0 || this.#random(1000) < 505)) {
      const size = this.#sizeIn(phase);
      live.push([context.allocate(size, 16, false), size]);
      this.#bytes += size;
      return;
    }
    const index = this.#random(live.length);
    const [block, size] = live[index]!;
    live[index] = live.at(-1)!;
    live.pop();
    context.free(block);
    this.#bytes -= size;
  }

  /** Mostly small, some of a few KiB, few of many pages; the mix changes from phase to phase. */
  #sizeIn(phase: number): number {
    const kind = this.#random(100);
    if (kind < 2) return 4096 + this.#random(60_000);
    if (kind < 10 + phase * 10) return 512 + this.#random(4096);
    return 16 + this.#random(64 << phase % 4);
  }

  #report(): void {
    const { usedPages, pageBytes, liveBlocks } = this.#arena.stats();
    const ratio = usedPages * pageBytes / this.#bytes;
    this.#worst = Math.max(this.#worst, ratio);
    const [now, worst] = [ratio, this.#worst].map((value) => value.toFixed(3));
    console.log(
      `${this.#operations / 1e6} million operations: ${liveBlocks} blocks, ` +
        `${(this.#bytes / 2 ** 20).toFixed(1)} MiB requested, ratio ${now}, worst ${worst}`,
    );
    this.#arena.checkHeap();
  }
}

const SOAK_ARENA = singleCommand({
  command: "deno task soak:arena",
  summary: "Allocates and frees blocks in several contexts, and prints how much memory that takes.",
  options: {
    minutes: { value: "N", help: "how long (10)" },
    seed: { value: "N", help: "of the random sizes (1)" },
  },
  run: (call, { err }) => {
    const minutes = call.integer("minutes", 10, 1, 1e6);
    const seed = call.integer("seed", 1, 0, 2 ** 32 - 1);
    err(`A soak of ${minutes} min, seed ${seed} ...`);
    const soak = new Soak(seed);
    soak.run(minutes);
    soak.finish();
    return 0;
  },
});

await runMain(SOAK_ARENA, STANDARD_OUTPUT);
