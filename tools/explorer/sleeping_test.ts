/** Lost wake-ups, livelocks and time-outs, each with the same program without the mistake. */

import { assert, assertEquals } from "@std/assert";
import { explore } from "./explore.ts";
import { DATA, outcome, X, Y } from "./explore_scripts.ts";
import type { Program } from "./program.ts";
import { again, type Script, type Steps } from "./script.ts";
import { t, testKernel } from "./test_kernel.ts";

function* storeX(): Steps {
  yield* t.store(X, 1);
}

Deno.test("a lost wake-up: the notify comes before the sleep, unless the word has changed", () => {
  function* sleep(): Steps {
    yield* t.wait(X, 0, -1);
  }
  const wake = (changes: boolean): Script =>
    function* () {
      if (changes) yield* t.store(X, 1);
      yield* t.notify(X, 1);
    };
  assertEquals(outcome([sleep, wake(true)]).failure, undefined);
  assertEquals(outcome([sleep, wake(false)]).failure, {
    kind: "deadlock",
    says: "no thread can move: a would sleep for ever",
    trace: ["b: notify: notify x, wakes nobody", "a: wait: sleeps on x = 0"],
  });
});

Deno.test("a sleep ends by a notify, by another value or by its time; a script sees which", () => {
  const results = new Set<number>();
  function* sleep(nanoseconds: number): Steps {
    const result = yield* t.wait(X, 0, nanoseconds);
    yield* t.store(DATA, result + 1);
  }
  function* wake(): Steps {
    yield* t.store(X, 1);
    yield* t.notify(X, -1);
  }
  const program = (nanoseconds: number): Program => ({
    kernel: testKernel,
    bytes: 32,
    threads: [
      { name: "a", script: sleep, args: [nanoseconds] },
      { name: "b", script: wake },
    ],
  });
  const all = (nanoseconds: number) => {
    results.clear();
    explore(program(nanoseconds), { onEnd: ({ load32 }) => results.add(load32(DATA) - 1) });
    return [...results].sort();
  };
  assertEquals(all(-1), [0, 1]);
  assertEquals(all(5), [0, 1, 2]);
});

Deno.test("a notify that wakes one of two may wake either", () => {
  const woken = new Set<number>();
  const sleep = (at: number): Script =>
    function* () {
      if ((yield* t.wait(X, 0, -1)) === 0) yield* t.store(at, 1);
      yield* t.notify(X, 1);
    };
  function* wake(): Steps {
    yield* t.notify(X, 1);
    if ((yield* t.load(Y)) + (yield* t.load(DATA)) === 0) return again(wake);
  }
  const threads = [sleep(Y), sleep(DATA), wake].map((script, index) => {
    return { name: "abc"[index]!, script };
  });
  explore({ kernel: testKernel, bytes: 32, threads }, {
    onEnd: ({ load32 }) => woken.add(load32(Y) + 2 * load32(DATA)),
  });
  assert(woken.has(3));
});

Deno.test("a loop that nobody ends is a livelock, one that somebody ends is none", () => {
  function* spin(): Steps {
    if ((yield* t.load(X)) === 0) return again(spin);
  }
  assertEquals(outcome([spin, storeX]).failure, undefined);
  const failure = outcome([spin]).failure!;
  assertEquals([failure.kind, failure.trace], ["livelock", []]);
});

Deno.test("a state that only a death would end is a livelock", () => {
  function* spin(): Steps {
    yield* t.load(X);
    return again(spin);
  }
  const threads = [{ name: "a", script: spin, dies: true }];
  assertEquals(outcome([], { threads }).failure?.kind, "livelock");
});

Deno.test("threads may sleep in the end where a program says so; a livelock is one all the same", () => {
  function* sleep(): Steps {
    yield* t.wait(X, 0, -1);
  }
  function* spin(): Steps {
    yield* t.load(X);
    return again(spin);
  }
  assertEquals(outcome([sleep], { mayEndAsleep: true }).failure, undefined);
  assertEquals(outcome([sleep, spin], { mayEndAsleep: true }).failure?.kind, "livelock");
});
