/**
 * A struct language for shared memory: {@linkcode defineLayout} describes a struct once, and gives
 * the offset, the size and a typed accessor of each field.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { bytes, defineLayout } from "@guestmem/rcu/layout";
 * import { assertEquals } from "@std/assert";
 *
 * const PERSON = defineLayout({ age: "u32", born: "u64", name: bytes(32) });
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const person = arena.allocate(PERSON.size, PERSON.alignment);
 * PERSON.age.set(arena.u32, person, 42);
 * assertEquals(PERSON.age.get(arena.u32, person), 42);
 * ```
 *
 * @module
 */

export { Field, ScalarField, U64Field } from "./fields.ts";
export {
  aligned,
  array,
  bytes,
  CACHE_LINE,
  defineLayout,
  type FieldSpec,
  type Layout,
  type Scalars,
} from "./layout.ts";
