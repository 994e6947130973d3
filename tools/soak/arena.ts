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

/** Soaks an arena. Throws if something is wrong. */
function soak(minutes: number, first: number): void {
  let seed = first;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };

  /** Mostly small, some of a few KiB, few of many pages; the mix changes from phase to phase. */
  function sizeIn(phase: number): number {
    const kind = random(100);
    if (kind < 2) return 4096 + random(60_000);
    if (kind < 10 + phase * 10) return 512 + random(4096);
    return 16 + random(64 << phase % 4);
  }

  const arena = Arena.create({ bytes: BYTES, label: "0" });
  const contexts = [arena];
  for (let label = 1; label < CONTEXTS; label++) {
    contexts.push(Arena.attach(arena.handle, { label: String(label) }));
  }
  const limit = arena.stats().heapBytes * LOAD;
  const live: [block: number, bytes: number][] = [];
  let bytes = 0;
  let operations = 0;
  let worst = 0;

  function operate(phase: number): void {
    const context = contexts[random(CONTEXTS)]!;
    if (bytes < limit && (live.length === 0 || random(1000) < 505)) {
      const size = sizeIn(phase);
      live.push([context.allocate(size, 16, false), size]);
      bytes += size;
      return;
    }
    const index = random(live.length);
    const [block, size] = live[index]!;
    live[index] = live.at(-1)!;
    live.pop();
    context.free(block);
    bytes -= size;
  }

  const end = performance.now() + minutes * 60_000;
  for (let round = 0; performance.now() < end; round++) {
    for (let count = 0; count < ROUND; count++) operate(Math.floor(round / 10) % 4);
    operations += ROUND;
    if (round % 100 !== 99) continue;
    const { usedPages, pageBytes, liveBlocks } = arena.stats();
    const ratio = usedPages * pageBytes / bytes;
    worst = Math.max(worst, ratio);
    console.log(
      `${operations / 1e6} million operations, seed ${first}: ${liveBlocks} blocks, ` +
        `${(bytes / 2 ** 20).toFixed(1)} MiB requested, ratio ${ratio.toFixed(3)}, worst ${
          worst.toFixed(3)
        }`,
    );
    arena.checkHeap();
  }
  for (const [block] of live) contexts[random(CONTEXTS)]!.free(block);
  arena.checkHeap();
  const { heapBytes } = arena.stats();
  for (const context of contexts.slice(1)) context.close();
  arena.free(arena.allocate(heapBytes, 16, false));
  console.log(`${operations / 1e6} million operations; the whole heap is free again`);
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
    err(`A soak of ${minutes} min ...`);
    soak(minutes, call.integer("seed", 1, 0, 2 ** 32 - 1));
    return 0;
  },
});

await runMain(SOAK_ARENA, STANDARD_OUTPUT);
