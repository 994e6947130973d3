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

export {
  ArrayField,
  BytesField,
  type Element,
  F64Field,
  Field,
  I32Field,
  U16Field,
  U32Field,
  U64Field,
  U8Field,
} from "./fields.ts";
export {
  aligned,
  type AlignedSpec,
  array,
  type ArraySpec,
  bytes,
  type BytesSpec,
  CACHE_LINE,
  defineLayout,
  type FieldOf,
  type FieldSpec,
  type Layout,
  type Scalars,
  type ScalarType,
  type UnalignedSpec,
} from "./layout.ts";
