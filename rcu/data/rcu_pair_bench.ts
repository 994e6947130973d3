/**
 * Loading and publishing a (root, table) pair: the protocols of `rcu/explore/pairs.ts`, which says what
 * goes wrong in the first four, and the pointer to a struct of both that QEMU ended up with.
 *
 * An iteration is a million pairs, so milliseconds per iteration read as nanoseconds per pair. The
 * loads of a thousand pairs share a section. Nobody else is at work: what a retry costs is not shown.
 * Each case runs in its own worker, since V8 slows down a method that it has seen with several
 * kernels.
 */

import { TestWorkers } from "#tools/testing/workers.ts";
import { Arena, RcuDomain, RcuPair, RcuPointer } from "@guestmem/rcu";
import type { Setup } from "./pair_protocols_test_worker.ts";

const PAIRS = 1_000_000;
const arena = Arena.create({ bytes: 16 << 20 });
const words = arena.allocate(192, 64);
arena.u32[words / 4] = arena.u32[words / 4 + 16] = 7;
const data = {
  arena: arena.handle,
  domain: RcuDomain.create(arena).handle,
  words,
  pair: RcuPair.create(arena, 7, 7).offset,
  struct: RcuPointer.create(arena, arena.allocate(8)).offset,
};
const workers = new TestWorkers();
const start = () =>
  workers.spawn<Setup>(import.meta.resolve("./pair_protocols_test_worker.ts"), data);
type Handle = ReturnType<typeof start>;

function bench(group: string, name: string, run: (worker: Handle) => Promise<unknown>): void {
  let worker: Handle | undefined;
  const fn = async () => void await run(worker ??= start());
  Deno.bench({ name, group, baseline: name.startsWith("pointer to a struct"), fn });
}

function load(name: string, loop: Parameters<ReturnType<Setup>["load"]>[0]): void {
  bench("load", name, (worker) => worker.call("load", loop, PAIRS));
}

function publish(name: string, loop: Parameters<ReturnType<Setup>["store"]>[0]): void {
  bench("publish", name, (worker) => worker.call("store", loop, PAIRS));
}

load("pointer to a struct", "struct");
load("first sketch (torn)", "rereadTable");
load("second sketch (torn)", "announced");
load("kept across sections (torn)", "cached");
load("second sketch, corrected (a dead writer stops it)", "corrected");
load("RcuPair", "pairs");

publish("pointer to a struct: allocate, deferFree", "publishStructs");
publish("first sketch", "storeTwo");
publish("second sketch", "storeAnnounced");
publish("RcuPair", "publishPairs");
