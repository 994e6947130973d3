import { Schedule } from "#tools/testing/schedule.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Setup } from "./grace_period_test_worker.ts";
import { instantiateKernel } from "../kernel/kernel.ts";
import { Arena, RcuDomain, type StallReport } from "../mod.ts";
import { rcuEngine } from "./engine.ts";
import { registerElsewhere } from "../testdata/elsewhere.ts";
import { StallWatch } from "./stall.ts";

const WORKER = import.meta.resolve("./grace_period_test_worker.ts");

function create(stallMs: number) {
  const arena = Arena.create({ bytes: 1 << 20, label: "main" });
  const domain = RcuDomain.create(arena, { stallMs, label: "map" });
  const attach = (label: string) => {
    const own = Arena.attach(arena.handle, { label });
    return { arena: own, domain: RcuDomain.attach(own, domain.handle) };
  };
  const schedule = Schedule.create();
  const data = {
    arena: arena.handle,
    domain: domain.handle,
    schedule: schedule.buffer,
    words: new SharedArrayBuffer(32),
    label: "vcpu worker",
  };
  return { arena, domain, attach, schedule, data };
}

for (const flavour of ["memb", "qsbr"] as const) {
  Deno.test(`a stalled grace period names its ${flavour} reader, its worker and for how long`, async () => {
    const { domain, attach } = create(1);
    const other = attach("vcpu worker");
    const reader = flavour === "memb"
      ? other.domain.register({ label: "vcpu 3" })
      : other.domain.register({ flavour, label: "vcpu 3" });
    const open = reader.lock();
    const reported = Promise.withResolvers<StallReport>();
    domain.onStall = reported.resolve;
    const over = domain.synchronizeAsync();
    const { elapsedMs, ...report } = await reported.promise;
    assert(elapsedMs >= 1);
    assertEquals(report, {
      domain: "map",
      gracePeriod: 1,
      reader: { label: "vcpu 3", token: other.arena.token, flavour, slot: reader.slot },
      worker: "vcpu worker",
    });
    assertEquals(domain.stalled()?.reader, report.reader);
    open.unlock();
    if (reader.flavour === "qsbr") reader.offline();
    await over;
    assertEquals(domain.stalled(), undefined);
  });
}

Deno.test("a blocked updater reports a stall once, and the listener may evict who caused it", () => {
  const { arena, domain, attach } = create(1);
  const dead = attach("dead worker");
  registerElsewhere(dead.domain, "dead").lock();
  const reports: string[] = [];
  domain.onStall = (report) => {
    reports.push(`${report.reader.label} of ${report.worker}`);
    arena.evict(report.reader.token, { stopped: true });
  };
  domain.synchronize();
  assertEquals(reports, ["dead of dead worker"]);
});

Deno.test("a listener that aborts the wait ends it at once, not a threshold later", async () => {
  const { domain, attach } = create(1);
  const open = attach("other").domain.register().lock();
  const controller = new AbortController();
  let reports = 0;
  domain.onStall = () => {
    reports++;
    controller.abort(new Error("given up"));
  };
  await assertRejects(() => domain.synchronizeAsync(controller), Error, "given up");
  assertEquals(reports, 1);
  open.unlock();
});

Deno.test("a listener may wait for another domain: the reader of its context stays offline", () => {
  const { arena, domain, attach } = create(1);
  const other = RcuDomain.create(arena);
  const reader = domain.register({ flavour: "qsbr", label: "own" });
  const open = registerElsewhere(attach("other").domain, "other").lock();
  const reports: string[] = [];
  domain.onStall = (report) => {
    reports.push(report.reader.label);
    if (reports.length > 1) throw new Error("the updater waits for its own reader");
    other.synchronize();
    open.unlock();
  };
  domain.synchronize();
  assertEquals(reports, ["other"]);
  assert(reader.isOnline);
});

/** A watch with a clock that the test sets, and a reader that holds up a grace period. */
function withClock(stallMs: number) {
  const { arena, domain, attach } = create(stallMs);
  const reader = attach("other").domain.register({ label: "slow" });
  const open = reader.lock();
  assert(!domain.poll(domain.startPoll()));
  const engine = rcuEngine(instantiateKernel(arena.memory), domain.offset);
  const clock = { now: 1000 };
  const watch = new StallWatch(arena, domain.offset, engine, "map", () => clock.now);
  return { domain, reader, open, clock, watch };
}

Deno.test("a stall is reported once for each grace period, however often the updater wakes", () => {
  const { domain, reader, open, clock, watch } = withClock(600_000);
  const elapsed: number[] = [];
  watch.onStall = (report) => elapsed.push(report.elapsedMs);
  assertEquals(watch.check(reader.slot), 600_000);
  clock.now += 599_999;
  assertEquals(watch.check(reader.slot), 1);
  assertEquals(elapsed, []);
  clock.now += 1;
  for (let look = 0; look < 5; look++) assertEquals(watch.check(reader.slot), Infinity);
  clock.now += 1_500_000;
  watch.check(reader.slot);
  assertEquals(elapsed, [600_000]);
  assertEquals(watch.describe(reader.slot).elapsedMs, 2_100_000);
  open.unlock();
  const next = reader.lock();
  assert(!domain.poll(domain.startPoll()));
  assertEquals(watch.check(reader.slot), 600_000);
  clock.now += 600_000;
  watch.check(reader.slot);
  assertEquals(elapsed, [600_000, 600_000]);
  next.unlock();
});

Deno.test("with no listener a stall goes to the console, with what to do about it", () => {
  const { reader, open, clock, watch } = withClock(10_000);
  const { warn } = console;
  const lines: string[] = [];
  console.warn = (line: string) => lines.push(line);
  try {
    watch.check(reader.slot);
    clock.now += 10_049;
    for (let look = 0; look < 3; look++) watch.check(reader.slot);
  } finally {
    console.warn = warn;
  }
  assertEquals(lines.length, 1);
  assertMatch(
    lines[0]!,
    /^guestmem: reader "slow" \(memb\) of worker "other" \(context \d+\) has held up grace period 1 of domain "map" for 10 s\. A section should be short.*arena\.evict\(\d+\)/,
  );
  open.unlock();
});

Deno.test("stallMs of Infinity ends the reports", () => {
  const { reader, open, clock, watch } = withClock(Infinity);
  watch.onStall = () => assert(false, "reported");
  assertEquals(watch.check(reader.slot), Infinity);
  clock.now += 1e9;
  assertEquals(watch.check(reader.slot), Infinity);
  open.unlock();
});

Deno.test("a grace period that no reader holds up is no stall", () => {
  const { domain } = create(1);
  assertEquals(domain.stalled(), undefined);
  domain.startPoll();
  assertEquals(domain.stalled(), undefined);
});

for (const flavour of ["memb", "qsbr"] as const) {
  for (const how of ["close", "throw"] as const) {
    Deno.test(`a worker that dies (${how}) in a ${flavour} section is reported and evicted (RCU-G10)`, () =>
      withWorkers(async (workers) => {
        const { arena, domain, data } = create(1);
        const worker = workers.spawn<Setup>(WORKER, data);
        const token = await worker.call("token");
        await worker.call("register", flavour, "doomed");
        worker.expectDeath();
        worker.call("dieInside", how);
        await worker.ended;
        const reports: StallReport[] = [];
        domain.onStall = (report) => {
          reports.push(report);
          arena.evict(report.reader.token, { stopped: true });
        };
        domain.synchronize();
        await domain.synchronizeAsync();
        assertEquals(reports.map((report) => report.reader.label), ["doomed"]);
        assertEquals(reports[0]!.worker, "vcpu worker");
        assertEquals(reports[0]!.reader.token, token);
        assertEquals(domain.stats().readers, 0);
      }));
  }
}

for (const flavour of ["memb", "qsbr"] as const) {
  Deno.test(`an expelled ${flavour} reader keeps its section, and learns of it afterwards`, () =>
    withWorkers(async (workers) => {
      const { arena, domain, schedule, data } = create(600_000);
      const worker = workers.spawn<Setup>(WORKER, data);
      const token = await worker.call("token");
      await worker.call("register", flavour);
      const survived = worker.call("surviveExpulsion");
      schedule.awaitStep(1); // inside its section
      const cookie = domain.startPoll();
      assert(!domain.poll(cookie));
      arena.expel(token);
      assert(!domain.poll(cookie));
      schedule.reach(2);
      const calls = flavour === "qsbr" ? 5 : 4;
      assertEquals(await survived, Array(calls).fill("EvictedError"));
      assert(domain.poll(cookie));
      assertEquals(domain.stats().readers, 0); // it gave its slot back
    }));
}

Deno.test("an expelled reader learns of it from the fused section", () =>
  withWorkers(async (workers) => {
    const { arena, schedule, data } = create(600_000);
    const worker = workers.spawn<Setup>(WORKER, data);
    const token = await worker.call("token");
    await worker.call("register", "memb");
    const cell = arena.allocate(16);
    arena.u32[cell / 4] = cell;
    const read = worker.call("readWordExpelled", cell);
    schedule.awaitStep(1);
    arena.expel(token);
    schedule.reach(2);
    await assertRejects(() => read, Error, "EvictedError");
  }));
