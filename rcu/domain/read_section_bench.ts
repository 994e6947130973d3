/**
 * What a read-side section costs: enter, dereference a pointer, read a word of the block, leave;
 * against plain JavaScript `Atomics`, a reader-writer lock and a mutex, and for QSBR against the
 * dereference alone.
 *
 * An iteration is a million sections, so milliseconds per iteration read as nanoseconds per section.
 * Each case runs in its own worker: a method that V8 has seen with several readers or kernels
 * is several times slower, which no user with one reader meets.
 */

import { TestWorkers } from "#tools/testing/workers.ts";
import { Arena, RcuDomain, RcuPointer } from "@guestmem/rcu";
import type { Setup } from "./read_section_test_worker.ts";

const SECTIONS = 1_000_000;
const arena = Arena.create({ bytes: 1 << 20 });
const data = {
  arena: arena.handle,
  domain: RcuDomain.create(arena).handle,
  cell: RcuPointer.create(arena, arena.allocate(64)).offset,
  locks: arena.allocate(512, 64),
};
const workers = new TestWorkers();

/** A case: its own `count` workers run the same loop at once. */
function bench(
  group: string,
  name: string,
  loop: keyof ReturnType<Setup>,
  { each = 1000, count = 1, baseline = false } = {},
): void {
  const start = (_: unknown, index: number) =>
    workers.spawn<Setup>(import.meta.resolve("./read_section_test_worker.ts"), { ...data, index });
  let crew: ReturnType<typeof start>[] | undefined;
  Deno.bench({
    name,
    group,
    baseline,
    fn: async () => {
      crew ??= Array.from({ length: count }, start);
      await Promise.all(crew.map((worker) => worker.call(loop, SECTIONS, each)));
    },
  });
}

const ONE = "one reader";
bench(ONE, "plain Atomics", "atomics", { baseline: true });
bench(ONE, "reader-writer lock", "rwlock");
bench(ONE, "mutex", "mutex");
bench(ONE, "memb: lock, dereference, unlock", "memb");
bench(ONE, "memb: readWord", "fused");

const QSBR = "QSBR";
bench(QSBR, "dereference without a domain", "dereference", { baseline: true });
bench(QSBR, "quiescent() after 1,000 sections", "qsbr");
bench(QSBR, "quiescent() after 16 sections", "qsbr", { each: 16 });
bench(QSBR, "quiescent() after each section", "qsbr", { each: 1 });

const TWO = "two readers at once";
bench(TWO, "plain Atomics", "atomics", { count: 2, baseline: true });
bench(TWO, "reader-writer lock", "rwlock", { count: 2 });
bench(TWO, "mutex", "mutex", { count: 2 });
bench(TWO, "memb: lock, dereference, unlock", "memb", { count: 2 });
bench(TWO, "QSBR: quiescent() after 1,000 sections", "qsbr", { count: 2 });
