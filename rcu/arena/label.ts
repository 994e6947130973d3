/**
 * Labels in shared memory: a length, then UTF-8.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import type { BytesField, ScalarField } from "../layout/fields.ts";
import type { SharedMemory } from "./allocator.ts";

/** The fields of a struct that has a label. */
export interface Labelled {
  /** Length of the label in bytes. */
  readonly labelLength: ScalarField<Uint32Array>;
  /** Its text in UTF-8. */
  readonly label: BytesField;
}

/**
 * Encodes a label.
 *
 * @throws {RcuError} `LABEL_TOO_LONG`: it does not fit the struct's field.
 */
export function encodeLabel(label: string, struct: Labelled): Uint8Array {
  const bytes = new TextEncoder().encode(label);
  const limit = struct.label.size;
  if (bytes.length > limit) {
    throw new RcuError("LABEL_TOO_LONG", { label, bytes: bytes.length, limit });
  }
  return bytes;
}

/** The memory as words and as bytes. */
type Words = Pick<SharedMemory, "u32" | "u8">;

/** Stores an encoded label in the struct at `base`. */
export function storeLabel(memory: Words, struct: Labelled, base: number, bytes: Uint8Array): void {
  struct.labelLength.set(memory.u32, base, bytes.length);
  memory.u8.set(bytes, struct.label.at(base));
}

/** Loads the label of the struct at `base`. */
export function loadLabel(memory: Words, struct: Labelled, base: number): string {
  const length = struct.labelLength.get(memory.u32, base);
  // A copy, since browsers refuse to decode shared memory.
  return new TextDecoder().decode(struct.label.view(memory.u8, base).slice(0, length));
}
