import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Access, call, computed, explore, type Memory, type Program } from "./mod.ts";
import type { Operand, Row } from "./mod.ts";

const load = (word: string, into: string, plain?: "plain"): Access => {
  return { access: "load", width: 32, word, into, ...(plain && { plain: true }) };
};
const store = (word: string, value: Operand, plain?: "plain"): Access => {
  return { access: "store", width: 32, word, value, ...(plain && { plain: true }) };
};

/** Runs two threads that each note what they saw; the last one to finish asserts on both notes. */
function forbids(left: Row[], right: Row[], l: number, r: number, memory: Memory): boolean {
  const end = (own: string, other: string, mine: number, theirs: number): Row[] => [
    {
      access: "xchg",
      width: 32,
      word: own,
      value: computed(["seen"], (seen) => seen! + 1),
      into: "x",
    },
    load(other, "note"),
    {
      check: computed(["seen", "note"], (seen, note) => !(seen === mine && note === theirs + 1)),
      says: "seen",
    },
  ];
  const program: Program = {
    words: { x: 0, y: 0, data: [0, 0], left: 0, right: 0 },
    threads: [
      { name: "left", body: [...left, ...end("left", "right", l, r)] },
      { name: "right", body: [...right, ...end("right", "left", r, l)] },
    ],
  };
  const { failure } = explore(program, memory);
  assert(failure === undefined || failure.says === "seen", failure?.says);
  return failure === undefined;
}

/** Whether sequential consistency and the weaker model forbid an outcome. */
function verdicts(left: Row[], right: Row[], l: number, r: number): [boolean, boolean] {
  return [forbids(left, right, l, r, "sc"), forbids(left, right, l, r, "weak")];
}

Deno.test("store buffering: forbidden, unless a load or a store is plain", () => {
  const right = [store("y", 1), load("x", "seen")];
  assertEquals(verdicts([store("x", 1), load("y", "seen")], right, 0, 0), [true, true]);
  assertEquals(verdicts([store("x", 1), load("y", "seen", "plain")], right, 0, 0), [true, false]);
  assertEquals(verdicts([store("x", 1, "plain"), load("y", "seen")], right, 0, 0), [true, false]);
});

Deno.test("message passing: plain data behind a seq-cst flag is seen, a plain flag gives no order", () => {
  const noted: Row = { set: "seen", to: 0 };
  const receive = (plain?: "plain"): Row[] => [
    load("y", "flag", plain),
    load("x", "value", "plain"),
    { set: "seen", to: computed(["flag", "value"], (flag, value) => flag === 1 && value === 0) },
  ];
  const send = (plain?: "plain"): Row[] => [store("x", 1, "plain"), store("y", 1, plain), noted];
  assertEquals(verdicts(send(), receive(), 0, 1), [true, true]);
  assertEquals(verdicts(send("plain"), receive(), 0, 1), [true, false]);
  assertEquals(verdicts(send(), receive("plain"), 0, 1), [true, false]);
});

Deno.test("load buffering: a plain load may not pass the seq-cst store that it precedes", () => {
  const side = (own: string, other: string, plain?: "plain", last?: "plain") => [
    load(other, "seen", plain),
    store(own, 1, last),
  ];
  assertEquals(verdicts(side("x", "y", "plain"), side("y", "x"), 1, 1), [true, true]);
  const both = side("x", "y", "plain", "plain");
  assertEquals(verdicts(both, side("y", "x"), 1, 1), [true, false]);
  const dependent = [load("y", "seen", "plain"), store("x", "seen", "plain")];
  assertEquals(verdicts(dependent, side("y", "x"), 1, 1), [true, true]);
});

Deno.test("an address that depends on a plain load waits for it", () => {
  const send: Row[] = [
    { ...store("data", 1, "plain"), at: 1 },
    store("x", 1),
    { set: "seen", to: 0 },
  ];
  const receive: Row[] = [
    load("x", "at", "plain"),
    { ...load("data", "value", "plain"), at: "at" },
    { set: "seen", to: computed(["at", "value"], (at, value) => at === 1 && value === 0) },
  ];
  assertEquals(verdicts(send, receive, 0, 1), [true, true]);
});

Deno.test("a plain load is speculated past a branch, a plain store is not", () => {
  const noted: Row = { set: "seen", to: 0 };
  const send: Row[] = [store("x", 1), store("y", 1), noted];
  const receive: Row[] = [
    load("y", "flag", "plain"),
    { jump: "end", when: computed(["flag"], (flag) => flag === 0) },
    load("x", "value", "plain"),
    { label: "end" },
    { set: "seen", to: computed(["flag", "value"], (flag, value) => flag === 1 && value === 0) },
  ];
  assertEquals(verdicts(send, receive, 0, 1), [true, false]);
  const guarded = (own: string, other: string): Row[] => [
    load(other, "seen", "plain"),
    { ...store(own, 1, "plain"), when: "seen" },
  ];
  assertEquals(verdicts(guarded("x", "y"), guarded("y", "x"), 1, 1), [true, true]);
});

Deno.test("a load acquires only what another thread may have stored", () => {
  const behind = (
    word: string,
  ): Row[] => [store("x", 1), load(word, "z"), load("y", "seen", "plain")];
  const right = [store("y", 1), load("x", "seen")];
  // `data` is stored to by nobody; `y` by the other thread.
  assertEquals(verdicts(behind("data"), right, 0, 0), [true, false]);
  assertEquals(verdicts(behind("y"), right, 0, 0), [true, true]);
});

Deno.test("an atomic addition loses nothing; as a load and a store it does", () => {
  const counter = (add: Row[]): Program => ({
    words: { x: 0, done: 0 },
    threads: [1, 2].map((n) => ({
      name: `thread ${n}`,
      body: [
        ...add,
        { access: "add", width: 32, word: "done", value: 1, into: "before" },
        { ...load("x", "x"), when: "before" },
        { check: computed(["before", "x"], (before, x) => before === 0 || x === 2), says: "lost" },
      ],
    })),
  });
  const atomic = explore(counter([{ access: "add", width: 32, word: "x", value: 1 }]), "weak");
  assertEquals(atomic.failure, undefined);
  const split = [load("x", "x"), store("x", computed(["x"], (x) => x! + 1))];
  assertEquals(explore(counter(split), "sc").failure?.says, "lost");
});

Deno.test("a futex: a notify before the wait is lost unless the word has changed", () => {
  const waiter: Row[] = [
    { access: "wait", width: 32, word: "x", value: 0 },
  ];
  const waker = (changes: boolean): Row[] => [
    ...(changes ? [store("x", 1)] : []),
    { access: "notify", width: 32, word: "x" },
  ];
  const program = (changes: boolean): Program => ({
    words: { x: 0 },
    threads: [{ name: "waiter", body: waiter }, { name: "waker", body: waker(changes) }],
  });
  assertEquals(explore(program(true), "sc").failure, undefined);
  const { failure } = explore(program(false), "sc");
  assertEquals(failure, {
    says: "stuck: no thread can move",
    trace: ["waker: notify x", "waiter: wait x = 0"],
  });
});

Deno.test("a loop that nobody will end is stuck, one that somebody will end is not", () => {
  const spin: Row[] = [
    { label: "again" },
    load("x", "x"),
    { jump: "again", when: computed(["x"], (x) => x === 0) },
  ];
  const program = (dies: boolean): Program => ({
    words: { x: 0 },
    threads: [{ name: "spinner", body: spin }, { name: "other", body: [store("x", 1)], dies }],
  });
  assertEquals(explore(program(false), "weak").failure, undefined);
  assertEquals(explore(program(true), "weak").failure, {
    says: "stuck: the threads go round for ever",
    trace: ["other: dies"],
  });
});

Deno.test("an awaiting load stands for a spin", () => {
  const program: Program = {
    words: { x: 0, y: 0 },
    threads: [
      {
        name: "waiter",
        body: [
          { ...load("x", "x"), until: "x" },
          load("y", "y", "plain"),
          { check: "y", says: "data missing" },
        ],
      },
      { name: "sender", body: [store("y", 1, "plain"), store("x", 1)] },
    ],
  };
  assertEquals(explore(program, "weak").failure, undefined);
});

Deno.test("a failure shows the steps that lead to it", () => {
  const program: Program = {
    words: { x: [4, 5] },
    threads: [
      { name: "a", body: [{ ...store("x", 7), at: 1 }] },
      { name: "b", body: [{ ...load("x", "v"), at: 1 }, { check: same("v", 5), says: "changed" }] },
    ],
  };
  assertEquals(explore(program, "sc").failure, {
    says: "changed",
    trace: ["a: store x[1] 5 -> 7", "b: load x[1] = 7"],
  });
});

function same(a: string, b: number) {
  return computed([a], (value) => value === b);
}

Deno.test("an index outside its array is a failure; an unknown word or label is an error", () => {
  const one = (body: Row[]): Program => ({ words: { x: [0, 0] }, threads: [{ name: "t", body }] });
  const outside = explore(one([{ ...load("x", "v"), at: 2 }]), "sc");
  assertEquals(outside.failure?.says, "Cannot load x[2]: it has 2 words");
  assertThrows(() => explore(one([load("z", "v")]), "sc"), Error, "no such word");
  assertThrows(() => explore(one([{ jump: "nowhere" }]), "sc"), Error, 'no label "nowhere"');
});

Deno.test("call renames registers and labels, and binds parameters", () => {
  const body: Row[] = [
    { set: "r", to: computed(["p"], (p) => p! + 1) },
    { jump: "end", when: "r" },
    { check: 0, says: "not reached" },
    { label: "end" },
  ];
  const rows = [...call("f", body, { p: 4 }), ...call("g", body, { p: "f.r" })];
  const check: Row = { check: computed(["g.r"], (r) => r === 6), says: "wrong" };
  const program: Program = {
    words: { x: 0 },
    threads: [{ name: "t", body: [...rows, store("x", 1), check] }],
  };
  assertEquals(explore(program, "sc").failure, undefined);
});
