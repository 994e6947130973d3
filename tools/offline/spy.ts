/**
 * Functions that record their calls: the spies and stubs of {@link ./mock.ts}.
 *
 * @module
 */

/** A spy, a stub or a fake was used wrongly. */
export class MockError extends Error {
  static {
    this.prototype.name = "MockError";
  }
}

/** One call of a spy. */
// deno-lint-ignore no-explicit-any -- std's defaults
export interface SpyCall<Self = any, Args extends unknown[] = any[], Return = any> {
  args: Args;
  /** What it returned, unless it threw. */
  returned?: Return;
  /** What it threw. */
  error?: Error;
  /** Its `this`, if it had one. */
  self?: Self;
}

/** A function that records its calls. */
// deno-lint-ignore no-explicit-any -- std's defaults
export interface Spy<Self = any, Args extends unknown[] = any[], Return = any> {
  (this: Self, ...args: Args): Return;
  /** The function that does the work. */
  original: (this: Self, ...args: Args) => Return;
  /** All calls so far, in the order in which they ended. */
  calls: SpyCall<Self, Args, Return>[];
  /** Whether the original method is back in its place. */
  restored: boolean;
  /** Puts the original method back. Only a spy of a method can do so. */
  restore(): void;
}

/** A spy in the place of a method. */
// deno-lint-ignore no-explicit-any -- std's defaults
export interface MethodSpy<Self = any, Args extends unknown[] = any[], Return = any>
  extends Spy<Self, Args, Return>, Disposable {}

/** A method spy that calls a fake instead of the original. */
// deno-lint-ignore no-explicit-any -- std's defaults
export interface Stub<Self = any, Args extends unknown[] = any[], Return = any>
  extends MethodSpy<Self, Args, Return> {
  fake: (this: Self, ...args: Args) => Return;
}

type ParametersOf<Self, Prop extends keyof Self> = Self[Prop] extends
  (...args: infer Args) => unknown ? Args : unknown[];
type ReturnOf<Self, Prop extends keyof Self> = Self[Prop] extends (...args: never[]) => infer Return
  ? Return
  : unknown;

/** A function with any `this`, parameters and result. */
type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** The methods that are replaced at the moment. */
const replaced = new WeakMap<object, Set<PropertyKey>>();

/** A function that records its calls and leaves the work to `act`. */
function recorder(original: AnyFunction, act: AnyFunction, restore: () => void): Spy {
  const calls: SpyCall[] = [];
  let restored = false;
  const spy = function (this: unknown, ...args: unknown[]): unknown {
    const call: SpyCall = { args };
    if (this) call.self = this;
    try {
      return call.returned = act.apply(this, args);
    } catch (error) {
      call.error = error as Error;
      throw error;
    } finally {
      calls.push(call);
    }
  };
  return Object.defineProperties(spy, {
    original: { enumerable: true, value: original },
    calls: { enumerable: true, value: calls },
    restored: { enumerable: true, get: () => restored },
    restore: {
      enumerable: true,
      value: () => {
        restore();
        restored = true;
      },
    },
  }) as unknown as Spy;
}

function spyOfFunction(original: AnyFunction): Spy {
  return recorder(original, original, () => {
    throw new MockError("Cannot restore: function cannot be restored");
  });
}

/** Puts a recorder in the place of a method; `what` is "spy on" or "stub". */
function replaceMethod(what: string, self: object, property: PropertyKey, fake?: AnyFunction) {
  const original: unknown = Reflect.get(self, property);
  if (typeof original !== "function") {
    throw new MockError(`Cannot ${what}: property is not an instance method`);
  }
  const mine = replaced.get(self) ?? new Set();
  if (mine.has(property)) {
    throw new MockError(`Cannot ${what}: already spying on instance method`);
  }
  const own = Object.getOwnPropertyDescriptor(self, property);
  if (own && !own.configurable) {
    throw new MockError(`Cannot ${what}: non-configurable instance method`);
  }
  const spy = recorder(original as AnyFunction, fake ?? (original as AnyFunction), () => {
    if (!mine.delete(property)) {
      throw new MockError("Cannot restore: instance method already restored");
    }
    if (own) Object.defineProperty(self, property, own);
    else Reflect.deleteProperty(self, property);
  });
  const method = Object.defineProperties(spy, {
    ...(fake && { fake: { enumerable: true, value: fake } }),
    [Symbol.dispose]: { value: () => spy.restore() },
  }) as MethodSpy;
  replaced.set(self, mine.add(property));
  Object.defineProperty(self, property, {
    configurable: true,
    enumerable: own?.enumerable ?? false,
    writable: own?.writable ?? false,
    value: method,
  });
  return method;
}

/** A spy that does nothing and returns undefined. */
// deno-lint-ignore no-explicit-any -- std's defaults
export function spy<Self = any, Args extends unknown[] = any[], Return = undefined>(): Spy<
  Self,
  Args,
  Return
>;
/** A spy that calls a function. */
export function spy<Self, Args extends unknown[], Return>(
  func: (this: Self, ...args: Args) => Return,
): Spy<Self, Args, Return>;
/** Replaces a method by a spy that calls it. */
export function spy<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
): MethodSpy<Self, ParametersOf<Self, Prop>, ReturnOf<Self, Prop>>;
export function spy(target?: object, property?: PropertyKey): Spy {
  if (target === undefined) return spyOfFunction(() => {});
  if (property === undefined) return spyOfFunction(target as AnyFunction);
  return replaceMethod("spy on", target, property);
}

/** Replaces a method by a spy that does nothing and returns undefined. */
export function stub<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
): Stub<Self, ParametersOf<Self, Prop>, ReturnOf<Self, Prop>>;
/** Replaces a method by a spy that calls `func`. */
export function stub<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
  func: (this: Self, ...args: ParametersOf<Self, Prop>) => ReturnOf<Self, Prop>,
): Stub<Self, ParametersOf<Self, Prop>, ReturnOf<Self, Prop>>;
export function stub(self: object, property: PropertyKey, func: AnyFunction = () => {}): Stub {
  return replaceMethod("stub", self, property, func) as Stub;
}
