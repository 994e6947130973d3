import {
  assert,
  assertEquals,
  assertFalse,
  assertGreater,
  assertInstanceOf,
  AssertionError,
  assertIsError,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
  equal,
} from "./assert.ts";

/** The message of the AssertionError that `fn` must throw; written without what is under test. */
function failure(fn: () => void): string {
  try {
    fn();
  } catch (error) {
    if (error instanceof AssertionError) return error.message;
    throw error;
  }
  throw new Error(`No AssertionError from ${fn}`);
}

class Point {
  constructor(public x: number, public y: number) {}
}
class Pixel extends Point {}
class Secret {
  readonly #value: number;
  constructor(value: number) {
    this.#value = value;
  }
  get value(): number {
    return this.#value;
  }
}

Deno.test("equal takes these for the same", () => {
  const cycle = (): unknown => {
    const a: Record<string, unknown> = { n: 1 };
    a["self"] = a;
    return a;
  };
  const pairs: [unknown, unknown][] = [
    [0, -0], // unlike node:assert/strict
    [[0], [-0]],
    [NaN, NaN],
    [new Float64Array([0, NaN]), new Float64Array([-0, NaN])],
    [{ a: 1, b: [2, { c: 3 }] }, { b: [2, { c: 3 }], a: 1 }],
    [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    [new Map([["a", 1], ["b", 2]]), new Map([["b", 2], ["a", 1]])],
    [new Map([[{ k: 1 }, { v: 1 }]]), new Map([[{ k: 1 }, { v: 1 }]])],
    [new Set([1, "x"]), new Set(["x", 1])],
    [new Set([{ a: 1 }, { a: 2 }]), new Set([{ a: 2 }, { a: 1 }])],
    [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
    [new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2]).buffer],
    [new Point(1, 2), new Point(1, 2)],
    [new Secret(1), new Secret(1)],
    [/a/g, /a/g],
    [new Date(5), new Date(5)],
    [new URL("a:b"), new URL("a:b")],
    [cycle(), cycle()],
    [10n, 10n],
  ];
  for (const [a, b] of pairs) {
    assert(equal(a, b) && equal(b, a), Deno.inspect([a, b]));
    assertEquals(a, b);
    failure(() => assertNotEquals(a, b));
  }
});

Deno.test("equal takes these for different", () => {
  const f = () => 1;
  const pairs: [unknown, unknown][] = [
    [1, "1"],
    [1, 1n],
    [null, undefined],
    [[1, 2], [2, 1]],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: 1 }, { a: 1, b: undefined }],
    [{ a: undefined }, { b: undefined }],
    [{ [Symbol.iterator]: 1 }, { [Symbol.iterator]: 2 }],
    [new Point(1, 2), new Pixel(1, 2)],
    [new Point(1, 2), { x: 1, y: 2 }],
    [new Secret(1), new Secret(2)], // seen through the getter
    [new Uint8Array([1]), new Uint16Array([1])],
    [new Uint8Array([1]), [1]],
    [new ArrayBuffer(1), new SharedArrayBuffer(1)],
    [new Map([["a", 1]]), new Map([["a", 2]])],
    [new Map([["a", 1]]), new Map([["b", 1]])],
    [new Set([1]), new Set([2])],
    [new Set([{ a: 1 }]), new Set([{ a: 2 }])],
    [/a/g, /a/i],
    [new Error("a"), new Error("b")],
    [f, () => 1],
  ];
  for (const [a, b] of pairs) {
    assert(!equal(a, b) && !equal(b, a), Deno.inspect([a, b]));
    assertNotEquals(a, b);
    failure(() => assertEquals(a, b));
  }
  assertThrows(() => equal(new WeakMap(), new WeakMap()), TypeError, "Cannot compare WeakMap");
});

Deno.test("assertEquals shows the lines that differ, and the given message", () => {
  const message = failure(() => assertEquals([1, 2, 3], [1, 9, 3], "why"));
  assertStringIncludes(message, "Values are not equal: why");
  assertMatch(message, /^- +2,$/m);
  assertMatch(message, /^\+ +9,$/m);
});

Deno.test("assert and assertFalse go by truthiness and narrow", () => {
  const value: string | undefined = ["x"][0];
  assert(value);
  assertEquals(value.length, 1); // would not compile unless narrowed
  assertFalse("");
  assertEquals(failure(() => assert(0, "why")), "why");
  failure(() => assertFalse("x"));
});

Deno.test("assertGreater fails at its bound, and with NaN", () => {
  assertGreater(2, 1);
  failure(() => assertGreater(1, 1));
  failure(() => assertGreater(NaN, 1));
});

Deno.test("texts and classes", () => {
  assertStringIncludes("abc", "b");
  failure(() => assertStringIncludes("abc", "x"));
  assertMatch("abc", /b/);
  failure(() => assertMatch("abc", /x/));
  assertInstanceOf(new Pixel(1, 2), Point);
  failure(() => assertInstanceOf(new Point(1, 2), Pixel));
});

Deno.test("assertIsError looks at the class and the message", () => {
  assertIsError(new RangeError("planted"), Error, /^plant/);
  failure(() => assertIsError("planted"));
  failure(() => assertIsError(new Error("planted"), RangeError));
  failure(() => assertIsError(new Error("planted"), Error, "other"));
});

Deno.test("assertThrows returns the error and is as strict as asked", () => {
  const error = new RangeError("planted");
  const thrower = (): never => {
    throw error;
  };
  assert(assertThrows(thrower) === error);
  assert(assertThrows(thrower, RangeError, "plant") === error);
  assertThrows(thrower, Error); // an instance of
  failure(() => assertThrows(thrower, TypeError));
  failure(() => assertThrows(thrower, RangeError, "other"));
  assertStringIncludes(failure(() => assertThrows(() => {}, "why")), "to throw: why");
  const notError = (): never => {
    throw "text";
  };
  assertEquals(assertThrows(notError), "text");
  assertStringIncludes(failure(() => assertThrows(notError, Error)), "non-Error object");
});

Deno.test("assertThrows does not take a rejected promise for a throw", () => {
  const rejected = Promise.reject(new Error("planted"));
  rejected.catch(() => {});
  failure(() => assertThrows(() => rejected));
});

Deno.test("assertRejects returns the error and is as strict as asked", async () => {
  const error = new RangeError("planted");
  const rejecter = () => Promise.reject(error);
  assert(await assertRejects(rejecter) === error);
  assert(await assertRejects(rejecter, RangeError, "plant") === error);
  const fails = async (promise: Promise<unknown>): Promise<void> => {
    const reason = await promise.then(() => undefined, (reason) => reason);
    assertInstanceOf(reason, AssertionError);
  };
  await fails(assertRejects(rejecter, TypeError));
  await fails(assertRejects(rejecter, RangeError, "other"));
  await fails(assertRejects(() => Promise.resolve()));
  await fails(assertRejects(() => Promise.reject("text"), Error));
  await fails(assertRejects(() => {
    throw error; // before there is a promise
  }));
  await fails(assertRejects((() => 1) as unknown as () => Promise<void>));
});
