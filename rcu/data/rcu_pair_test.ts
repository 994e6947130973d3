import { Schedule } from "#tools/testing/schedule.ts";
import { rounds } from "#tools/testing/until.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { READY, STOP } from "../testdata/shared_words.ts";
import { Arena, RcuDomain, RcuError, RcuPair, RcuPointer } from "../mod.ts";
import type { Setup } from "./data_test_worker.ts";

const WORKER = import.meta.resolve("./data_test_worker.ts");

function create(debug = false) {
  const arena = Arena.create({ bytes: 1 << 18, debug });
  const domain = RcuDomain.create(arena);
  const words = new Int32Array(new SharedArrayBuffer(32));
  const schedule = Schedule.create();
  const data = {
    arena: arena.handle,
    domain: domain.handle,
    schedule: schedule.buffer,
    words: words.buffer as SharedArrayBuffer,
  };
  return { arena, domain, words, schedule, data };
}

Deno.test("both halves come back, unsigned, in every context", () => {
  const { arena, domain } = create();
  const guard = domain.register().lock();
  const pair = RcuPair.create(arena, 1, 0xffffffff);
  const attached = RcuPair.attach(Arena.attach(arena.handle), pair.offset);
  for (const [first, second] of [[1, 0xffffffff], [0x80000000, 0], [0, 0], [5, 6]] as const) {
    pair.publish(first, second);
    assertEquals([attached.load(guard), attached.second], [first, second]);
  }
  guard.unlock();
});

Deno.test("the second half belongs to the last load of this object", () => {
  const { arena, domain } = create();
  const guard = domain.register().lock();
  const [one, two] = [RcuPair.create(arena, 1, 2), RcuPair.create(arena, 3, 4)];
  one.load(guard);
  two.load(guard);
  assertEquals([one.second, two.second], [2, 4]);
  guard.unlock();
});

Deno.test("debug mode refuses a section that is over", () => {
  const { arena, domain } = create(true);
  const pair = RcuPair.create(arena);
  const guard = domain.register().lock();
  guard.unlock();
  assertThrows(() => pair.load(guard), RcuError, "load a pair");
});

Deno.test("two pointers are read torn when the writer comes between; a pair is not", () =>
  withWorkers(async (workers) => {
    const { arena, schedule, data } = create();
    const [root, table] = [RcuPointer.create(arena, 16), RcuPointer.create(arena, 32)];
    const torn = workers.spawn<Setup>(WORKER, data).call("readBetween", root.offset, table.offset);
    schedule.awaitStep(1);
    root.publish(48);
    table.publish(64);
    schedule.reach(2);
    assertEquals(await torn, [16, 64]);

    const again = create();
    const pair = RcuPair.create(again.arena, 16, 32);
    const whole = workers.spawn<Setup>(WORKER, again.data).call("readPairBetween", pair.offset);
    again.schedule.awaitStep(1);
    pair.publish(48, 64);
    again.schedule.reach(2);
    assertEquals(await whole, [16, 32]);
  }));

Deno.test("a pair is never torn between two writers and a reader (RCU-G8)", () =>
  withWorkers(async (workers) => {
    const { arena, words, data } = create();
    const pair = RcuPair.create(arena, 0, ~0);
    const [one, two] = [0, 1].map(() => workers.spawn<Setup>(WORKER, data));
    const seen = one!.call("readPair", pair.offset);
    const published = two!.call("publishPairs", pair.offset);
    const enough = () => Atomics.load(words, READY) === 2;
    for (const round of rounds(100_000, enough, "the reader and the other writer have begun")) {
      pair.publish(~round, round);
    }
    Atomics.store(words, STOP, 1);
    await published;
    assertEquals(await seen, 0);
  }));
