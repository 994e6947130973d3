/** Each detector with a planted mistake, and the same program without it. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { explore, type Outcome } from "./explore.ts";
import { nameWords } from "./names.ts";
import type { Program, Thread } from "./program.ts";
import {
  again,
  allocate,
  check,
  choose,
  dead,
  free,
  run,
  type Script,
  type Steps,
} from "./script.ts";
import { t, testKernel } from "./test_kernel.ts";

const [X, Y, DATA, BLOCK] = [0, 4, 8, 16] as const;

/** Explores scripts as threads `a`, `b`, `c`. */
function outcome(scripts: readonly Script[], more: Partial<Program> = {}, limit?: number): Outcome {
  const threads = scripts.map((script, index): Thread => ({ name: "abc"[index]!, script }));
  const nameOf = nameWords([["x", 4, X], ["y", 4, Y], ["data", 4, DATA], ["block", 8, BLOCK]]);
  const program = { kernel: testKernel, bytes: 32, nameOf, threads, ...more };
  return explore(program, limit === undefined ? {} : { limit });
}

function* storeX(): Steps {
  yield* t.store(X, 1);
}

Deno.test("store buffering: sequential consistency lets one of two see the other", () => {
  const side = (own: number, other: number): Script =>
    function* () {
      yield* t.store(own, 1);
      const seen = yield* t.load(other);
      yield* t.store(own === X ? DATA : BLOCK, seen + 1);
    };
  const both = new Set<string>();
  const program: Program = {
    kernel: testKernel,
    bytes: 32,
    threads: [
      { name: "a", script: side(X, Y) },
      { name: "b", script: side(Y, X) },
    ],
  };
  const { failure } = explore(program, {
    onEnd: ({ load32 }) => both.add(`${load32(DATA) - 1} ${load32(BLOCK) - 1}`),
  });
  assertEquals(failure, undefined);
  assertEquals([...both].sort(), ["0 1", "1 0", "1 1"]);
});

Deno.test("a failed check is reported with the shortest trace that leads to it", () => {
  const { failure } = outcome([
    function* () {
      yield* t.store(Y, 7);
      const old = yield* t.add(X, 1);
      check(old === 0, "x was not 0");
    },
    storeX,
  ]);
  assertEquals(failure, {
    kind: "check",
    says: "x was not 0",
    trace: ["a: store: store y 0 -> 7", "b: store: store x 0 -> 1", "a: add: add x 1 -> 2"],
  });
});

Deno.test("a lost update is found, an atomic addition loses nothing", () => {
  const end = {
    atEnd: ({ load32 }: { load32(at: number): number }) => check(load32(X) === 2, "lost"),
  };
  function* split(): Steps {
    yield* t.store(X, (yield* t.load(X)) + 1);
  }
  function* whole(): Steps {
    yield* t.add(X, 1);
  }
  function* loop(): Steps {
    const seen = yield* t.load(X);
    if ((yield* t.cas(X, seen, seen + 1)) !== seen) return again(loop);
  }
  assertEquals(outcome([split, split], end).failure?.says, "lost");
  assertEquals(outcome([whole, whole], end).failure, undefined);
  assertEquals(outcome([loop, loop], end).failure, undefined);
});

Deno.test("an invariant is checked in every state", () => {
  const equal = {
    invariant: ({ load32 }: { load32(at: number): number }) =>
      check(load32(X) === load32(Y), "x and y differ"),
  };
  function* both(): Steps {
    yield* t.store(X, 1);
    yield* t.store(Y, 1);
  }
  assertEquals(outcome([both, both]).failure, undefined);
  const { failure } = outcome([both, both], equal);
  assertEquals([failure?.says, failure?.trace.length], ["x and y differ", 1]);
});

function* send(): Steps {
  yield* t.plainStore(DATA, 1);
  yield* t.store(X, 1);
}

Deno.test("a race: plain data is published by an atomic flag, not by a plain one", () => {
  function* receive(): Steps {
    if ((yield* t.load(X)) === 0) return;
    check((yield* t.plainLoad(DATA)) === 1, "data missing");
  }
  function* early(): Steps {
    yield* t.plainLoad(DATA);
  }
  assertEquals(outcome([send, receive]).failure, undefined);
  const { failure } = outcome([send, early]);
  assertEquals(failure, {
    kind: "race",
    says: "a data race",
    trace: ["a: plainStore: next, plain store data", "b: plainLoad: next, plain load data"],
  });
  const listed = { mayRace: (address: number) => address === DATA };
  assertEquals(outcome([send, early], listed).failure, undefined);
});

Deno.test("a race that no run shows side by side at first: the flag is read but not waited for", () => {
  function* receive(): Steps {
    yield* t.load(X);
    yield* t.plainLoad(DATA);
  }
  assertEquals(outcome([send, receive]).failure?.kind, "race");
});

Deno.test("an atomic and a plain access race, and so do atomics of different widths", () => {
  function* plain(): Steps {
    yield* t.plainLoad(X);
  }
  assertEquals(outcome([storeX, plain]).failure?.kind, "race");
  function* fill(): Steps {
    yield* t.fill(X, 0, 8);
  }
  assertEquals(outcome([storeX, fill]).failure?.kind, "race");
  function* copy(): Steps {
    yield* t.copy(DATA, X, 4);
  }
  assertEquals(outcome([storeX, copy]).failure?.kind, "race");
});

Deno.test("a death orders what was done before it: who has learned of it races with nothing", () => {
  function* owner(): Steps {
    yield* t.plainStore(DATA, 1);
    yield* t.store(X, 1);
  }
  function* adopt(): Steps {
    if (!(yield* dead("a"))) return again(adopt);
    yield* t.plainStore(DATA, 2);
  }
  function* rash(): Steps {
    yield* t.plainStore(DATA, 2);
  }
  const threads = (adopter: Script): readonly Thread[] => [
    { name: "a", script: owner, dies: true },
    { name: "b", script: adopter },
  ];
  const program = (adopter: Script) => outcome([], { threads: threads(adopter) }).failure?.kind;
  // If the owner does not die, the adopter waits for ever; it must not race.
  assertEquals(program(adopt), "livelock");
  assertEquals(program(rash), "race");
});

Deno.test("death: a lock whose holder dies is never free again, unless somebody learns of it", () => {
  function* hold(): Steps {
    if ((yield* t.cas(X, 0, 1)) !== 0) return again(hold);
    yield* t.store(X, 0);
  }
  function* take(): Steps {
    if ((yield* t.cas(X, 0, 2)) !== 0) return again(take);
    yield* t.store(X, 0);
  }
  function* give(): Steps {
    yield* t.store(X, 0);
  }
  function* takeOver(): Steps {
    const holder = yield* t.cas(X, 0, 2);
    if (holder === 0) return yield* run(give);
    if (yield* dead("a")) yield* t.cas(X, 1, 0);
    return again(takeOver);
  }
  const program = (script: Script, dies: boolean) =>
    outcome([], { threads: [{ name: "a", script: hold, dies }, { name: "b", script }] }).failure;
  assertEquals(program(take, false), undefined);
  const failure = program(take, true)!;
  assertEquals(failure.kind, "livelock");
  assert(failure.trace.includes("a dies"), failure.trace.join("\n"));
  assertEquals(program(takeOver, true), undefined);
});

const blocks = { block: { at: BLOCK, bytes: 8 } };

Deno.test("a use after free is found in whatever order it happens", () => {
  function* use(): Steps {
    yield* t.load(BLOCK + 4);
  }
  function* giveBack(): Steps {
    yield* free("block");
  }
  const { failure } = outcome([use, giveBack], { blocks });
  assertEquals(failure, {
    kind: "use after free",
    says: "an access to block block, which is freed",
    trace: ["b: frees block", "a: load: load block+4 = 0"],
  });
  function* reuse(): Steps {
    yield* free("block");
    yield* allocate("block");
  }
  assertEquals(outcome([use], { blocks }).failure, undefined);
  assertEquals(outcome([use, reuse], { blocks }).failure?.kind, "use after free");
  assertEquals(outcome([reuse], { blocks }).failure, undefined);
});

Deno.test("a double free, and an allocation of what is in use, are found", () => {
  function* twice(): Steps {
    yield* free("block");
  }
  assertEquals(outcome([twice, twice], { blocks }).failure?.says, "block block is freed twice");
  function* take(): Steps {
    yield* allocate("block");
  }
  const says = "block block is allocated while it is in use";
  assertEquals(outcome([take], { blocks }).failure?.says, says);
});

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

Deno.test("more states than the limit are a failure, never a pass", () => {
  function* count(): Steps {
    yield* t.add(X, 1);
    return again(count);
  }
  const { failure } = outcome([count], {}, 1000);
  assertEquals(failure?.kind, "too many states");
});

Deno.test("a trap, a wild address and an atomic that is not aligned are failures", () => {
  function* trap(): Steps {
    yield* t.trap();
  }
  function* wild(): Steps {
    yield* t.load(32);
  }
  function* crooked(): Steps {
    yield* t.load(2);
  }
  for (const script of [trap, wild, crooked]) {
    assertEquals(outcome([script]).failure?.kind, "trap");
  }
});

Deno.test("memory.fill and memory.copy are one step each", () => {
  function* fill(): Steps {
    yield* t.fill(DATA, 0x11, 8);
    yield* t.copy(BLOCK, DATA, 8);
  }
  const { states, failure } = outcome([fill], {
    atEnd: ({ load64 }) => check(load64(BLOCK) === 0x11111111 * 2 ** 32 + 0x11111111, "copied"),
  });
  assertEquals([states, failure], [3, undefined]);
});

Deno.test("a choice goes every way; what a script ran is forgotten but for its result", () => {
  const seen = new Set<number>();
  function* either(): Steps<number> {
    return (yield* choose(3)) % 2;
  }
  function* chooser(): Steps {
    yield* t.store(X, yield* run(either));
  }
  const program = { kernel: testKernel, bytes: 32, threads: [{ name: "a", script: chooser }] };
  const { states } = explore(program, { onEnd: ({ load32 }) => seen.add(load32(X)) });
  assertEquals([states, [...seen].sort()], [5, [0, 1]]);
});

Deno.test("a script that asks for what does not exist is an error, as is one without a step", () => {
  assertThrows(
    () =>
      outcome([function* () {
        yield* free("nothing");
      }]),
    RangeError,
    'no block "nothing"',
  );
  assertThrows(
    () =>
      outcome([function* () {
        yield* dead("nobody");
      }]),
    RangeError,
    'no thread "nobody"',
  );
  // deno-lint-ignore require-yield
  function* idle(): Steps {
    return again(idle);
  }
  assertThrows(() => outcome([idle]), Error, "without a step");
});
