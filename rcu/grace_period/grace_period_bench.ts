/**
 * What an updater pays: `synchronize` while a reader in another worker reads without a break, and
 * how many functions and blocks can be deferred.
 *
 * `synchronize` spins for a short time before it sleeps, so most grace periods end without a system
 * call. What the slow tail shows is a reader that lost its processor in the middle of a section. The
 * median of each case, of the wait alone, is printed at the end.
 */

import { TestWorkers } from "#tools/testing/workers.ts";
import { Arena, RcuDomain, RcuPointer, Srcu } from "@guestmem/rcu";
import type { Setup } from "./busy_reader_test_worker.ts";

const arena = Arena.create({ bytes: 16 << 20 });
const domain = RcuDomain.create(arena);
const srcu = Srcu.create(arena);
const control = new Int32Array(new SharedArrayBuffer(8));
const cell = RcuPointer.create(arena, arena.allocate(64)).offset;
const workers = new TestWorkers();
const data = {
  ...{ arena: arena.handle, rcu: domain.handle, srcu: srcu.handle, cell },
  control: control.buffer as SharedArrayBuffer,
};

/** Which reader reads now. */
let busy: keyof ReturnType<Setup> | "nothing" = "nothing";
let reading: Promise<void> = Promise.resolve();

/** Starts a reader of this flavour in its own worker, in the place of the one before. */
async function readerDoes(what: typeof busy): Promise<void> {
  if (busy === what) return;
  if (busy !== "nothing") Atomics.store(control, 1, 1);
  await reading;
  busy = what;
  if (what === "nothing") return;
  const url = import.meta.resolve("./busy_reader_test_worker.ts");
  reading = workers.spawn<Setup>(url, data).call(what);
  Atomics.wait(control, 0, 0);
}

const times = new Map<string, number[]>();

/** One grace period in each iteration. */
function synchronize(name: string, busy: Parameters<typeof readerDoes>[0], wait: () => void): void {
  const taken: number[] = [];
  times.set(name, taken);
  Deno.bench({
    name,
    group: "synchronize",
    baseline: busy === "nothing",
    fn: async () => {
      await readerDoes(busy);
      const start = performance.now();
      wait();
      taken.push(performance.now() - start);
    },
  });
}

synchronize("no reader", "nothing", () => domain.synchronize());
synchronize("memb reader", "memb", () => domain.synchronize());
synchronize("QSBR reader", "qsbr", () => domain.synchronize());
synchronize("SRCU reader", "srcu", () => srcu.synchronizeSrcu());

addEventListener("unload", () => {
  Atomics.store(control, 1, 1); // or the last reader would read on beside other benches
  for (const [name, taken] of times) {
    taken.sort((a, b) => a - b);
    const median = (taken[taken.length >>> 1] ?? 0) * 1000;
    console.log(`synchronize, ${name}: median ${median.toFixed(1)} us of ${taken.length}`);
  }
});

/** A thousand in each iteration, so that microseconds read as nanoseconds for one. */
function throughput(name: string, baseline: boolean, run: () => void): void {
  Deno.bench({
    name,
    group: "throughput",
    baseline,
    fn: async (b) => {
      await readerDoes("memb");
      b.start();
      run();
      b.end();
    },
  });
}

let sink = 0;
throughput("allocate, free at once", true, () => {
  for (let i = 0; i < 1000; i++) arena.free(arena.allocate(64));
});
throughput("allocate, deferFree; barrier", false, () => {
  for (let i = 0; i < 1000; i++) domain.deferFree(arena.allocate(64));
  domain.barrier();
});
throughput("callRcu; barrier", false, () => {
  for (let i = 0; i < 1000; i++) domain.callRcu(() => sink++);
  domain.barrier();
});
