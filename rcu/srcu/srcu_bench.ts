/**
 * What an SRCU section costs, against the same accesses in plain JavaScript `Atomics` and against a
 * section of the memory-barrier flavour, which must not span an await. What its grace periods cost is
 * in `rcu/grace_period/grace_period_bench.ts`.
 *
 * An iteration is a million sections, so milliseconds per iteration read as nanoseconds per section.
 * Each case runs in its own worker, since V8 slows down a method that it has seen with several
 * readers.
 */

import { TestWorkers } from "#tools/testing/workers.ts";
import { Arena, RcuDomain, RcuPointer, Srcu } from "@guestmem/rcu";
import type { Setup } from "./srcu_section_test_worker.ts";

const SECTIONS = 1_000_000;
const arena = Arena.create({ bytes: 1 << 20 });
const data = {
  arena: arena.handle,
  rcu: RcuDomain.create(arena).handle,
  srcu: Srcu.create(arena).handle,
  cell: RcuPointer.create(arena, arena.allocate(64)).offset,
  counts: arena.allocate(128, 64),
};
const workers = new TestWorkers();
const start = () =>
  workers.spawn<Setup>(import.meta.resolve("./srcu_section_test_worker.ts"), data);
type Handle = ReturnType<typeof start>;

function bench(name: string, baseline: boolean, run: (worker: Handle) => Promise<unknown>): void {
  let worker: Handle | undefined;
  const fn = async () => void await run(worker ??= start());
  Deno.bench({ name, group: "section", baseline, fn });
}

bench("plain Atomics", true, (worker) => worker.call("atomics", SECTIONS));
bench("Srcu", false, (worker) => worker.call("read", "srcu", SECTIONS));
bench("RcuDomain, memb", false, (worker) => worker.call("read", "memb", SECTIONS));
