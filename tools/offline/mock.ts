/**
 * Stands in for `@std/testing/mock` where the JSR registry cannot be reached: the same signatures and
 * the same records, so that a test which passes here passes there. Only the wording of a failure may
 * differ.
 *
 * Covered: MockError, spy of nothing, of a function and of a method, stub, assertSpyCalls,
 * assertSpyCall, assertSpyCallAsync, assertSpyCallArg, assertSpyCallArgs, returnsNext, resolvesNext.
 * Not covered: spies of classes, sessions, the global `restore`, the other `returns...`.
 *
 * @module
 */

import { assertEquals, AssertionError, assertIsError, assertRejects } from "./assert.ts";
import { MockError, type Spy, type SpyCall } from "./spy.ts";

export { type MethodSpy, MockError, type Spy, spy, type SpyCall, type Stub, stub } from "./spy.ts";

/** Fails unless the spy was called just so often. */
export function assertSpyCalls<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  expectedCalls: number,
): void {
  const { length } = spy.calls;
  if (length === expectedCalls) return;
  const word = length < expectedCalls ? "not called as much as" : "called more than";
  throw new AssertionError(`Spy ${word} expected: ${length} calls, not ${expectedCalls}`);
}

/** What a call of a spy should look like; what is left out is not compared. */
export interface ExpectedSpyCall<Self, Args extends unknown[], Return> {
  args?: [...Args, ...unknown[]];
  self?: Self;
  /** What it returned; for the async form, what its promise resolved to. */
  returned?: Return;
  error?: {
    // deno-lint-ignore no-explicit-any -- as std has it
    Class?: new (...args: any[]) => Error;
    msgIncludes?: string;
  };
}

function callOf<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  callIndex: number,
): SpyCall<Self, Args, Return> {
  const call = spy.calls[callIndex];
  if (call !== undefined) return call;
  throw new AssertionError(
    `Spy not called as much as expected: ${spy.calls.length} calls, none at index ${callIndex}`,
  );
}

function checkExpected(expected: object): void {
  if ("returned" in expected && "error" in expected) {
    throw new TypeError("Do not expect error and return, only one should be expected");
  }
}

/** Fails unless there was a call at an index, and it looked as expected. */
export function assertSpyCall<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  callIndex: number,
  expected?: ExpectedSpyCall<Self, Args, Return>,
): void {
  const call = callOf(spy, callIndex);
  if (expected === undefined) return;
  checkExpected(expected);
  if (expected.args) assertEquals<unknown>(call.args, expected.args, "arguments of the call");
  if ("self" in expected) assertEquals(call.self, expected.self, "`this` of the call");
  if ("returned" in expected) {
    if ("error" in call) {
      throw new AssertionError("Spy call did not return expected value, an error was thrown.");
    }
    assertEquals(call.returned, expected.returned, "what the call returned");
  }
  if ("error" in expected) {
    if ("returned" in call) {
      throw new AssertionError("Spy call did not throw an error, a value was returned.");
    }
    assertIsError(call.error, expected.error?.Class, expected.error?.msgIncludes);
  }
}

/** Does the same for a function that returns a promise: compares what that settles to. */
export async function assertSpyCallAsync<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Promise<Return>>,
  callIndex: number,
  expected?: ExpectedSpyCall<Self, Args, Promise<Return> | Return>,
): Promise<void> {
  const { returned, error, ...rest } = expected ?? {};
  checkExpected(expected ?? {});
  assertSpyCall(spy, callIndex, rest as ExpectedSpyCall<Self, Args, Promise<Return>>);
  const call = callOf(spy, callIndex);
  if (call.error) {
    throw new AssertionError("Spy call did not return a promise, an error was thrown.");
  }
  if (!(call.returned instanceof Promise)) {
    throw new AssertionError("Spy call did not return a promise, a value was returned.");
  }
  if (expected === undefined || "returned" in expected) {
    const actual = await call.returned;
    if (expected !== undefined) assertEquals<unknown>(actual, await returned);
  } else if ("error" in expected) {
    await assertRejects(() => call.returned!, error?.Class ?? Error, error?.msgIncludes);
  } else await call.returned;
}

/** Fails unless an argument of a call is the expected one; returns it. */
export function assertSpyCallArg<Self, Args extends unknown[], Return, ExpectedArg>(
  spy: Spy<Self, Args, Return>,
  callIndex: number,
  argIndex: number,
  expected: ExpectedArg,
): ExpectedArg {
  const arg = callOf(spy, callIndex).args[argIndex];
  assertEquals<unknown>(arg, expected);
  return arg as ExpectedArg;
}

/** Fails unless the arguments of a call, from `argsStart` to before `argsEnd`, are as expected. */
export function assertSpyCallArgs<
  Self,
  Args extends unknown[],
  Return,
  ExpectedArgs extends unknown[],
>(
  spy: Spy<Self, Args, Return>,
  callIndex: number,
  ...rest: [ExpectedArgs] | [number, ExpectedArgs] | [number, number, ExpectedArgs]
): ExpectedArgs {
  const expected = rest.at(-1) as ExpectedArgs;
  const [start, end] = rest.slice(0, -1) as number[];
  const args = callOf(spy, callIndex).args.slice(start, end);
  assertEquals<unknown>(args, expected);
  return args as ExpectedArgs;
}

/** A function that returns the next of the values for each call, and throws those that are errors. */
// deno-lint-ignore no-explicit-any -- std's defaults
export function returnsNext<Return, Self = any, Args extends unknown[] = any[]>(
  values: Iterable<Return | Error>,
): (this: Self, ...args: Args) => Return {
  const iterator = values[Symbol.iterator]();
  let calls = 0;
  return () => {
    const { value, done } = iterator.next();
    if (done) throw new MockError(`Not enough values: only ${calls} were given`);
    calls++;
    if (value instanceof Error) throw value;
    return value;
  };
}

/** The same for a function that returns promises: an error rejects. */
// deno-lint-ignore no-explicit-any -- std's defaults
export function resolvesNext<Return, Self = any, Args extends unknown[] = any[]>(
  iterable:
    | Iterable<Return | Error | Promise<Return | Error>>
    | AsyncIterable<Return | Error | Promise<Return | Error>>,
): (this: Self, ...args: Args) => Promise<Return> {
  const iterator = Symbol.asyncIterator in iterable
    ? iterable[Symbol.asyncIterator]()
    : iterable[Symbol.iterator]();
  let calls = 0;
  return async () => {
    const { value, done } = await iterator.next();
    if (done) throw new MockError(`Not enough values: only ${calls} were given`);
    calls++;
    const settled = await value;
    if (settled instanceof Error) throw settled;
    return settled;
  };
}
