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
  U16Field,
  U32Field,
  U64Field,
  U8Field,
} from "./fields.ts";

/** The types of single fields. Words are little-endian. */
export type ScalarType = "u8" | "u16" | "u32" | "i32" | "u64" | "f64";

/** A run of bytes that is read and written as bytes. From {@linkcode bytes}. */
export interface BytesSpec<N extends number = number> {
  /** How many bytes. */
  readonly bytes: N;
}

/** Equal fields in a row. From {@linkcode array}. */
export interface ArraySpec<T extends ScalarType = ScalarType> {
  /** The type of each element. */
  readonly of: T;
  /** How many. */
  readonly length: number;
}

/** A field at the next multiple of a power of two. From {@linkcode aligned}. */
export interface AlignedSpec<T extends UnalignedSpec = UnalignedSpec> {
  /** The field. */
  readonly field: T;
  /** Its offset is a multiple of this. */
  readonly alignment: number;
}

/** A field at its own alignment. */
export type UnalignedSpec = ScalarType | BytesSpec | ArraySpec;

/** Description of a field. */
export type FieldSpec = UnalignedSpec | AlignedSpec;

/** The accessor of each type. */
export interface Scalars {
  /** A byte. */
  u8: U8Field;
  /** Two bytes. */
  u16: U16Field;
  /** A word, unsigned. */
  u32: U32Field;
  /** A word, signed. */
  i32: I32Field;
  /** 64 bits. */
  u64: U64Field;
  /** A double. */
  f64: F64Field;
}

/** The accessor of a field with this description. */
export type FieldOf<S> = S extends ScalarType ? Scalars[S]
  : S extends BytesSpec ? BytesField
  : S extends ArraySpec<infer T> ? ArrayField<Parameters<Scalars[T]["get"]>[0]>
  : S extends AlignedSpec<infer F> ? FieldOf<F>
  : never;

/**
 * A struct: an accessor for each field; its `size` in bytes, a multiple of its `alignment`; and its
 * `alignment`, which the address of a struct has to be a multiple of.
 */
export type Layout<Specs> =
  & { readonly [Name in keyof Specs]: FieldOf<Specs[Name]> }
  & { readonly size: number; readonly alignment: number };

/**
 * A run of bytes, aligned to one byte: a name in UTF-8, for example, or reserved room.
 *
 * @param count How many.
 */
export function bytes<N extends number>(count: N): BytesSpec<N> {
  return { bytes: count };
}

/**
 * Equal fields in a row, without gaps.
 *
 * @param of The type of each.
 * @param length How many.
 */
export function array<T extends ScalarType>(of: T, length: number): ArraySpec<T> {
  return { of, length };
}

/**
 * A field at the next multiple of a power of two.
 *
 * @param alignment The power of two, in bytes.
 * @param field The field.
 */
export function aligned<T extends UnalignedSpec>(alignment: number, field: T): AlignedSpec<T> {
  return { alignment, field };
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
 * @throws {RangeError} If a field is named `size` or `alignment`, or its alignment is not a power
 * of two.
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
export function defineLayout<const Specs extends Readonly<Record<string, FieldSpec>>>(
  specs: Specs,
): Layout<Specs> {
  const fields: Record<string, Field> = {};
  let end = 0;
  let alignment = 1;
  for (const [name, spec] of Object.entries(specs)) {
    if (name === "size" || name === "alignment") {
      throw new RangeError(`Cannot name a field of a layout "${name}": the layout itself has it`);
    }
    const wanted = alignmentOf(name, spec);
    const field = fieldAt(roundUp(end, wanted), spec);
    fields[name] = field;
    end = field.offset + field.size;
    alignment = Math.max(alignment, wanted);
  }
  return Object.freeze({ ...fields, size: roundUp(end, alignment), alignment }) as Layout<Specs>;
}

function alignmentOf(name: string, spec: FieldSpec): number {
  if (typeof spec === "string") return SCALARS[spec].SIZE;
  if ("of" in spec) return SCALARS[spec.of].SIZE;
  if ("bytes" in spec) return 1;
  const { alignment } = spec;
  if (!Number.isInteger(Math.log2(alignment))) {
    throw new RangeError(`Cannot align field "${name}" to ${alignment}: it must be a power of two`);
  }
  return Math.max(alignment, alignmentOf(name, spec.field));
}

function fieldAt(offset: number, spec: FieldSpec): Field {
  if (typeof spec === "string") return new SCALARS[spec](offset);
  if ("of" in spec) return new ArrayField(new SCALARS[spec.of](offset) as never, spec.length);
  if ("bytes" in spec) return new BytesField(offset, spec.bytes);
  return fieldAt(offset, spec.field);
}

const SCALARS = {
  u8: U8Field,
  u16: U16Field,
  u32: U32Field,
  i32: I32Field,
  u64: U64Field,
  f64: F64Field,
} as const;

function roundUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
