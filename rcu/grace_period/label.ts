/**
 * Labels in shared memory: a length, then UTF-8.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";

/**
 * Encodes a label.
 *
 * @throws {RcuError} `LABEL_TOO_LONG`: if it has more than `limit` bytes of UTF-8.
 */
export function encodeLabel(label: string, limit: number): Uint8Array {
  const bytes = new TextEncoder().encode(label);
  if (bytes.length > limit) {
    throw new RcuError("LABEL_TOO_LONG", { label, bytes: bytes.length, limit });
  }
  return bytes;
}

/** Stores an encoded label at `at`, the address of its length. */
export function storeLabel(memory: Uint8Array, at: number, bytes: Uint8Array): void {
  memory[at] = bytes.length;
  memory.set(bytes, at + 4);
}

/** Loads the label at `at`. */
export function loadLabel(memory: Uint8Array, at: number): string {
  // A TextDecoder refuses shared memory in browsers, hence the copy.
  return new TextDecoder().decode(memory.slice(at + 4, at + 4 + memory[at]!));
}
