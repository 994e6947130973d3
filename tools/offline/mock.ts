/**
 * Stands in for `@std/testing/mock` where the JSR registry cannot be reached: the same signatures and
 * the same records, so that a test which passes here passes there. Only the wording of a failure may
 * differ.
 *
 * Covered: MockError, spy of nothing, of a function and of a method, stub, assertSpyCalls,
 * assertSpyCall, assertSpyCallArgs. What nothing imports is left out.
 *
 * @module
 */

import { assertEquals, AssertionError, assertIsError } from "./assert.ts";
import type { Spy, SpyCall } from "./spy.ts";

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
