import { assertEquals, AssertionError, assertThrows } from "./assert.ts";
import { assertSpyCall, assertSpyCallArgs, assertSpyCalls, MockError, spy, stub } from "./mock.ts";

class Point {
  constructor(public x: number) {}
  move(by: number): number {
    return this.x += by;
  }
}

Deno.test("a spy of nothing returns undefined and records its calls", () => {
  const nothing = spy();
  assertEquals(nothing(1, "a"), undefined);
  assertEquals(nothing.calls, [{ args: [1, "a"], returned: undefined }]);
  assertThrows(() => nothing.restore(), MockError, "function cannot be restored");
});

Deno.test("a spy of a function calls it and records what it returned, threw and had as this", () => {
  const half = spy((n: number) => {
    if (n % 2 !== 0) throw new RangeError("odd");
    return n / 2;
  });
  assertEquals(half(4), 2);
  const error = assertThrows(() => half(3), RangeError);
  assertEquals(half.calls, [{ args: [4], returned: 2 }, { args: [3], error }]);
  const self = {};
  half.call(self, 6);
  assertEquals(half.calls[2], { args: [6], returned: 3, self });
});

Deno.test("a spy of a method stands in its place until it is restored", () => {
  const point = new Point(1);
  const move = spy(point, "move");
  assertEquals(point.move(2), 3);
  assertSpyCall(move, 0, { args: [2], returned: 3, self: point });
  assertThrows(() => spy(point, "move"), MockError, "already spying on instance method");
  assertEquals(move.restored, false);
  move.restore();
  assertEquals([move.restored, Object.hasOwn(point, "move")], [true, false]);
  assertEquals(point.move(1), 4);
  assertSpyCalls(move, 1);
  assertThrows(() => move.restore(), MockError, "already restored");
  assertThrows(() => spy(point, "x"), MockError, "not an instance method");
});

Deno.test("a stub calls its fake, and an own method comes back with its descriptor", () => {
  const owner = { read: (at: number) => at };
  const before = Object.getOwnPropertyDescriptor(owner, "read");
  {
    using read = stub(owner, "read", (at) => at * 10);
    assertEquals(owner.read(3), 30);
    assertEquals(read.original.call(owner, 3), 3);
    assertSpyCalls(read, 1);
  }
  assertEquals(Object.getOwnPropertyDescriptor(owner, "read"), before);
  using read = stub(owner, "read");
  assertEquals(owner.read(3) as unknown, undefined);
  assertSpyCalls(read, 1);
});

Deno.test("assertions about calls fail when they should", () => {
  const add = spy((a: number, b: number) => a + b);
  add(1, 2);
  assertSpyCalls(add, 1);
  assertSpyCall(add, 0);
  assertSpyCall(add, 0, { args: [1, 2], returned: 3 });
  assertEquals(assertSpyCallArgs(add, 0, [1, 2]), [1, 2]);
  assertSpyCallArgs(add, 0, 1, [2]);
  assertSpyCallArgs(add, 0, 0, 1, [1]);
  for (
    const wrong of [
      () => assertSpyCalls(add, 0),
      () => assertSpyCalls(add, 2),
      () => assertSpyCall(add, 1),
      () => assertSpyCall(add, 0, { args: [1, 3] }),
      () => assertSpyCall(add, 0, { self: {} }),
      () => assertSpyCall(add, 0, { returned: 4 }),
      () => assertSpyCall(add, 0, { error: {} }),
      () => assertSpyCallArgs(add, 0, [1]),
      () => assertSpyCallArgs(add, 0, 1, [1]),
    ]
  ) assertThrows(wrong, AssertionError, undefined, String(wrong));
  const both = { returned: 3, error: {} };
  assertThrows(() => assertSpyCall(add, 0, both), TypeError, "only one should be expected");
});

Deno.test("a call that threw is compared by class and message", () => {
  const fails = spy(() => {
    throw new RangeError("too far");
  });
  assertThrows(fails, RangeError);
  assertSpyCall(fails, 0, { error: { Class: RangeError, msgIncludes: "far" } });
  assertThrows(() => assertSpyCall(fails, 0, { error: { Class: TypeError } }), AssertionError);
  assertThrows(() => assertSpyCall(fails, 0, { error: { msgIncludes: "near" } }), AssertionError);
  assertThrows(() => assertSpyCall(fails, 0, { returned: undefined as never }), AssertionError);
});
