import { Schedule } from "#tools/testing/schedule.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { assert, assertEquals } from "@std/assert";
import type { Setup } from "./grace_period_test_worker.ts";
import { RAN } from "../testdata/shared_words.ts";
import { instantiateKernel } from "../kernel/kernel.ts";
import { Arena, RcuDomain } from "../mod.ts";
import { rcuEngine } from "./engine.ts";

const WORKER = import.meta.resolve("./grace_period_test_worker.ts");

function create() {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena, { stallMs: 600_000 });
  const other = Arena.attach(arena.handle);
  const reader = RcuDomain.attach(other, domain.handle).register({ flavour: "qsbr" });
  const engine = rcuEngine(instantiateKernel(arena.memory), domain.offset);
  /** Starts a grace period that the reader holds up, and asks it to move. */
  const ask = () => {
    assert(!domain.poll(domain.startPoll()));
    assertEquals(engine.arm(true), reader.slot);
  };
  return { arena, domain, reader, ask };
}

/** Lets the event loop run for at most `turns` turns, or until `done`. */
async function settle(done = () => false, turns = 10): Promise<void> {
  for (let turn = 0; turn < turns && !done(); turn++) {
    await new Promise((next) => setTimeout(next, 0));
  }
}

Deno.test("a QSBR worker that idles online is notified, and the updater's wait ends", () =>
  withWorkers(async (workers) => {
    const { arena, domain, reader } = create();
    reader.unregister();
    const words = new Int32Array(new SharedArrayBuffer(32));
    const worker = workers.spawn<Setup>(WORKER, {
      arena: arena.handle,
      domain: domain.handle,
      schedule: Schedule.create().buffer,
      words: words.buffer as SharedArrayBuffer,
    });
    await worker.call("register", "qsbr");
    await worker.call("quiesceOnDemand");
    for (let round = 1; round <= 20; round++) {
      domain.synchronize(); // the worker runs nothing but its event loop
      assert(Atomics.load(words, RAN) >= round);
    }
    await worker.call("offline");
  }));

Deno.test("the notifier is called from the event loop, once for each request to hurry", async () => {
  const { reader, ask } = create();
  let told = 0;
  reader.onHurry(() => {
    told++;
    reader.quiescent();
  });
  for (let round = 1; round <= 5; round++) {
    ask();
    assert(reader.hurry);
    assertEquals(told, round - 1, "not inside the updater's call");
    await settle(() => told === round, 10_000);
    assertEquals(told, round);
    assert(!reader.hurry);
  }
  await settle();
  assertEquals(told, 5);
});

Deno.test("a request made before the notifier was set is reported, later in the same turn", async () => {
  const { reader, ask } = create();
  ask();
  let told = 0;
  const end = reader.onHurry(() => {
    told++;
    end();
  });
  assertEquals(told, 0);
  await settle(() => told === 1, 10_000);
  await settle();
  assertEquals(told, 1);
});

Deno.test("a request that follows a quiescent state inside the notifier is not missed", async () => {
  const { reader, ask } = create();
  let told = 0;
  reader.onHurry(() => {
    if (++told > 3) return;
    reader.quiescent();
    ask(); // sets the word to what it held when the notifier was called
  });
  ask();
  await settle(() => told === 4, 10_000);
  assertEquals(told, 4);
});

Deno.test("a notifier is no longer called once it has ended or its reader is unregistered", async () => {
  const { domain, reader, ask } = create();
  let told = 0;
  const end = reader.onHurry(() => told++);
  end();
  ask();
  await settle();
  assertEquals(told, 0);

  reader.onHurry(() => told++);
  await settle(() => told === 1, 10_000);
  assertEquals(told, 1);
  reader.unregister();
  const next = domain.register({ flavour: "qsbr" }); // in the same slot
  assertEquals(next.slot, reader.slot);
  const other = RcuDomain.attach(Arena.attach(domain.arena.handle), domain.handle);
  assert(!other.poll(other.startPoll()));
  rcuEngine(instantiateKernel(domain.arena.memory), domain.offset).arm(true);
  assert(next.hurry);
  await settle();
  assertEquals(told, 1);
  next.offline();
});

Deno.test("where the host has no waitAsync the word is polled", async () => {
  const { reader, ask } = create();
  const host = Atomics as { waitAsync?: unknown };
  const original = host.waitAsync;
  const told = Promise.withResolvers<void>();
  try {
    host.waitAsync = undefined;
    const end = reader.onHurry(() => {
      reader.quiescent();
      end();
      told.resolve();
    });
    ask();
    await told.promise;
  } finally {
    host.waitAsync = original;
  }
});

Deno.test("a notifier that has ended leaves nothing behind in its reader", () => {
  const { reader } = create();
  for (let round = 0; round < 100; round++) reader.onHurry(() => {})();
  const host = Atomics as { notify: unknown };
  const { notify } = host;
  let stopped = 0;
  host.notify = () => stopped++;
  try {
    reader.unregister(); // stops what still watches
  } finally {
    host.notify = notify;
  }
  assertEquals(stopped, 0);
});
