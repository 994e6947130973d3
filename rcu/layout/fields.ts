/**
 * The accessors of a struct's fields. `base` is always the byte address of the struct, below 2^32;
 * the array is one over the whole memory. All accesses are plain.
 *
 * @module
 */

const TWO_32 = 0x1_0000_0000;

/** A field of a struct. */
export abstract class Field {
  /** Bytes from the start of the struct. */
  readonly offset: number;
  /** Bytes of the field. */
  abstract readonly size: number;

  /**
   * Places it.
   *
   * @param offset Bytes from the start of the struct.
   */
  constructor(offset: number) {
    this.offset = offset;
  }

  /** The field's byte address, for atomic accesses. */
  at(base: number): number {
    return base + this.offset;
  }
}

/**
 * A byte, a half word, a word (signed or not) or a double; `A` is the typed array of that element
 * type.
 *
 * Each type has a class with accessors of its own: compiled code remembers the typed arrays that a
 * function has seen, and one that has seen all of them is slow for every field.
 */
export abstract class ScalarField<A extends { [index: number]: number }> extends Field {
  /** Bytes of the field, which are its alignment as well. */
  abstract override readonly size: number;
  /** Loads it. */
  abstract get(array: A, base: number): number;
  /** Stores it. */
  abstract set(array: A, base: number, value: number): void;
  /** Its index in the typed array, for `Atomics`. */
  abstract index(base: number): number;
}

/** A byte. */
export class U8Field extends ScalarField<Uint8Array> {
  override readonly size = 1;
  override get(u8: Uint8Array, base: number): number {
    return u8[(base + this.offset) >>> 0]!;
  }
  override set(u8: Uint8Array, base: number, value: number): void {
    u8[(base + this.offset) >>> 0] = value;
  }
  override index(base: number): number {
    return (base + this.offset) >>> 0;
  }
}

/** Two bytes, unsigned. */
export class U16Field extends ScalarField<Uint16Array> {
  override readonly size = 2;
  override get(u16: Uint16Array, base: number): number {
    return u16[(base + this.offset) >>> 1]!;
  }
  override set(u16: Uint16Array, base: number, value: number): void {
    u16[(base + this.offset) >>> 1] = value;
  }
  override index(base: number): number {
    return (base + this.offset) >>> 1;
  }
}

/** A 32-bit word, unsigned. */
export class U32Field extends ScalarField<Uint32Array> {
  override readonly size = 4;
  override get(u32: Uint32Array, base: number): number {
    return u32[(base + this.offset) >>> 2]!;
  }
  override set(u32: Uint32Array, base: number, value: number): void {
    u32[(base + this.offset) >>> 2] = value;
  }
  override index(base: number): number {
    return (base + this.offset) >>> 2;
  }
}

/** A 32-bit word, signed. */
export class I32Field extends ScalarField<Int32Array> {
  override readonly size = 4;
  override get(i32: Int32Array, base: number): number {
    return i32[(base + this.offset) >>> 2]!;
  }
  override set(i32: Int32Array, base: number, value: number): void {
    i32[(base + this.offset) >>> 2] = value;
  }
  override index(base: number): number {
    return (base + this.offset) >>> 2;
  }
}

/** A double. */
export class F64Field extends ScalarField<Float64Array> {
  override readonly size = 8;
  override get(f64: Float64Array, base: number): number {
    return f64[(base + this.offset) >>> 3]!;
  }
  override set(f64: Float64Array, base: number, value: number): void {
    f64[(base + this.offset) >>> 3] = value;
  }
  override index(base: number): number {
    return (base + this.offset) >>> 3;
  }
}

/**
 * 64 bits, as a number (exact to 2^53 - 1) or as two halves. Two accesses, so it must not change
 * under a reader: a counter that does is loaded by a kernel, at the field's address.
 */
export class U64Field extends Field {
  /** Bytes of the field. */
  readonly size = 8;

  /** Loads it as a number. */
  get(u32: Uint32Array, base: number): number {
    const at = (base + this.offset) >>> 2;
    return u32[at + 1]! * TWO_32 + u32[at]!;
  }

  /** Stores a number: an integer from 0 to 2^53 - 1. */
  set(u32: Uint32Array, base: number, value: number): void {
    const at = (base + this.offset) >>> 2;
    u32[at] = value >>> 0;
    u32[at + 1] = (value - (value >>> 0)) / TWO_32;
  }

  /** Index of its lower half in an array of words. */
  index(base: number): number {
    return (base + this.offset) >>> 2;
  }

  /** Loads it as a bigint. */
  getBig(u32: Uint32Array, base: number): bigint {
    return BigInt(this.high(u32, base)) << 32n | BigInt(this.low(u32, base));
  }

  /** Stores a bigint from 0 to 2^64 - 1. */
  setBig(u32: Uint32Array, base: number, value: bigint): void {
    this.setHalves(u32, base, Number(value & 0xffff_ffffn), Number(value >> 32n));
  }

  /** Loads its lower half, unsigned. */
  low(u32: Uint32Array, base: number): number {
    return u32[(base + this.offset) >>> 2]!;
  }

  /** Loads its upper half, unsigned. */
  high(u32: Uint32Array, base: number): number {
    return u32[((base + this.offset) >>> 2) + 1]!;
  }

  /** Stores both halves; signed ones are taken as unsigned. */
  setHalves(u32: Uint32Array, base: number, low: number, high: number): void {
    const at = (base + this.offset) >>> 2;
    u32[at] = low;
    u32[at + 1] = high;
  }
}

/** A run of bytes. */
export class BytesField extends Field {
  /** Bytes of the field. */
  readonly size: number;

  /**
   * Places it.
   *
   * @param offset Bytes from the start of the struct.
   * @param size How many bytes.
   */
  constructor(offset: number, size: number) {
    super(offset);
    this.size = size;
  }

  /** The bytes themselves, not a copy. */
  view(u8: Uint8Array, base: number): Uint8Array {
    return u8.subarray(base + this.offset, base + this.offset + this.size);
  }
}

/** Equal fields in a row; `A` is the typed array that an element is accessed through. */
export class ArrayField<A extends { [index: number]: number }> extends Field {
  /** Bytes of the field. */
  readonly size: number;
  /** How many elements. */
  readonly length: number;
  /** Bytes from one element to the next. */
  readonly stride: number;
  /** Element 0. */
  readonly first: ScalarField<A> | U64Field;

  /**
   * Places it.
   *
   * @param first Element 0.
   * @param length How many elements.
   */
  constructor(first: ScalarField<A> | U64Field, length: number) {
    super(first.offset);
    this.first = first;
    this.length = length;
    this.stride = first.size;
    this.size = first.size * length;
  }

  /** Byte address of an element; of element 0 unless given. */
  override at(base: number, index = 0): number {
    return base + this.offset + index * this.stride;
  }

  /** Index of an element in its typed array; of element 0 unless given. For `Atomics`. */
  index(base: number, index = 0): number {
    return this.first.index(base + index * this.stride);
  }

  /** Loads an element. */
  get(array: A, base: number, index: number): number {
    return this.first.get(array as never, base + index * this.stride);
  }

  /** Stores an element. */
  set(array: A, base: number, index: number, value: number): void {
    this.first.set(array as never, base + index * this.stride, value);
  }
}
