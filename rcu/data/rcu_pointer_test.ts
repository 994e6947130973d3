import { Schedule } from "#tools/testing/schedule.ts";
import { rounds } from "#tools/testing/until.ts";
import { withWorkers } from "#tools/testing/workers.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { READY, STOP } from "../testdata/shared_words.ts";
import { Arena, ArenaExhaustedError, RcuDomain, RcuError, RcuPointer } from "../mod.ts";
import type { Setup } from "./data_test_worker.ts";

const WORKER = import.meta.resolve("./data_test_worker.ts");

function create(debug = false) {
  const arena = Arena.create({ bytes: 1 << 18, debug });
  const domain = RcuDomain.create(arena, { maxDeferred: 64 });
  const words = new Int32Array(new SharedArrayBuffer(32));
  const data = {
    arena: arena.handle,
    domain: domain.handle,
    schedule: Schedule.create().buffer,
    words: words.buffer as SharedArrayBuffer,
  };
  return { arena, domain, words, data };
}

Deno.test("publish, exchange and dereference", () => {
  const { arena, domain } = create();
  const reader = domain.register();
  const [one, two] = [arena.allocate(16), arena.allocate(16)];
  const pointer = RcuPointer.create(arena, one);
  const attached = RcuPointer.attach(Arena.attach(arena.handle), pointer.offset);
  const guard = reader.lock();
  assertEquals(attached.dereference(guard), one);
  pointer.publish(two);
  assertEquals(attached.dereference(guard), two);
  assertEquals(attached.exchange(0), two);
  assertEquals(pointer.dereference(guard), 0);
  guard.unlock();
});

Deno.test("offsets are unsigned", () => {
  const { arena, domain } = create();
  const pointer = RcuPointer.create(arena, 0xfffffff0);
  const guard = domain.register().lock();
  assertEquals(pointer.dereference(guard), 0xfffffff0);
  guard.unlock();
  assertEquals(pointer.exchange(0x80000000), 0xfffffff0);
  assertEquals(pointer.exchange(0), 0x80000000);
});

Deno.test("a pointer that the arena has no room for is an error and takes nothing", () => {
  const { arena } = create();
  assertThrows(() => {
    for (;;) arena.allocate(64);
  }, ArenaExhaustedError);
  assertThrows(() => {
    for (;;) RcuPointer.create(arena);
  }, ArenaExhaustedError);
  arena.checkHeap();
});

Deno.test("debug mode refuses a section that is over", () => {
  const { arena, domain } = create(true);
  const pointer = RcuPointer.create(arena);
  const guard = domain.register().lock();
  guard.unlock();
  assertThrows(() => pointer.dereference(guard), RcuError, "dereference");
});

for (const call of ["readPointer", "readWord"] as const) {
  Deno.test(`readers in two workers see every block as it was published (RCU-G2, ${call})`, () =>
    withWorkers(async (workers) => {
      const { arena, domain, words, data } = create(true);
      const fresh = (): number => {
        const block = arena.allocate(48);
        arena.u32[block / 4] = block; // and its complement: a reused or poisoned block shows
        arena.u32[block / 4 + 1] = ~block;
        return block;
      };
      const pointer = RcuPointer.create(arena, fresh());
      const seen = [0, 1].map(() => workers.spawn<Setup>(WORKER, data).call(call, pointer.offset));
      const enough = () => Atomics.load(words, READY) === 2;
      for (const _ of rounds(3000, enough, "both readers have looked often")) {
        domain.deferFree(pointer.exchange(fresh()));
      }
      Atomics.store(words, STOP, 1);
      assertEquals(await Promise.all(seen), [0, 0]);
      domain.barrier();
      arena.checkHeap();
    }));
}
