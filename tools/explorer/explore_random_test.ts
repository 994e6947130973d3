/**
 * The reduction against explorations without it, on random programs: the same memories at the end, and
 * the same faults. Once with explorations that end at the first fault, and once with such that go on.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { explore, type ExploreOptions } from "./explore.ts";
import type { Fault } from "./machine.ts";
import type { MemoryView, Program, Thread } from "./program.ts";
import { again, check, choose, dead, free, run, type Steps } from "./script.ts";
import { t, testKernel } from "./test_kernel.ts";

const RUNS = 400;
const SEED = 7;
const WORDS = 3;
const BLOCK = WORDS * 4;
/** Each thread leaves a digest of what it has seen. */
const DIGESTS = BLOCK + 4;
const THREADS = 3;

/** One operation of a random thread, over word `at`. */
interface Operation {
  readonly kind: number;
  readonly at: number;
  readonly value: number;
  /** Left out if what was seen last is odd. */
  readonly guarded: boolean;
}

const KINDS = 13;

/** A wait that nobody ends, or a step of the explorer's own, by kind. */
function* operate({ kind, at, value }: Operation, seen: number): Steps<number> {
  const word = at * 4;
  switch (kind) {
    case 0:
    case 1:
      return yield* t.load(word);
    case 2:
      yield* t.store(word, value);
      return seen;
    case 3:
      return yield* t.add(word, value);
    case 4:
      return yield* t.cas(word, seen, value);
    case 5:
      return yield* t.wait(word, value, -1);
    case 6:
      return yield* t.wait(word, value, 1);
    case 7:
      return yield* t.notify(word, value);
    case 8:
      return (yield* choose(2)) + seen;
    case 9:
      return Number(yield* dead("thread 0"));
    case 10:
      yield* t.raise(word, value);
      return seen;
    case 11:
      yield* run(until, word, value);
      return seen;
    default:
      return yield* t.load(BLOCK);
  }
}

function* until(word: number, value: number): Steps {
  if ((yield* t.load(word)) < value) return again(until, word, value);
}

/** What kinds of faults may lie in a program besides. */
interface Extras {
  readonly frees: boolean;
  readonly races: boolean;
  readonly checks: boolean;
}

function thread(operations: readonly Operation[], index: number, extras: Extras): Thread {
  function* script(): Steps {
    let [seen, digest] = [0, 0];
    for (const operation of operations) {
      if (operation.guarded && seen % 2 === 1) continue;
      seen = (yield* operate(operation, seen)) as number;
      digest = (digest * 5 + seen) % 1000;
    }
    if (extras.frees && index === 0) yield* free("block");
    if (extras.races && index < 2) yield* t.plainStore(0, index);
    if (extras.checks) check(digest !== 7, "the digest is 7");
    yield* t.store(DIGESTS + index * 4, digest);
  }
  return { name: `thread ${index}`, script, dies: index === 0 };
}

const operation: fc.Arbitrary<Operation> = fc.record({
  kind: fc.nat(KINDS - 1),
  at: fc.nat(WORDS - 1),
  value: fc.nat(2),
  guarded: fc.boolean(),
});

const none = fc.constant({ frees: false, races: false, checks: false });
const some = fc.record({ frees: fc.boolean(), races: fc.boolean(), checks: fc.boolean() });

const operations = fc.array(fc.array(operation, { minLength: 1, maxLength: 4 }), {
  minLength: 2,
  maxLength: THREADS,
});

function programOf(threads: readonly (readonly Operation[])[], extras: Extras): Program {
  return {
    kernel: testKernel,
    bytes: 32,
    blocks: { block: { at: BLOCK, bytes: 4 } },
    threads: threads.map((operations, index) => thread(operations, index, extras)),
  };
}

function ends(program: Program, options: ExploreOptions) {
  const memories = new Set<string>();
  const onEnd = ({ load32 }: MemoryView) => {
    memories.add(Array.from({ length: 8 }, (_, word) => load32(word * 4)).join(" "));
  };
  const { failure, states, steps } = explore(program, { onEnd, shorten: false, ...options });
  return { memories: [...memories].sort(), failure, states, steps };
}

Deno.test("with and without reduction, the same memories at the end and the same verdict", () => {
  let [reduced, full, failures, compared] = [0, 0, 0, 0];
  fc.assert(
    fc.property(operations, fc.oneof(none, some), (threads, extras) => {
      const program = programOf(threads, extras);
      const one = ends(program, {});
      const other = ends(program, { reduce: false });
      assertEquals(one.failure === undefined, other.failure === undefined, other.failure?.says);
      reduced += one.states;
      full += other.states;
      failures += Number(one.failure !== undefined);
      if (one.failure) return;
      compared++;
      assertEquals(one.memories, other.memories);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  console.log(`  ${reduced} states instead of ${full}; ${failures} programs fail, ${compared} end`);
  assert(reduced < full && failures > RUNS / 10 && compared > RUNS / 10);
});

// The ends are not compared here: what an exploration claims of them, it claims of programs without a
// fault. Where a run is cut short by a fault, orders that are equivalent up to there are not any more.
Deno.test("with and without reduction, the same kinds of faults", () => {
  const counts = new Map<string, number>();
  const all = (program: Program, options: ExploreOptions) => {
    const faults = new Set<string>();
    const onFault = ({ kind, says }: Fault) => faults.add(kind === "check" ? says : kind);
    const { failure } = ends(program, { ...options, onFault });
    return [...faults, ...(failure ? [failure.kind] : [])].sort();
  };
  fc.assert(
    fc.property(operations, some, (threads, extras) => {
      const program = programOf(threads, extras);
      const one = all(program, {});
      assertEquals(one, all(program, { reduce: false }));
      for (const fault of one) counts.set(fault, 1 + (counts.get(fault) ?? 0));
    }),
    { numRuns: RUNS, seed: SEED },
  );
  console.log(`  ${[...counts].map(([fault, count]) => `${count} times ${fault}`).join(", ")}`);
  for (const kind of ["race", "use after free", "deadlock", "livelock", "the digest is 7"]) {
    assert(counts.has(kind), `no program has a fault "${kind}"`);
  }
});
