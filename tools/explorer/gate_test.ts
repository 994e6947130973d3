import { assert, assertEquals, assertThrows } from "@std/assert";
import { decode } from "./decode.ts";
import { assemble } from "./encode.ts";
import { type Exploration, Gate, type Judged } from "./gate.ts";
import { reportOf } from "./gate_report.ts";
import { mutants } from "./mutate.ts";
import type { Program } from "./program.ts";
import { calls, check, type Steps } from "./script.ts";

interface Counter {
  count(at: number): number;
  idle(): void;
}

const counter = decode(assemble({
  count: {
    params: "i",
    results: "i",
    body: "local.get 0 i32.const 1 i32.atomic.rmw.add 0 i32.const 1 i32.add",
  },
  idle: { body: "i32.const 1 drop" },
}));
const k = calls<Counter>(counter);

function* countTwice(): Steps {
  const first = yield* k.count(8);
  check((yield* k.count(8)) > first, "the counter rises");
}

const together = {
  name: "two threads count",
  program: {
    kernel: counter,
    bytes: 16,
    threads: [{ name: "a", script: countTwice }, { name: "b", script: countTwice }],
    atEnd: ({ load32 }: { load32(at: number): number }) =>
      check(load32(8) === 4, "all are counted"),
  },
};

Deno.test("each mutant that is executed and is not equivalent is caught; the others are listed", () => {
  const judged = [...new Gate(counter, [together]).judge()];
  const open = judged.filter(({ verdict }) => verdict !== "caught");
  assertEquals(open.map(({ name, verdict }) => `${verdict}: ${name}`), [
    "survives: count: i32.const 1 -> 2 (2)",
    "survives: count: i32.const 1 -> 0 (2)",
    "survives: count: i32.add -> i32.sub",
    "not executed: idle: i32.const 1 -> 2",
    "not executed: idle: i32.const 1 -> 0",
  ]);
  const plain = judged.find(({ name }) => name === "count: i32.atomic.rmw.add made plain");
  assertEquals(plain?.by, "two threads count: race");
});

Deno.test("a mistake that a weak exploration lets through is open", () => {
  const { atEnd: _, ...program } = together.program;
  const weak = { name: "two threads count, and nobody looks", program };
  const openWith = (exploration: Exploration) => {
    const judged = [...new Gate(counter, [exploration]).judge()];
    return reportOf(judged, {}).open;
  };
  const mistake = "survives: count: i32.const 1 -> 2";
  assert(openWith(weak).includes(mistake));
  assert(!openWith(together).includes(mistake));
});

/** The verdict on a function that counts up where it should count down, in some threads. */
function neverEnds(threads: number, access: string): Judged | undefined {
  const kernel = decode(assemble({
    spin: {
      params: "i",
      body: `loop void
        local.get 0 if void ${access} local.get 0 i32.const 1 i32.sub local.set 0 br 1 end
      end i32.const 8 i32.const 1 i32.atomic.store 0`,
    },
  }));
  const { spin } = calls<{ spin(count: number): void }>(kernel);
  function* script(): Steps {
    yield* spin(3);
  }
  const program: Program = {
    kernel,
    bytes: 16,
    threads: Array.from({ length: threads }, (_, number) => ({ name: `${number}`, script })),
  };
  const names = [...mutants(kernel)].map(({ name }) => name);
  const wanted = names.indexOf("spin: i32.sub -> i32.add");
  const gate = new Gate(kernel, [{ name: "spin", program }]);
  return [...gate.judge((_, number) => number === wanted)][0];
}

Deno.test("a mutant that runs for ever is caught; with several threads and accesses it is undecided", () => {
  const load = "i32.const 12 i32.atomic.load 0 drop";
  assertEquals(neverEnds(1, "")?.by, "spin: trap");
  assertEquals(neverEnds(2, "")?.by, "spin: trap");
  assertEquals(neverEnds(1, load)?.by, "spin: it runs on and on");
  const undecided = neverEnds(2, load)!;
  assertEquals(undecided.verdict, "undecided");
  assertEquals(reportOf([undecided], {}).open, ["undecided: spin: i32.sub -> i32.add (spin)"]);
});

Deno.test("a verdict is taken from the cache if neither function nor explorations have changed", () => {
  const cache = new Map<string, Judged>();
  const first = [...new Gate(counter, [together]).judge(undefined, cache)];
  assertEquals(cache.size, first.length);
  const before = [...cache.keys()];
  assertEquals([...new Gate(counter, [together]).judge(undefined, cache)], first);
  const more = { ...together, name: "another" };
  [...new Gate(counter, [together, more]).judge(undefined, cache)];
  assert(cache.size > before.length);
});

Deno.test("an exploration that does not end as it should is an error before any mutant runs", () => {
  const wrong = { ...together, fails: "deadlock" as const };
  assertThrows(() => new Gate(counter, [wrong]), Error, "two threads count");
});

Deno.test("the report has what is open, what is listed, and what is listed too much", () => {
  const judged: Judged[] = [
    { name: "f: a", verdict: "caught", by: "x", milliseconds: 1 },
    { name: "f: b", verdict: "survives", milliseconds: 1 },
    { name: "f: c", verdict: "undecided", by: "y", milliseconds: 1 },
    { name: "f: d", verdict: "caught", by: "z", milliseconds: 1 },
  ];
  const report = reportOf(judged, { "f: b": "why", "f: d": "why", "f: e": "why", "g: f": "why" });
  assertEquals(report, {
    counts: { "caught": 2, "undecided": 1, "survives": 1, "not executed": 0 },
    equivalent: 1,
    open: ["undecided: f: c (y)"],
    stale: ["f: d: is caught by z", "f: e: no such mutant"],
  });
});
