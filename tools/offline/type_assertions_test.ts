import {
  type Assert,
  type AssertFalse,
  type AssertTrue,
  assertType,
  type Has,
  type IsAny,
  type IsExact,
  type IsNever,
  type IsNullable,
  type IsUnknown,
  type NotHas,
} from "./type_assertions.ts";

// deno-lint-ignore no-explicit-any -- what is asked about
type Any = any;

interface Tree {
  readonly value: number;
  readonly children: Tree[];
}

Deno.test("assertType and the type forms compile with the right literal alone", () => {
  assertType<true>(true);
  // @ts-expect-error -- the type is true
  assertType<true>(false);
  type _Fine = [AssertTrue<true>, AssertFalse<false>, Assert<true, true>];
  // @ts-expect-error -- false is not true
  type _Wrong1 = AssertTrue<false>;
  // @ts-expect-error -- true is not false
  type _Wrong2 = AssertFalse<true>;
  // @ts-expect-error -- true was expected to be false
  type _Wrong3 = Assert<true, false>;
});

Deno.test("any, never, unknown and nullable", () => {
  assertType<IsAny<Any>>(true);
  assertType<IsAny<unknown>>(false);
  assertType<IsAny<never>>(false);
  assertType<IsNever<never>>(true);
  assertType<IsNever<Any>>(false);
  assertType<IsUnknown<unknown>>(true);
  assertType<IsUnknown<Any>>(false);
  assertType<IsUnknown<string>>(false);
  assertType<IsNullable<string | undefined>>(true);
  assertType<IsNullable<null>>(true);
  assertType<IsNullable<string>>(false);
});

Deno.test("Has looks for a part of a union", () => {
  assertType<Has<string | number, number>>(true);
  assertType<Has<string | number, Date>>(false);
  assertType<Has<Any, number>>(true);
  assertType<Has<number, Any>>(false);
  assertType<NotHas<string | number, Date>>(true);
  assertType<NotHas<string | number, string>>(false);
});

Deno.test("IsExact", () => {
  assertType<IsExact<string, string>>(true);
  assertType<IsExact<string | number, number | string>>(true);
  assertType<IsExact<string | number, string>>(false);
  assertType<IsExact<string, "a">>(false);
  assertType<IsExact<Any, string>>(false);
  assertType<IsExact<Any, Any>>(true);
  assertType<IsExact<unknown, Any>>(false);
  assertType<IsExact<never, never>>(true);
  assertType<IsExact<never, string>>(false);
  assertType<IsExact<{ a: Any }, { a: string }>>(false);
  assertType<IsExact<{ a: { b: Any } }, { a: { b: Any } }>>(true);
  assertType<IsExact<{ a: 1 } & { b: 2 }, { a: 1; b: 2 }>>(true);
  assertType<IsExact<{ a?: 1 }, { a: 1 }>>(false);
  assertType<IsExact<{ a: 1; b?: 2 }, { a: 1 }>>(false);
  assertType<IsExact<Tree, Tree>>(true);
  assertType<IsExact<() => number, () => number>>(true);
  assertType<IsExact<() => number, () => string>>(false);
  assertType<IsExact<(a: string) => void, (a: number) => void>>(false);
});
