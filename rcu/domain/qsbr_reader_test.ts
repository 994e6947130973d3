import { Schedule } from "#tools/testing/schedule.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arena, EvictedError, Mutex, RcuDomain, RcuError } from "../mod.ts";
import type { Setup } from "./domain_test_worker.ts";

const WORKER = import.meta.resolve("./domain_test_worker.ts");

function create() {
  const arena = Arena.create({ bytes: 1 << 20 });
  const domain = RcuDomain.create(arena);
  const updater = RcuDomain.attach(Arena.attach(arena.handle), domain.handle);
  const reader = domain.register({ flavour: "qsbr", label: "vcpu" });
  return { arena, domain, updater, reader };
}

Deno.test("an online reader holds up a grace period until it is quiescent", () => {
  const { updater, reader } = create();
  assertEquals([reader.flavour, reader.isOnline], ["qsbr", true]);
  const cookie = updater.startPoll();
  assert(!updater.poll(cookie));
  const guard = reader.lock();
  guard.unlock();
  assert(!updater.poll(cookie), "the end of a section is no quiescent state");
  reader.quiescent();
  assert(updater.poll(cookie));
  const next = updater.startPoll();
  assert(!updater.poll(next), "one quiescent state counts for one grace period");
  reader.quiescent();
  assert(updater.poll(next));
});

Deno.test("an offline reader holds up nobody", () => {
  const { updater, reader } = create();
  const cookie = updater.startPoll();
  assert(!updater.poll(cookie));
  reader.offline();
  assert(updater.poll(cookie));
  assert(updater.poll(updater.startPoll()));
  reader.online();
  assert(!updater.poll(updater.startPoll()));
  reader.quiescent();
});

Deno.test("what does not fit the reader's state is refused and changes nothing", () => {
  const { updater, reader } = create();
  const guard = reader.lock();
  for (const call of ["quiescent", "offline", "online", "unregister"] as const) {
    assertThrows(() => reader[call](), RcuError, "inside a section");
  }
  assert(guard.open && !updater.poll(updater.startPoll()));
  guard.unlock();
  assertThrows(() => reader.online(), RcuError, "online already");
  reader.offline();
  for (const call of ["quiescent", "offline"] as const) {
    assertThrows(() => reader[call](), RcuError, "offline");
  }
  const error = assertThrows(() => reader.lock(), RcuError, "offline");
  assertEquals(error.details, { action: "enter a section", state: "offline" });
  assert(!reader.inSection && !reader.isOnline);
  assert(updater.poll(updater.startPoll()));
  reader.online();
  reader.lock().unlock();
});

Deno.test("an online reader may unregister; nothing works afterwards", () => {
  const { domain, updater, reader } = create();
  assert(!updater.poll(updater.startPoll()));
  reader.unregister();
  assert(updater.poll(updater.startPoll()));
  assertEquals(domain.stats().readers, 0);
  for (const call of ["quiescent", "offline", "online", "lock", "unregister"] as const) {
    assertThrows(() => reader[call](), RcuError, "unregistered");
  }
});

Deno.test("an offline reader may unregister", () => {
  const { domain, reader } = create();
  reader.offline();
  reader.unregister();
  assertEquals(domain.stats().readers, 0);
});

for (const call of ["quiescent", "online"] as const) {
  Deno.test(`an expelled reader learns of it at ${call}, and at every call after that`, () => {
    const { arena, domain, updater, reader } = create();
    if (call === "online") reader.offline();
    updater.arena.expel(arena.token);
    assertEquals(updater.poll(updater.startPoll()), call === "online");
    assertThrows(() => reader[call](), EvictedError);
    for (const later of ["quiescent", "offline", "online", "lock", "unregister"] as const) {
      assertThrows(() => reader[later](), EvictedError);
    }
    assert(updater.poll(updater.startPoll()));
    assertEquals(domain.stats().readers, 0);
  });
}

for (const call of ["offline", "unregister"] as const) {
  Deno.test(`an expelled reader may go: ${call}`, () => {
    const { arena, updater, reader } = create();
    updater.arena.expel(arena.token);
    assert(!updater.poll(updater.startPoll()), "it may still use what it has read");
    reader[call]();
    assert(updater.poll(updater.startPoll()));
  });
}

Deno.test("a reader that blocks on a mutex does not hold up its holder's grace period", () =>
  withWorkers(async (workers) => {
    const arena = Arena.create({ bytes: 1 << 20 });
    const domain = RcuDomain.create(arena);
    const mutex = Mutex.create(arena);
    const schedule = Schedule.create();
    const worker = workers.spawn<Setup>(WORKER, {
      arena: arena.handle,
      domain: domain.handle,
      schedule: schedule.buffer,
    });
    await worker.call("register", "qsbr");
    mutex.lock();
    const locked = worker.call("lockMutex", mutex.offset);
    schedule.awaitStep(1);
    // The limit only turns a deadlock into a failure.
    await domain.synchronizeAsync({ signal: AbortSignal.timeout(30_000) });
    mutex.unlock();
    assertEquals(await locked, "acquired");
    await worker.call("offline");
  }));
