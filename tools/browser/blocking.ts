/**
 * A script for the page that tries to block the main thread, which a browser forbids: it waits for a
 * mutex that another context holds, first blocking, then with await. Leaves the outcome in
 * `data-blocking`.
 *
 * @module
 */

/// <reference lib="dom" />

import { Arena, BlockingForbiddenError, Mutex } from "@guestmem/rcu";

const arena = Arena.create({ bytes: 1 << 20 });
const mutex = Mutex.create(arena);
// Another context, like a worker.
const other = Mutex.attach(Arena.attach(arena.handle), mutex.offset);
other.lock();
let refused = false;
try {
  mutex.lock();
} catch (error) {
  refused = error instanceof BlockingForbiddenError;
}
const waited = mutex.lockAsync();
other.unlock();
await waited;
document.body.dataset["blocking"] = refused ? "refused" : "allowed";
