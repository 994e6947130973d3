/**
 * A script for the page that waits on its main thread, which a browser forbids: it blocks while a
 * reader is in a section, and then waits as it should. Leaves the outcome in `data-blocking`.
 *
 * @module
 */

/// <reference lib="dom" />

import { Arena, BlockingForbiddenError, RcuDomain } from "@guestmem/rcu";

const domain = RcuDomain.create(Arena.create({ bytes: 1 << 20 }));
// A context of its own, as a worker would be.
const other = RcuDomain.attach(Arena.attach(domain.arena.handle), domain.handle).register();
const section = other.lock();
let refused = false;
try {
  domain.synchronize();
} catch (error) {
  refused = error instanceof BlockingForbiddenError;
}
const waited = domain.synchronizeAsync();
section.unlock();
await waited;
document.body.dataset["blocking"] = refused ? "refused" : "allowed";
