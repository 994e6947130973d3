import { assert, assertEquals, assertThrows } from "@std/assert";
import { decode } from "./decode.ts";
import { assemble } from "./encode.ts";
import { Gate, type Judged } from "./gate.ts";
import { reportOf } from "./gate_report.ts";
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
