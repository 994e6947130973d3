/**
 * What contracts say of a result, and of the memory.
 *
 * @module
 */

import { check, type Steps } from "#tools/explorer/mod.ts";
import { k } from "./setting.ts";

/** Fails unless a result is what was wanted. */
export function equal(got: number, wanted: number, what: string): void {
  check(got === wanted, `${what} is ${got} instead of ${wanted}`);
}

/** Fails unless the word at an address holds a value. */
export function* holds(at: number, wanted: number, what: string): Steps {
  equal((yield* k.load32(at)) >>> 0, wanted, what);
}

/** Fails unless the 64-bit word at an address holds a value. */
export function* holds64(at: number, wanted: number, what: string): Steps {
  equal(yield* k.load64(at), wanted, what);
}
