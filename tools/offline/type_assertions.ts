/**
 * Stands in for `@std/testing/types` where the JSR registry cannot be reached: assertions that the
 * compiler checks, with std's names and verdicts.
 *
 * Covered: assertType, Assert, AssertTrue, AssertFalse, Has, NotHas, IsAny, IsExact, IsNever,
 * IsNullable, IsUnknown. Not covered: IsMutuallyAssignable.
 *
 * @module
 */

/** Compiles only if the type argument is the literal that is passed. */
export function assertType<T extends boolean>(_expectTrue: T): void {}

/** Compiles only if `T` is true. */
export type AssertTrue<_T extends true> = never;

/** Compiles only if `T` is false. */
export type AssertFalse<_T extends false> = never;

/** Compiles only if `T` is `Expected`. */
export type Assert<T extends boolean, _Expected extends T> = never;

/** Whether `T` is `any`. */
export type IsAny<T> = 0 extends 1 & T ? true : false;

/** Whether `T` is `never`. */
export type IsNever<T> = [T] extends [never] ? true : false;

/** Whether `T` is `unknown`; `any` is not. */
export type IsUnknown<T> = IsAny<T> extends true ? false : unknown extends T ? true : false;

/** Whether `T` may be null or undefined. */
export type IsNullable<T> = IsNever<Extract<T, null | undefined>> extends true ? false : true;

/** Whether some part of the union `T` is assignable to `U`. */
export type Has<T, U> = IsAny<T> extends true ? true
  : IsAny<U> extends true ? false
  : IsNever<Extract<T, U>> extends true ? false
  : true;

/** Whether no part of the union `T` is assignable to `U`. */
export type NotHas<T, U> = Has<T, U> extends true ? false : true;

/**
 * Whether the types are the same. `any` is the same as itself alone, at any depth. As in std,
 * `readonly` makes no difference, and `{ a: 1 } & { b: 2 }` is `{ a: 1; b: 2 }`.
 */
export type IsExact<T, U> = Mutual<Marked<T>, Marked<U>> extends true
  ? Mutual<Deep<T>, Deep<U>> extends true ? true : false
  : false;

/** Whether each is assignable to the other; tuples keep unions whole. */
type Mutual<T, U> = [T] extends [U] ? [U] extends [T] ? true : false : false;

/** `any` as a type that nothing else is assignable to. */
type Marked<T> = IsAny<T> extends true ? AnyMark : T;
interface AnyMark {
  readonly anyMark: unique symbol;
}

/** `T` with every property required, and `any` marked at every depth; recursive types end. */
type Deep<T, Seen = never> = {
  [P in keyof T]-?: IsAny<T[P]> extends true ? AnyMark
    : T[P] extends Seen ? T[P]
    : Deep<T[P], Seen | T>;
};
