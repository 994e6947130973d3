/**
 * Stands in for `@std/assert` where the JSR registry cannot be reached: the same signatures and the
 * same verdicts, so that a test which passes here passes there. Only the wording of a failure may
 * differ.
 *
 * Covered: AssertionError, assert, assertFalse, assertEquals, assertNotEquals, assertGreater,
 * assertStringIncludes, assertMatch, assertInstanceOf, assertIsError, assertThrows, assertRejects,
 * equal. What nothing imports is left out.
 *
 * @module
 */

import { inspect, stripVTControlCharacters } from "node:util";
import { equal } from "./equal.ts";

export { equal };

// deno-lint-ignore no-explicit-any -- the type that std's signatures have
type ErrorConstructor<E extends Error> = new (...args: any[]) => E;

/** Thrown by every assertion that fails. */
export class AssertionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

function show(value: unknown): string {
  return inspect(value, {
    depth: Infinity,
    sorted: true,
    maxArrayLength: null,
    maxStringLength: null,
    compact: false,
    getters: true,
  });
}

/** The two texts line by line without what they share at both ends. */
function difference(actual: unknown, expected: unknown): string {
  const a = show(actual).split("\n");
  const b = show(expected).split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (
    tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)
  ) tail++;
  return [
    ...(head > 0 ? [`    ... ${head} equal lines`, `    ${a[head - 1]}`] : []),
    ...a.slice(head, a.length - tail).map((line) => `-   ${line}`),
    ...b.slice(head, b.length - tail).map((line) => `+   ${line}`),
    ...(tail > 0 ? [`    ${a.at(-tail)}`, `    ... ${tail} equal lines`] : []),
  ].join("\n");
}

const suffix = (msg: string | undefined): string => msg ? `: ${msg}` : ".";

/** Fails unless `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Anything that {@link assertFalse} takes for false. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/** Fails unless `expr` is falsy. */
export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg);
}

/** Fails unless the values are deeply {@link equal}. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  throw new AssertionError(
    `Values are not equal${suffix(msg)}\n(- actual, + expected)\n${difference(actual, expected)}`,
  );
}

/** Fails if the values are deeply {@link equal}. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: ${show(actual)} not to be: ${show(expected)}${suffix(msg)}`,
  );
}

/** Fails unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (actual > expected) return;
  throw new AssertionError(msg ?? `Expect ${show(actual)} > ${show(expected)}`);
}

/** Fails unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(`Expected actual: "${actual}" to contain: "${expected}"${suffix(msg)}`);
}

/** Fails unless `expected` matches `actual`. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) return;
  throw new AssertionError(`Expected actual: "${actual}" to match: "${expected}"${suffix(msg)}`);
}

/** Fails unless `actual instanceof expectedType`. */
// deno-lint-ignore no-explicit-any -- the type that std's signature has
export function assertInstanceOf<T extends abstract new (...args: any[]) => any>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  throw new AssertionError(
    `Expected object to be an instance of "${expectedType.name}" but was ${show(actual)}${
      suffix(msg)
    }`,
  );
}

/** Fails unless `error` is an Error, of the class and with the text in its message if given. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: ErrorConstructor<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) {
    throw new AssertionError(`Expected "error" to be an Error object${suffix(msg)}`);
  }
  if (ErrorClass && !(error instanceof ErrorClass)) {
    throw new AssertionError(
      `Expected error to be instance of "${ErrorClass.name}", but was "${error.constructor.name}"${
        suffix(msg)
      }\n${error.stack}`,
    );
  }
  if (!msgMatches) return;
  const message = stripVTControlCharacters(error.message);
  const matches = typeof msgMatches === "string"
    ? message.includes(stripVTControlCharacters(msgMatches))
    : msgMatches.test(message);
  if (matches) return;
  throw new AssertionError(
    `Expected error message to include ${show(msgMatches)}, but got ${show(error.message)}${
      suffix(msg)
    }`,
  );
}

/** Sorts std's two overloads: `(fn, msg)` and `(fn, ErrorClass, msgIncludes, msg)`. */
function checkThrown<E extends Error>(
  error: unknown,
  verb: string,
  args: [(ErrorConstructor<E> | string)?, string?, string?],
): void {
  const [ErrorClass, msgIncludes, msg] = args;
  if (typeof ErrorClass !== "function") return;
  if (!(error instanceof Error)) {
    throw new AssertionError(`A non-Error object was ${verb}${suffix(msg)}`);
  }
  assertIsError(error, ErrorClass, msgIncludes, msg);
}

/** Fails unless `fn` throws before it returns; a promise that rejects is no throw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Fails unless `fn` throws an `ErrorClass` whose message includes the text. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorConstructor<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ...args: [(ErrorConstructor<E> | string)?, string?, string?]
): unknown {
  try {
    fn();
  } catch (error) {
    checkThrown(error, "thrown", args);
    return error;
  }
  const msg = typeof args[0] === "string" ? args[0] : args[2];
  throw new AssertionError(`Expected function to throw${suffix(msg)}`);
}

/** Fails unless `fn` returns a promise that rejects; a synchronous throw is no rejection. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Fails unless `fn` returns a promise that rejects with an `ErrorClass` and the text. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorConstructor<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ...args: [(ErrorConstructor<E> | string)?, string?, string?]
): Promise<unknown> {
  const msg = typeof args[0] === "string" ? args[0] : args[2];
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
  } catch { /* reported below, as a function that returned no promise */ }
  if (typeof promise !== "object" || typeof promise?.then !== "function") {
    throw new AssertionError(`Function throws when expected to reject${suffix(msg)}`);
  }
  try {
    await promise;
  } catch (error) {
    checkThrown(error, "rejected", args);
    return error;
  }
  throw new AssertionError(`Expected function to reject${suffix(msg)}`);
}
