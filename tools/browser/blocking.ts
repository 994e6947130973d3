/**
 * A script for the page that tries to block the main thread, which a browser forbids: it waits for
 * a grace period while a reader is in a section, first blocking, then with await. Leaves the
 * outcome in `data-blocking`.
 *
 * @module
 */

/// <reference lib="dom" />

import { Arena, BlockingForbiddenError, RcuDomain } from "@guestmem/rcu";

const domain = RcuDomain.create(Arena.create({ bytes: 1 << 20 }));
// Another context, like a worker.
const other = RcuDomain.attach(Arena.attach(domain.arena.handle), domain.handle).register();
const guard = other.lock();
let refused = false;
try {
  domain.synchronize();
} catch (error) {
  refused = error instanceof BlockingForbiddenError;
}
const waited = domain.synchronizeAsync();
guard.unlock();
await waited;
document.body.dataset["blocking"] = refused ? "refused" : "allowed";
