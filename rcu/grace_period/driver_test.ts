import { Schedule } from "#tools/testing/schedule.ts";
import { until } from "#tools/testing/until.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Setup } from "./grace_period_test_worker.ts";
import { READY, STOP, synchronizeInSections } from "../testdata/shared_words.ts";
import { instantiateKernel } from "../kernel/kernel.ts";
import { DOMAIN } from "../kernel/layouts.ts";
import { Arena, EvictedError, RcuDomain, WaitInSectionError } from "../mod.ts";
import { registerElsewhere } from "../testdata/elsewhere.ts";
import { Driver } from "./driver.ts";
import { rcuEngine } from "./engine.ts";
import { Deadline } from "../sync/wait_options.ts";
import { StallWatch } from "./stall.ts";

const WORKER = import.meta.resolve("./grace_period_test_worker.ts");

function create(options: { stallMs?: number; debug?: boolean } = {}) {
  const { debug = false, ...rest } = options;
  const arena = Arena.create({ bytes: 1 << 20, label: "main", debug });
  const domain = RcuDomain.create(arena, rest);
  /** Another context; in this thread, so that the test says what comes when. */
  const attach = () => {
    const own = Arena.attach(arena.handle);
    return { arena: own, domain: RcuDomain.attach(own, domain.handle) };
  };
  const schedule = Schedule.create();
  const words = new Int32Array(new SharedArrayBuffer(32));
  const data = {
    arena: arena.handle,
    domain: domain.handle,
    schedule: schedule.buffer,
    words: words.buffer as SharedArrayBuffer,
  };
  return { arena, domain, attach, schedule, words, data };
}

for (const flavour of ["memb", "qsbr"] as const) {
  Deno.test(`synchronize waits for a ${flavour} section that was open (RCU-G1)`, () =>
    withWorkers(async (workers) => {
      const { data } = create();
      const reader = workers.spawn<Setup>(WORKER, data);
      const updater = workers.spawn<Setup>(WORKER, data);
      await reader.call("register", flavour);
      const held = reader.call("holdUntilHurried"); // so it leaves only once the updater waits
      assertEquals(await updater.call("synchronize"), 1);
      await held;
    }));
}

Deno.test("synchronize waits for the outermost of nested sections", () =>
  withWorkers(async (workers) => {
    const { data } = create();
    const reader = workers.spawn<Setup>(WORKER, data);
    const updater = workers.spawn<Setup>(WORKER, data);
    await reader.call("register", "memb");
    const held = reader.call("holdNestedUntilHurried");
    assertEquals(await updater.call("synchronize"), 1);
    await held;
  }));

Deno.test("a grace period does not wait for a section that began after it", () => {
  const { domain, attach } = create();
  const [early, late] = [attach().domain.register(), attach().domain.register()];
  const open = early.lock();
  const cookie = domain.startPoll();
  assert(!domain.poll(cookie));
  const younger = late.lock();
  assert(!domain.poll(cookie));
  open.unlock();
  assert(domain.poll(cookie));
  younger.unlock();
});

Deno.test("a cookie taken while a grace period is in progress waits for the next one", () => {
  const { domain, attach } = create();
  const [early, late] = [attach().domain.register(), attach().domain.register()];
  const open = early.lock();
  const first = domain.startPoll();
  assert(!domain.poll(first)); // in progress now
  const younger = late.lock(); // began before the second request
  const second = domain.startPoll();
  open.unlock();
  assert(domain.poll(first));
  assert(!domain.poll(second));
  younger.unlock();
  assert(domain.poll(second));
});

Deno.test("contexts that ask at once share grace periods, polled", () => {
  const { domain, attach } = create();
  const open = attach().domain.register().lock();
  const askers = Array.from({ length: 20 }, () => attach().domain);
  const cookies = askers.map((asker) => {
    const cookie = asker.startPoll();
    asker.poll(cookie);
    return cookie;
  });
  const before = domain.stats().gracePeriods;
  open.unlock();
  assert(askers.every((asker, index) => asker.poll(cookies[index]!)));
  assert(domain.stats().gracePeriods - before <= 2);
});

Deno.test("workers that ask while a reader is inside share two grace periods at most", () =>
  withWorkers(async (workers) => {
    const { domain, attach, words, data } = create();
    const open = attach().domain.register().lock();
    const askers = [0, 1, 2, 3].map(() => workers.spawn<Setup>(WORKER, data));
    const before = domain.stats().gracePeriods;
    const over = askers.map((asker) => asker.call("synchronizeAsync"));
    await until(() => Atomics.load(words, READY) === 4, "every one has asked");
    assertEquals(domain.stats().gracePeriods, before);
    open.unlock(); // every one has asked, and none has been answered
    await Promise.all(over);
    assert(domain.stats().gracePeriods - before <= 2);
  }));

Deno.test("polling alone completes a grace period", () => {
  const { domain } = create();
  const cookie = domain.startPoll();
  assertEquals(domain.stats().gracePeriods, 0);
  assert(domain.poll(cookie));
  assertEquals(domain.stats().gracePeriods, 1);
  assert(domain.poll(cookie)); // over for good, and starts no other
  assertEquals(domain.stats().gracePeriods, 1);
});

Deno.test("synchronizeAsync ends when the reader leaves", async () => {
  const { domain, attach } = create();
  const open = attach().domain.register().lock();
  const log: string[] = [];
  const over = domain.synchronizeAsync().then(() => log.push("over"));
  await new Promise((next) => setTimeout(next, 0));
  log.push("leaves");
  open.unlock();
  await over;
  assertEquals(log, ["leaves", "over"]);
});

Deno.test("synchronizeAsync inside a section of the same context waits until it has ended", async () => {
  const { domain } = create();
  const reader = domain.register();
  const guard = reader.lock();
  const over = domain.synchronizeAsync();
  assertEquals(domain.stats().gracePeriods, 0);
  guard.unlock();
  await over;
  assertEquals(domain.stats().gracePeriods, 1);
});

Deno.test("synchronizeAsync of an online QSBR reader does not wait for that reader", async () => {
  const { domain, attach } = create({ stallMs: 600_000 });
  domain.register({ flavour: "qsbr" });
  await domain.synchronizeAsync();
  // Also while a grace period is in progress that it has passed, so that it is in the way of the next.
  const open = attach().domain.register().lock();
  const inProgress = domain.startPoll();
  assert(!domain.poll(inProgress));
  const over = domain.synchronizeAsync();
  open.unlock();
  await over;
});

Deno.test("an aborted synchronizeAsync rejects with the reason; before, and while it waits", async () => {
  const { domain, attach } = create({ stallMs: 600_000 });
  const before = AbortSignal.abort(new RangeError("planted"));
  await assertRejects(() => domain.synchronizeAsync({ signal: before }), RangeError, "planted");

  const reader = attach().domain.register();
  const open = reader.lock();
  const controller = new AbortController();
  const aborted = domain.synchronizeAsync({ signal: controller.signal });
  const others = [domain.synchronizeAsync(), attach().domain.synchronizeAsync()];
  // Once it has asked the reader to hurry, it sleeps until the stall threshold.
  await until(() => reader.hurry, "the reader is asked to hurry");
  controller.abort(new TypeError("planted"));
  await assertRejects(() => aborted, TypeError, "planted");
  open.unlock(); // the aborted waiter must not take the wake-up of the others
  await Promise.all(others);
});

Deno.test("an abort after the end changes nothing", async () => {
  const { domain } = create();
  const controller = new AbortController();
  await domain.synchronizeAsync({ signal: controller.signal });
  controller.abort();
  await domain.synchronizeAsync();
});

Deno.test("synchronize and barrier inside a section are refused, and nothing is lost", () => {
  const { domain } = create();
  const reader = domain.register({ label: "me" });
  let ran = 0;
  domain.callRcu(() => ran++);
  const guard = reader.lock();
  assertThrows(() => domain.synchronize(), WaitInSectionError, '"me"');
  assertThrows(() => domain.synchronize({ hurry: true }), WaitInSectionError);
  assertThrows(() => domain.barrier(), WaitInSectionError);
  assertEquals([ran, guard.open], [0, true]);
  guard.unlock();
  domain.barrier();
  assertEquals(ran, 1);
});

Deno.test("a blocked updater is offline as a QSBR reader", () =>
  withWorkers(async (workers) => {
    const { domain, data } = create();
    const reader = domain.register({ flavour: "qsbr" });
    const other = workers.spawn<Setup>(WORKER, data);
    await other.call("register", "memb");
    const held = other.call("holdUntilHurried"); // until this thread waits for it
    Schedule.attach(data.schedule).awaitStep(1);
    domain.synchronize();
    assert(reader.isOnline);
    await held;
  }));

Deno.test("a wait that finds its context evicted says so, and leaves no reader suspended", () => {
  const { arena, domain, attach } = create();
  const evicted = attach();
  const readers = [evicted.domain, RcuDomain.create(evicted.arena)].map((own) =>
    own.register({ flavour: "qsbr" })
  );
  arena.evict(evicted.arena.token, { stopped: true });
  assertThrows(() => evicted.domain.synchronize(), EvictedError);
  for (const reader of readers) assertThrows(() => reader.quiescent(), EvictedError);
  domain.synchronize();
});

/** A driver that calls `look` before it loads EVENT and `fallAsleep` before it sleeps. */
function withHooks(arena: Arena, domain: number, look: () => void, fallAsleep = () => {}) {
  const woken: string[] = [];
  const kernel = instantiateKernel(arena.memory);
  const hooked = {
    ...kernel,
    load32: (cell: number) => {
      if (cell === DOMAIN.event.at(domain)) look();
      return kernel.load32(cell);
    },
    wait32: (cell: number, expected: number, milliseconds: number) => {
      fallAsleep();
      const result = kernel.wait32(cell, expected, Math.min(milliseconds, 1));
      woken.push(["notified", "not asleep yet", "timed out"][result]!);
      return result;
    },
  };
  const engine = rcuEngine(kernel, domain);
  const stall = new StallWatch(arena, domain, engine, "");
  return { driver: new Driver(arena, domain, engine, stall, hooked), woken };
}

Deno.test("an updater whose grace period another completes does not sleep on the next one's readers", () => {
  const { arena, domain, attach } = create();
  const [early, late, helper] = [attach(), attach(), attach()];
  const open = registerElsewhere(early.domain).lock();
  const lateReader = registerElsewhere(late.domain);
  const { driver, woken } = withHooks(arena, domain.offset, () => {
    if (!open.open) return;
    // Between the updater's last poll and its look at EVENT: the reader leaves, another context
    // completes the grace period, and starts one that a younger section holds up.
    lateReader.lock();
    open.unlock();
    assert(!helper.domain.poll(helper.domain.startPoll()));
  });
  driver.wait(driver.startPoll(), new Deadline("test"));
  assert(lateReader.inSection);
  assertEquals(woken, []);
});

Deno.test("an updater does not sleep on a reader that leaves before it is asked", () => {
  const { arena, domain, attach } = create();
  const open = registerElsewhere(attach().domain).lock();
  let looks = 0;
  const { driver, woken } = withHooks(arena, domain.offset, () => {
    if (++looks === 3) open.unlock();
  });
  driver.wait(driver.startPoll(), new Deadline("test"));
  assertEquals(woken, ["timed out", "timed out"]); // as long as it stayed
});

Deno.test("an updater that falls asleep as the reader leaves is not asleep yet", () => {
  const { arena, domain, attach } = create();
  const reader = registerElsewhere(attach().domain);
  const open = reader.lock();
  const { driver, woken } = withHooks(arena, domain.offset, () => {}, () => open.unlock());
  driver.wait(driver.startPoll(), new Deadline("test"));
  assertEquals(woken, ["not asleep yet"]);
});

Deno.test("a reader is asked to hurry after a while, and at once if the wait says so", () => {
  for (const [hurry, asked] of [[false, [false, true]], [true, [true]]] as const) {
    const { arena, domain, attach } = create();
    const reader = registerElsewhere(attach().domain);
    const open = reader.lock();
    const seen: boolean[] = [];
    const { driver } = withHooks(arena, domain.offset, () => {}, () => {
      seen.push(reader.hurry);
      if (reader.hurry) open.unlock();
    });
    driver.wait(driver.startPoll(), new Deadline("test"), hurry);
    assertEquals(seen, [...asked]);
    assert(!reader.hurry, "it has moved");
  }
});

for (const flavour of ["memb", "qsbr"] as const) {
  Deno.test(`no wake-up is lost between two updaters and a ${flavour} reader that loops`, () =>
    withWorkers(async (workers) => {
      // A lost one would sleep for the stall threshold, and the call would not end within the limit.
      const { domain, words, data } = create({ stallMs: 600_000 });
      const [reader, updater] = [0, 1].map(() => workers.spawn<Setup>(WORKER, data));
      await reader!.call("register", flavour);
      const read = reader!.call("leaveWhileUpdatersWait");
      const updated = updater!.call("synchronizeHurried", 200);
      synchronizeInSections(domain, words, 200);
      await updated;
      Atomics.store(words, STOP, 1);
      await read;
    }));
}

Deno.test("a context that dies while it waits for a grace period holds up nobody (RCU-G4)", () =>
  withWorkers(async (workers) => {
    const { domain, attach, words, data } = create();
    const open = attach().domain.register().lock();
    const waiter = workers.spawn<Setup>(WORKER, data);
    waiter.expectDeath();
    waiter.call("synchronizeAsyncAndDie");
    await waiter.ended;
    assertEquals(words[READY], 1);
    open.unlock();
    domain.synchronize();
    await domain.synchronizeAsync();
  }));
