/**
 * What a mutex costs that nobody else wants: lock and unlock, in a context that also has a reader;
 * against the shortest lock that a user could write, which neither sleeps nor survives a death.
 *
 * An iteration is a thousand pairs, so microseconds per iteration read as nanoseconds per pair.
 */

import { Arena, Mutex, RcuDomain } from "../mod.ts";

const PAIRS = 1000;
const arena = Arena.create({ bytes: 1 << 20 });
RcuDomain.create(arena).register();
const mutex = Mutex.create(arena);
const word = arena.allocate(64) / 4;

Deno.bench("spin lock of plain Atomics", { baseline: true }, () => {
  for (let pair = 0; pair < PAIRS; pair++) {
    while (Atomics.compareExchange(arena.i32, word, 0, arena.token) !== 0);
    Atomics.store(arena.i32, word, 0);
  }
});

Deno.bench("Mutex", () => {
  for (let pair = 0; pair < PAIRS; pair++) {
    mutex.lock();
    mutex.unlock();
  }
});
