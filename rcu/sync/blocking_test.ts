import { until } from "#tools/testing/until.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { assertEquals } from "@std/assert";
import { Arena, Mutex, RcuDomain } from "../mod.ts";
import { canBlock } from "./blocking.ts";
import type { Setup } from "./blocking_test_worker.ts";
import { pause } from "./pause.ts";

const WORKER = import.meta.resolve("./blocking_test_worker.ts");

Deno.test("this context may block, and pause returns", () => {
  assertEquals(canBlock(), true);
  assertEquals(pause(), undefined);
});

Deno.test("where blocking is forbidden, waits spin for a while and then say so", () =>
  withWorkers(async (workers) => {
    const arena = Arena.create({ bytes: 1 << 20 });
    const domain = RcuDomain.create(arena, { maxDeferred: 2 });
    const worker = workers.spawn<Setup>(WORKER, { arena: arena.handle, domain: domain.handle });
    assertEquals(await worker.call("canBlock"), false);
    assertEquals(await worker.call("synchronize"), "nothing"); // no reader is in the way

    const reader = domain.register();
    const guard = reader.lock();
    const blocks = [0, 1, 2].map(() => arena.allocate(16));
    assertEquals(await worker.call("synchronize"), "BlockingForbiddenError");
    assertEquals(await worker.call("deferFree", blocks[0]!), "nothing");
    assertEquals(await worker.call("barrier"), "BlockingForbiddenError");
    assertEquals(await worker.call("deferFree", blocks[1]!), "nothing");
    assertEquals(await worker.call("deferFree", blocks[2]!), "DeferredBudgetError");
    assertEquals(domain.stats().deferredBlocks, 2);

    const over = worker.call("synchronizeAsync");
    await until(() => reader.hurry, "the worker waits");
    guard.unlock();
    await over;
    assertEquals(await worker.call("deferFree", blocks[2]!), "nothing");
    domain.barrier();
    assertEquals(domain.stats().deferredBlocks, 0);
  }));

Deno.test("where blocking is forbidden, lock() gives up and lockAsync() waits", () =>
  withWorkers(async (workers) => {
    const arena = Arena.create({ bytes: 1 << 20 });
    const domain = RcuDomain.create(arena);
    const mutex = Mutex.create(arena);
    const worker = workers.spawn<Setup>(WORKER, { arena: arena.handle, domain: domain.handle });
    mutex.lock();
    assertEquals(await worker.call("lock", mutex.offset), "BlockingForbiddenError");
    const locked = worker.call("lockAsync", mutex.offset);
    mutex.unlock();
    assertEquals(await locked, "acquired");
  }));
