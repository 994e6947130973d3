import { Schedule } from "#tools/testing/schedule.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Setup } from "./grace_period_test_worker.ts";
import { instantiateKernel } from "../kernel/kernel.ts";
import { Arena, EvictedError, RcuDomain, type StallReport } from "../mod.ts";
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

Deno.test("a blocked updater reports a stall, and the listener may evict who caused it", () => {
  const { arena, domain, attach } = create(1);
  const dead = attach("dead worker");
  const reader = registerElsewhere(dead.domain, "dead");
  const open = reader.lock();
  const reports: string[] = [];
  domain.onStall = (report) => {
    reports.push(`${report.reader.label} of ${report.worker}`);
    if (reports.length === 3) arena.evict(report.reader.token);
  };
  domain.synchronize();
  assertEquals(reports, Array(3).fill("dead of dead worker")); // again after each threshold
  assertThrows(() => open.unlock(), EvictedError);
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

Deno.test("a stall is reported once for each threshold, however often the updater wakes", () => {
  const { arena, domain, attach } = create(600_000);
  const reader = attach("other").domain.register();
  const open = reader.lock();
  assert(!domain.poll(domain.startPoll()));
  const engine = rcuEngine(instantiateKernel(arena.memory), domain.offset);
  let now = 1000;
  const watch = new StallWatch(arena, domain.offset, engine, "map", () => now);
  const elapsed: number[] = [];
  watch.onStall = (report) => elapsed.push(report.elapsedMs);
  assertEquals(watch.check(reader.slot), 600_000);
  now += 599_999;
  assertEquals(watch.check(reader.slot), 1);
  assertEquals(elapsed, []);
  now += 1;
  for (let look = 0; look < 5; look++) assertEquals(watch.check(reader.slot), 600_000);
  assertEquals(elapsed, [600_000]);
  now += 1_500_000; // one report for all that were due since
  assertEquals(watch.check(reader.slot), 300_000);
  assertEquals(elapsed, [600_000, 2_100_000]);
  now -= 3_000_000; // the clock of the context that noted it was ahead
  assertEquals(watch.describe(reader.slot).elapsedMs, 0);
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
          assertEquals(arena.evict(report.reader.token).members, { readers: 1 });
        };
        domain.synchronize();
        await domain.synchronizeAsync();
        assertEquals(reports.map((report) => report.reader.label), ["doomed"]);
        assertEquals(reports[0]!.worker, "vcpu worker");
        assertEquals(reports[0]!.reader.token, token);
        assertEquals(domain.stats().readers, 1); // rests
        assertEquals(domain.releaseEvicted(token), 1);
        assertEquals(domain.stats().readers, 0);
      }));
  }
}

for (const flavour of ["memb", "qsbr"] as const) {
  Deno.test(`an evicted ${flavour} reader that is alive after all learns of it`, () =>
    withWorkers(async (workers) => {
      const { arena, domain, schedule, data } = create(1);
      const worker = workers.spawn<Setup>(WORKER, data);
      const token = await worker.call("token");
      await worker.call("register", flavour);
      const survived = worker.call("surviveEviction");
      schedule.awaitStep(1); // inside its section
      const cookie = domain.startPoll();
      assert(!domain.poll(cookie));
      arena.evict(token);
      assert(domain.poll(cookie));
      schedule.reach(2);
      assertEquals(await survived, Array(5).fill("EvictedError"));
      assertEquals(domain.stats().readers, 0); // it gave its slot back
    }));
}

Deno.test("an evicted reader learns of it from the fused section", () =>
  withWorkers(async (workers) => {
    const { arena, schedule, data } = create(1);
    const worker = workers.spawn<Setup>(WORKER, data);
    const token = await worker.call("token");
    await worker.call("register", "memb");
    const cell = arena.allocate(16);
    arena.u32[cell / 4] = cell;
    const read = worker.call("readWordEvicted", cell);
    schedule.awaitStep(1);
    arena.evict(token);
    schedule.reach(2);
    await assertRejects(() => read, Error, "EvictedError");
  }));
