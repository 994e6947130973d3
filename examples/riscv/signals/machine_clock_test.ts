import { withWorkers } from "#tools/testing/workers.ts";
import { Arena } from "@guestmem/rcu";
import { assert, assertEquals } from "@std/assert";
import { CLOCK, MachineClock, TICKS_PER_MS } from "./machine_clock.ts";
import type { Setup } from "./machine_clock_test_worker.ts";

function createClock() {
  const arena = Arena.create({ bytes: 1 << 20 });
  const at = arena.allocate(CLOCK.size, CLOCK.alignment);
  const clock = new MachineClock(arena, at);
  clock.start();
  return { arena, at, clock };
}

Deno.test("the clock starts at 0, and a pause does not count", () => {
  const { clock } = createClock();
  const first = clock.now();
  assert(first >= 0);
  clock.skip(10_000);
  // Ten seconds have not passed: the clock would stand before its start, and stays where it was.
  assertEquals(clock.now(), first);
});

Deno.test("a context whose own clock is behind returns what others have seen", () => {
  const { arena, at, clock } = createClock();
  const seen = clock.now();
  const ahead = seen + 5 * TICKS_PER_MS * 1000;
  Atomics.store(arena.u32, CLOCK.latest.index(at), ahead);
  assertEquals(clock.now(), ahead);
});

Deno.test("the lower half of what was seen runs over", () => {
  const { arena, at, clock } = createClock();
  // As if the machine had run for 2^32 ticks and a bit more.
  clock.skip(-(2 ** 32 + 1000) / TICKS_PER_MS);
  Atomics.store(arena.u32, CLOCK.latest.index(at), 0xffff_fff0);
  const now = clock.now();
  assert(now >= 2 ** 32 + 1000);
  assertEquals(Atomics.load(arena.u32, CLOCK.latest.index(at)), now % 2 ** 32);
});

Deno.test("mtime never runs backwards between workers", () =>
  withWorkers(async (workers) => {
    const { arena, at } = createClock();
    const word = new SharedArrayBuffer(8);
    const url = import.meta.resolve("./machine_clock_test_worker.ts");
    const pair = [0, 1].map((turn) =>
      workers.spawn<Setup>(url, { arena: arena.handle, at, word, turn, rounds: 2000 })
    );
    assertEquals(await Promise.all(pair.map((worker) => worker.call("compare"))), [0, 0]);
  }));
