/** The exploration against a slow and obvious one, on random programs without flow. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Access, computed, explore, type Memory, type Program, type Row } from "./mod.ts";

interface Small {
  readonly access: "load" | "store" | "add";
  readonly word: "x" | "y" | "z";
  readonly value: number;
  readonly plain: boolean;
}

const small: fc.Arbitrary<Small> = fc.record({
  access: fc.constantFrom("load", "store", "add"),
  word: fc.constantFrom("x", "y", "z"),
  value: fc.integer({ min: 1, max: 3 }),
  plain: fc.boolean(),
}).map((step) => step.access === "add" ? { ...step, plain: false } as Small : step as Small);

/** The rules of the weaker model, said again: may `later` come first? */
function maySwap(earlier: Small, later: Small, others: readonly Small[]): boolean {
  if (earlier.word === later.word || !(earlier.plain || later.plain)) return false;
  const stored = others.some((step) => step.word === earlier.word && step.access !== "load");
  const acquires = !earlier.plain && earlier.access !== "store" && stored;
  return !acquires && (later.plain || later.access === "load");
}

/** Every order of the steps whose inversions are all allowed. */
function orders(steps: readonly Small[], others: readonly Small[]): number[][] {
  const all = (rest: number[]): number[][] => {
    if (rest.length === 0) return [[]];
    return rest.flatMap((first, index) => {
      const passed = rest.slice(0, index);
      if (!passed.every((step) => maySwap(steps[step]!, steps[first]!, others))) return [];
      return all(rest.toSpliced(index, 1)).map((tail) => [first, ...tail]);
    });
  };
  return all(steps.map((_, index) => index));
}

/** What two threads can see: the loaded values, a digit for each step. */
function outcomes(threads: readonly [Small[], Small[]], memory: Memory): Set<string> {
  const found = new Set<string>();
  const [left, right] = threads.map((steps, index) =>
    memory === "sc" ? [steps.map((_, step) => step)] : orders(steps, threads[1 - index]!)
  );
  const run = (pending: number[][], words: Record<string, number>, saw: number[][]): void => {
    if (pending.every((steps) => steps.length === 0)) found.add(saw.flat().join(""));
    pending.forEach(([step, ...rest], thread) => {
      if (step === undefined) return;
      const { access, word, value } = threads[thread]![step]!;
      const held = words[word]!;
      const now = access === "load" ? held : access === "store" ? value : (held + value) % 10;
      const seen = saw.map((own) => [...own]);
      if (access !== "store") seen[thread]![step] = held;
      run(pending.with(thread, rest), { ...words, [word]: now }, seen);
    });
  };
  const blank = threads.map((steps) => steps.map(() => 0));
  for (const l of left!) for (const r of right!) run([l, r], { x: 0, y: 0, z: 0 }, blank);
  return found;
}

/** A program that fails if the threads can see exactly `outcome`. */
function asks(threads: readonly [Small[], Small[]], outcome: string): Program {
  const body = (steps: Small[], thread: number): Row[] => [
    ...steps.map(({ access, word, value, plain }, step): Access => ({
      ...{ access, width: 32, word },
      ...(access !== "load" && { value }),
      ...(plain && { plain: true }),
      ...(access !== "store" && { into: `r${step}` }),
    })),
    ...steps.map((_, step): Access => ({
      ...{ access: "store", width: 32, word: "saw", at: thread * 3 + step },
      value: steps[step]!.access === "store" ? 0 : `r${step}`,
    })),
    { access: "add", width: 32, word: "done", value: 1, into: "before" },
    { jump: "end", when: computed(["before"], (before) => before === 0) },
    ...[0, 1, 2, 3, 4, 5].map((at): Access => {
      return { access: "load", width: 32, word: "saw", at, into: `s${at}` };
    }),
    {
      check: computed(["s0", "s1", "s2", "s3", "s4", "s5"], (...saw) => saw.join("") !== outcome),
      says: "seen",
    },
    { label: "end" },
  ];
  return {
    words: { x: 0, y: 0, z: 0, saw: [0, 0, 0, 0, 0, 0], done: 0 },
    threads: threads.map((steps, thread) => ({ name: `${thread}`, body: body(steps, thread) })),
  };
}

for (const memory of ["sc", "weak"] as const) {
  Deno.test(`explore finds exactly the outcomes of the obvious search, ${memory}`, () => {
    const thread = fc.array(small, { minLength: 3, maxLength: 3 });
    let possible = 0;
    let impossible = 0;
    fc.assert(
      fc.property(fc.tuple(thread, thread), (threads) => {
        const weak = outcomes(threads, "weak");
        const own = outcomes(threads, memory);
        for (const outcome of weak) {
          const seen = explore(asks(threads, outcome), memory).failure?.says === "seen";
          assertEquals(seen, own.has(outcome), outcome);
          if (seen) possible++;
          else impossible++;
        }
        const never = "999999";
        assertEquals(explore(asks(threads, never), memory).failure, undefined);
      }),
      { seed: 1, numRuns: 150 },
    );
    console.log(`  ${possible} outcomes found, ${impossible} of the weaker model's ruled out`);
    assertEquals(impossible > 0, memory === "sc");
  });
}
