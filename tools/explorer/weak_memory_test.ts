/** What racing words can do beyond sequential consistency, and what they cannot. */

import { assertEquals, assertThrows } from "@std/assert";
import { explore } from "./explore.ts";
import type { Program, Thread } from "./program.ts";
import { check, type Script, type Steps } from "./script.ts";
import { t, testKernel } from "./test_kernel.ts";

const [X, Y, LEFT, RIGHT] = [0, 4, 8, 12] as const;

/** What two threads can see, as the digits of "left right"; words x and y may race. */
function outcomes(
  left: () => Steps<number>,
  right: () => Steps<number>,
  racing: readonly number[] = [X, Y],
): string[] {
  const seen = new Set<string>();
  const noting = (script: () => Steps<number>, at: number): Script =>
    function* () {
      const value = (yield* script()) as number;
      yield* t.store(at, value);
    };
  const program: Program = {
    kernel: testKernel,
    bytes: 16,
    threads: [
      { name: "left", script: noting(left, LEFT) },
      { name: "right", script: noting(right, RIGHT) },
    ],
    mayRace: (address) => racing.includes(address),
  };
  const { failure } = explore(program, {
    onEnd: ({ load32 }) => seen.add(`${load32(LEFT)} ${load32(RIGHT)}`),
  });
  assertEquals(failure, undefined, failure?.trace.join("\n"));
  return [...seen].sort();
}

Deno.test("store buffering: a plain store lingers past an atomic load, and a plain load is early", () => {
  function* atomic(): Steps<number> {
    yield* t.store(Y, 1);
    return yield* t.load(X);
  }
  function* plainStore(): Steps<number> {
    yield* t.plainStore(X, 1);
    return yield* t.load(Y);
  }
  function* plainLoad(): Steps<number> {
    yield* t.store(X, 1);
    return yield* t.plainLoad(Y);
  }
  function* both(): Steps<number> {
    yield* t.store(X, 1);
    return yield* t.load(Y);
  }
  assertEquals(outcomes(both, atomic), ["0 1", "1 0", "1 1"]);
  assertEquals(outcomes(plainStore, atomic), ["0 0", "0 1", "1 0", "1 1"]);
  assertEquals(outcomes(plainLoad, atomic), ["0 0", "0 1", "1 0", "1 1"]);
});

function* publish(): Steps<number> {
  yield* t.plainStore(X, 1);
  yield* t.store(Y, 1);
  return 0;
}

Deno.test("message passing: an atomic flag brings the data along, a plain one does not", () => {
  function* publishPlainly(): Steps<number> {
    yield* t.plainStore(X, 1);
    yield* t.plainStore(Y, 1);
    return 0;
  }
  /** 1 if the flag is seen without the data. */
  const receive = (flag: typeof t.load) =>
    function* (): Steps<number> {
      if ((yield* flag(Y)) === 0) return 0;
      return 1 - (yield* t.plainLoad(X));
    };
  assertEquals(outcomes(publish, receive(t.load)), ["0 0"]);
  assertEquals(outcomes(publishPlainly, receive(t.plainLoad)), ["0 0", "0 1"]);
});

Deno.test("a word never goes back for one thread, and its own store is seen at once", () => {
  function* twice(): Steps<number> {
    yield* t.store(RIGHT, 0);
    const first = yield* t.plainLoad(X);
    const second = yield* t.plainLoad(X);
    return Number(second < first);
  }
  function* count(): Steps<number> {
    yield* t.plainStore(X, 1);
    yield* t.store(Y, 1);
    yield* t.plainStore(X, 2);
    return 0;
  }
  assertEquals(outcomes(count, twice), ["0 0"]);
  function* own(): Steps<number> {
    yield* t.plainStore(X, 5);
    return yield* t.plainLoad(X);
  }
  function* nothing(): Steps<number> {
    return yield* t.load(LEFT);
  }
  assertEquals(outcomes(own, nothing), ["5 0", "5 5"]);
});

Deno.test("after an atomic load, nothing older is seen; an atomic store does not do that", () => {
  const look = (between: () => Steps<number>) =>
    function* (): Steps<number> {
      yield* t.store(RIGHT, 0);
      const flag = yield* t.load(Y);
      yield* between();
      return flag === 1 ? 1 + (yield* t.plainLoad(X)) : 0;
    };
  function* storesOnly(): Steps<number> {
    yield* t.store(RIGHT, 0);
    return 0;
  }
  assertEquals(outcomes(publish, look(storesOnly)), ["0 0", "0 2"]);
});

Deno.test("a store that lingers is lost with its thread, or comes before", () => {
  function* dies(): Steps {
    yield* t.plainStore(X, 1);
    yield* t.load(Y);
    yield* t.store(Y, 1);
  }
  function* idle(): Steps {
    yield* t.plainLoad(X);
  }
  const threads: Thread[] = [{ name: "a", script: dies, dies: true }, { name: "b", script: idle }];
  const seen = new Set<string>();
  explore({ kernel: testKernel, bytes: 16, threads, mayRace: (at) => at === X }, {
    onEnd: ({ load32 }) => seen.add(`${load32(X)} ${load32(Y)}`),
  });
  assertEquals([...seen].sort(), ["0 0", "1 0", "1 1"]);
});

Deno.test("the trace of a failure shows what lingers and what is early", () => {
  function* left(): Steps {
    yield* t.plainStore(X, 1);
    check((yield* t.load(Y)) + (yield* t.load(RIGHT)) > 0, "neither sees the other");
  }
  function* right(): Steps {
    yield* t.store(Y, 1);
    const seen = yield* t.plainLoad(X);
    yield* t.store(RIGHT, seen);
  }
  const program = {
    kernel: testKernel,
    bytes: 16,
    threads: [{ name: "a", script: left }, { name: "b", script: right }],
    mayRace: (at: number) => at === X,
  };
  const { failure } = explore(program);
  assertEquals(failure?.kind, "check");
  assertEquals(failure?.trace, [
    "a: plainStore: plain store 4 bytes at 0 lingers with 1",
    "a: load: load 4 bytes at 4 = 0",
    "a: load: load 4 bytes at 12 = 0",
  ]);
});

Deno.test("load buffering is refused: a thread that reads one racing word and then writes another", () => {
  const copy = (from: number, store: typeof t.store) =>
    function* (to = X + Y - from): Steps<number> {
      const seen = yield* t.plainLoad(from);
      yield* store(to, 1);
      return seen;
    };
  for (const store of [t.plainStore, t.store]) {
    assertThrows(() => outcomes(copy(X, store), copy(Y, store)), RangeError, "a late load");
  }
});
