import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "./assert.ts";
import { FakeTime, TimeError } from "./fake_time.ts";

Deno.test("Date stands still until time is moved", () => {
  const real = globalThis.Date;
  {
    using time = new FakeTime("2024-01-02T03:04:05Z");
    assertEquals(
      [Date.now(), new Date().valueOf(), time.now, time.start],
      Array(4).fill(time.start),
    );
    assertEquals(new Date().toISOString(), "2024-01-02T03:04:05.000Z");
    assertEquals(new Date(5).valueOf(), 5);
    assertInstanceOf(new Date(), real);
    time.tick(1000);
    assertEquals([Date.now() - time.start, time.now - time.start], [1000, 1000]);
    assertEquals(Date(), new real(time.now).toString());
    assertThrows(() => time.now = 0, RangeError);
  }
  assertEquals(globalThis.Date, real);
});

Deno.test("timers run in order when they come due, at their own time", () => {
  using time = new FakeTime(0);
  const log: string[] = [];
  const say = (word: string) => log.push(`${word}@${Date.now()}`);
  setTimeout(say, 200, "b");
  setTimeout(say, 100, "a");
  setTimeout(say, 200, "c");
  clearTimeout(setTimeout(say, 150, "never"));
  const id = setInterval(say, 80, "i");
  time.tick(99);
  assertEquals(log.splice(0), ["i@80"]);
  time.tick(101);
  assertEquals(log.splice(0), ["a@100", "i@160", "b@200", "c@200"]);
  clearInterval(id);
  assertEquals(time.next(), false);
  assertEquals(time.now, 200);
});

Deno.test("a timer that sets another lets it run in the same tick", () => {
  using time = new FakeTime(0);
  const at: number[] = [];
  setTimeout(() => setTimeout(() => at.push(Date.now()), 10), 10);
  time.tick(30);
  assertEquals(at, [20]);
  setTimeout(() => setTimeout(() => at.push(Date.now()), 5), 5);
  time.runAll();
  assertEquals([at, time.now], [[20, 40], 40]);
});

Deno.test("the async forms run microtasks first", async () => {
  using time = new FakeTime(0);
  let step = 0;
  const run = (async () => {
    for (; step < 3; step++) await new Promise((resolve) => setTimeout(resolve, 10));
  })();
  await time.tickAsync(10);
  assertEquals(step, 1);
  assertEquals(await time.nextAsync(), true);
  assertEquals(step, 2);
  await time.runAllAsync();
  await run;
  assertEquals([step, time.now], [3, 30]);
});

Deno.test("delay takes real time and can be aborted", async () => {
  using time = new FakeTime(0);
  await time.delay(1);
  assertEquals(time.now, 0);
  await assertRejects(() => time.delay(1000, { signal: AbortSignal.abort() }), DOMException);
  const controller = new AbortController();
  const waiting = time.delay(100_000, controller);
  controller.abort();
  await assertRejects(() => waiting, DOMException);
});

Deno.test("time is faked once at a time", () => {
  const time = new FakeTime();
  assert(Math.abs(time.start - performance.timeOrigin - performance.now()) < 60_000);
  assertThrows(() => new FakeTime(), TimeError, "already faked");
  FakeTime.restore();
  assertThrows(() => time.restore(), TimeError, "already restored");
  assertThrows(() => FakeTime.restore(), TimeError, "not faked");
});
