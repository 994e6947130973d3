/** The ends of waits: a time-out that names who is waited for, and a signal. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Arena, Mutex, RcuDomain, RcuError, Srcu, type WaitOptions } from "../mod.ts";
import { registerElsewhere } from "../testdata/elsewhere.ts";
import { Deadline, RECHECK_MS } from "./wait_options.ts";
import { removeLocalReader } from "./waiting.ts";

/** All waits of the package, each for what nobody gives: a lock, or the end of a section. */
function create() {
  const arena = Arena.create({ bytes: 1 << 20, label: "main" });
  const other = Arena.attach(arena.handle, { label: "other" });
  const domain = RcuDomain.create(arena, { stallMs: Infinity });
  const srcu = Srcu.create(arena, { stallMs: Infinity });
  const open = registerElsewhere(RcuDomain.attach(other, domain.handle), "slow").lock();
  const srcuReader = Srcu.attach(other, srcu.handle).register({ label: "slow" });
  removeLocalReader(other, srcuReader);
  const openSrcu = srcuReader.lock();
  const mutex = Mutex.create(arena);
  Mutex.attach(other, mutex.offset).lock();
  domain.deferFree(arena.allocate(16));
  srcu.deferFree(arena.allocate(16));
  const blocking: ((options: WaitOptions) => void)[] = [
    (options) => mutex.lock(options),
    (options) => domain.synchronize(options),
    (options) => domain.barrier(options),
    (options) => srcu.synchronizeSrcu(options),
    (options) => srcu.srcuBarrier(options),
  ];
  const asynchronous: ((options: WaitOptions) => Promise<unknown>)[] = [
    (options) => mutex.lockAsync(options),
    (options) => domain.synchronizeAsync(options),
    (options) => domain.barrierAsync(options),
    (options) => srcu.synchronizeSrcuAsync(options),
    (options) => srcu.srcuBarrierAsync(options),
  ];
  const end = async () => {
    open.unlock();
    openSrcu.unlock();
    await domain.barrierAsync();
    await srcu.srcuBarrierAsync();
  };
  return { blocking, asynchronous, end };
}

function isTimeout(error: unknown): void {
  assert(error instanceof RcuError && error.hasCode("WAIT_TIMEOUT"), String(error));
  const { holder, milliseconds } = error.details;
  assert(holder.includes('"other"') || holder.includes('"slow"'), holder);
  assertEquals(milliseconds, 3);
}

Deno.test("every wait ends after its time, and names who held it up", async () => {
  const { blocking, asynchronous, end } = create();
  for (const wait of blocking) isTimeout(assertThrows(() => wait({ timeoutMs: 3 })));
  for (const wait of asynchronous) isTimeout(await assertRejects(() => wait({ timeoutMs: 3 })));
  await end();
});

Deno.test("every wait ends with the reason of its signal", async () => {
  const { blocking, asynchronous, end } = create();
  const aborted = AbortSignal.abort(new Error("before"));
  for (const wait of blocking) assertThrows(() => wait({ signal: aborted }), Error, "before");
  for (const wait of asynchronous) {
    await assertRejects(() => wait({ signal: aborted }), Error, "before");
    const controller = new AbortController();
    const waiting = wait({ signal: controller.signal });
    controller.abort(new Error("during"));
    await assertRejects(() => waiting, Error, "during");
  }
  await end();
});

Deno.test("a time that is none is refused", async () => {
  const { blocking, asynchronous, end } = create();
  for (const timeoutMs of [-1, NaN]) {
    for (const wait of blocking) assertThrows(() => wait({ timeoutMs }), RangeError, "from 0 on");
    for (const wait of asynchronous) {
      await assertRejects(async () => await wait({ timeoutMs }), RangeError, "from 0 on");
    }
  }
  await end();
});

Deno.test("a wait without a time sleeps for a second at a time, one with a time no longer than that", () => {
  let now = 0;
  const deadline = (options: WaitOptions) => new Deadline("wait", options, () => now);
  const [endless, bounded] = [deadline({}), deadline({ timeoutMs: RECHECK_MS + 100 })];
  assertEquals([endless.check(() => ""), bounded.check(() => "")], [RECHECK_MS, RECHECK_MS]);
  now += RECHECK_MS;
  assertEquals([endless.check(() => ""), bounded.check(() => "")], [RECHECK_MS, 100]);
  now += 100;
  assertEquals(endless.check(() => ""), RECHECK_MS);
  assertThrows(() => bounded.check(() => "the holder"), RcuError, "held up by the holder");
});

/** Runs with a clock that the test sets. */
function withClock(run: (advance: (milliseconds: number) => void) => void): void {
  const { now } = performance;
  let time = now.call(performance);
  performance.now = () => time;
  try {
    run((milliseconds) => time += milliseconds);
  } finally {
    performance.now = now;
  }
}

Deno.test("a holder is reported once after ten seconds, to the console or to a listener", () => {
  const arena = Arena.create({ bytes: 1 << 20 });
  const other = Arena.attach(arena.handle, { label: "slow" });
  const mutex = Mutex.create(arena);
  const holder = Mutex.attach(other, mutex.offset);
  type LockStall = Parameters<Mutex["onStall"]>[0];
  const reports: LockStall[] = [];
  const lines: string[] = [];
  const { warn } = console;
  console.warn = (line: string) => lines.push(line);
  try {
    for (const listener of [undefined, (report: LockStall) => reports.push(report)]) {
      holder.lock();
      if (listener) mutex.onStall = listener;
      withClock((advance) => {
        // The clock stands still but for the naps.
        const deadline = { timeoutMs: 25_000 };
        const check = Deadline.prototype.check;
        Deadline.prototype.check = function (name) {
          advance(6000);
          return Math.min(check.call(this, name), 0);
        };
        try {
          assertThrows(() => mutex.lock(deadline), RcuError, "within 25000 ms");
        } finally {
          Deadline.prototype.check = check;
        }
      });
      holder.unlock();
    }
  } finally {
    console.warn = warn;
  }
  assertEquals(lines.length, 1);
  assert(lines[0]!.includes('worker "slow"') && lines[0]!.includes(`arena.evict(${other.token})`));
  assertEquals(reports.map(({ holder }) => holder.label), ["slow"]);
});
