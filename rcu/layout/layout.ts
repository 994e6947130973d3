/**
 * The struct language: one description of what lies in shared memory. TypeScript's offsets, sizes and
 * typed accessors follow from it, and so do the kernels' constants.
 *
 * @module
 */

import {
  ArrayField,
  BytesField,
  F64Field,
  type Field,
  I32Field,
  type ScalarField,
  U16Field,
  U32Field,
  U64Field,
  U8Field,
} from "./fields.ts";

/** The accessor of each scalar type. Words are little-endian. */
export interface Scalars {
  /** A byte. */
  u8: ScalarField<Uint8Array>;
  /** Two bytes, unsigned. */
  u16: ScalarField<Uint16Array>;
  /** A 32-bit word, unsigned. */
  u32: ScalarField<Uint32Array>;
  /** A 32-bit word, signed. */
  i32: ScalarField<Int32Array>;
  /** 64 bits. */
  u64: U64Field;
  /** A double. */
  f64: ScalarField<Float64Array>;
}

/** What {@linkcode bytes}, {@linkcode array} and {@linkcode aligned} say of a field. */
export interface FieldSpec<F> {
  /** Its offset is a multiple of this. */
  readonly alignment: number;
  /** Its accessor at an offset. */
  readonly place: (offset: number) => F;
}

/**
 * A struct: an accessor for each field, which is described by a scalar type's name or by a
 * {@linkcode FieldSpec}; its `size` in bytes, a multiple of its `alignment`; and its
 * `alignment`, which the address of a struct has to be a multiple of.
 */
export type Layout<Specs> =
  & {
    readonly [Name in keyof Specs]: Specs[Name] extends keyof Scalars ? Scalars[Specs[Name]]
      : Specs[Name] extends FieldSpec<infer F> ? F
      : never;
  }
  & { readonly size: number; readonly alignment: number };

/** How a scalar type is placed; its size is its alignment. */
const SCALARS: { readonly [T in keyof Scalars]: FieldSpec<Scalars[T]> } = {
  u8: { alignment: 1, place: (offset) => new U8Field(offset) },
  u16: { alignment: 2, place: (offset) => new U16Field(offset) },
  u32: { alignment: 4, place: (offset) => new U32Field(offset) },
  i32: { alignment: 4, place: (offset) => new I32Field(offset) },
  u64: { alignment: 8, place: (offset) => new U64Field(offset) },
  f64: { alignment: 8, place: (offset) => new F64Field(offset) },
};

/**
 * A run of bytes, aligned to one byte: a name in UTF-8, for example, or reserved room.
 *
 * @param count How many.
 */
export function bytes(count: number): FieldSpec<
  Field & {
    /** The bytes themselves, not a copy. */
    view(u8: Uint8Array, base: number): Uint8Array;
  }
> {
  return { alignment: 1, place: (offset) => new BytesField(offset, count) };
}

/**
 * Equal fields in a row, without gaps.
 *
 * @param of The type of each.
 * @param length How many.
 */
export function array<T extends keyof Scalars>(
  of: T,
  length: number,
): FieldSpec<
  Field & {
    /** How many elements. */
    readonly length: number;
    /** Bytes from one element to the next. */
    readonly stride: number;
    /** Byte address of an element; of element 0 unless given. */
    at(base: number, index?: number): number;
    /** Index of an element in its typed array; of element 0 unless given. For `Atomics`. */
    index(base: number, index?: number): number;
    /** Loads an element. */
    get(array: Parameters<Scalars[T]["get"]>[0], base: number, index: number): number;
    /** Stores an element. */
    set(array: Parameters<Scalars[T]["get"]>[0], base: number, index: number, value: number): void;
  }
> {
  const { alignment, place } = SCALARS[of];
  return { alignment, place: (offset) => new ArrayField(place(offset) as never, length) };
}

/**
 * A field at the next multiple of a power of two.
 *
 * @param alignment The power of two, in bytes.
 * @param field The field.
 * @throws {RangeError} If the alignment is not a power of two.
 */
export function aligned<S extends keyof Scalars | FieldSpec<Field>>(
  alignment: number,
  field: S,
): FieldSpec<Layout<{ readonly field: S }>["field"]> {
  if (!Number.isInteger(Math.log2(alignment))) {
    throw new RangeError(`Cannot align a field to ${alignment}: it must be a power of two`);
  }
  const spec = specOf(field);
  return {
    alignment: Math.max(alignment, spec.alignment),
    place: spec.place as (offset: number) => Layout<{ readonly field: S }>["field"],
  };
}

function specOf(field: keyof Scalars | FieldSpec<Field>): FieldSpec<Field> {
  return typeof field === "string" ? SCALARS[field] : field;
}

/** Bytes of a cache line. Words that different workers write belong in different lines. */
export const CACHE_LINE = 64;

/**
 * Describes a struct in shared memory. Fields lie in the order in which they are named, each at the
 * next multiple of its alignment, as in C; the size is rounded up to the largest alignment.
 *
 * Keep the result in a module-level `const`: compiled code then folds the offset, and an access costs
 * what one to the typed array costs, or about one load more if the layout comes from another module.
 * Where that counts, keep an offset or an index that never changes in a `const` of the module.
 *
 * `at(base)` is a field's byte address, for a kernel's atomic accesses, and `index(base)` its index in
 * the typed array, for `Atomics`. `get` and `set` are **plain** accesses: on shared memory each use
 * needs a happens-before chain.
 *
 * @param specs The fields by name, other than `size` and `alignment`.
 * @returns The layout.
 * @throws {RangeError} If a field is named `size` or `alignment`.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { aligned, array, bytes, CACHE_LINE, defineLayout } from "@guestmem/rcu/layout";
 * import { assertEquals } from "@std/assert";
 *
 * const RING = defineLayout({
 *   magic: "u32",
 *   generation: "u64", // at 8: aligned to its size
 *   label: bytes(13),
 *   entries: array("u32", 4), // at 32
 *   head: aligned(CACHE_LINE, "u32"), // at 64
 * });
 * assertEquals([RING.generation.offset, RING.entries.offset, RING.size], [8, 32, 128]);
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const ring = arena.allocate(RING.size, RING.alignment);
 * RING.generation.set(arena.u32, ring, 2 ** 40);
 * RING.entries.set(arena.u32, ring, 3, 7);
 * assertEquals(RING.generation.get(arena.u32, ring), 2 ** 40);
 * Atomics.add(arena.u32, RING.head.index(ring), 1);
 * ```
 */
export function defineLayout<
  const Specs extends Readonly<Record<string, keyof Scalars | FieldSpec<Field>>>,
>(
  specs: Specs,
): Layout<Specs> {
  const fields: Record<string, Field> = {};
  let end = 0;
  let alignment = 1;
  for (const [name, described] of Object.entries(specs)) {
    if (name === "size" || name === "alignment") {
      throw new RangeError(`Cannot name a field of a layout "${name}": the layout itself has it`);
    }
    const spec = specOf(described);
    const field = spec.place(roundUp(end, spec.alignment));
    fields[name] = field;
    end = field.offset + field.size;
    alignment = Math.max(alignment, spec.alignment);
  }
  return Object.freeze({ ...fields, size: roundUp(end, alignment), alignment }) as Layout<Specs>;
}

function roundUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
