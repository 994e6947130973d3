/**
 * Refusals of this package in tests.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { RamBlockError, type RamBlockErrorDetails } from "../errors/ramblock_error.ts";

/** Asserts that a call throws the package's error with this code; returns the error. */
export function refused<Code extends keyof RamBlockErrorDetails>(
  code: Code,
  run: () => unknown,
  message = "",
): RamBlockError<Code> {
  const error = assertThrows(run, RamBlockError, message);
  assertEquals(error.code, code);
  return error as RamBlockError<Code>;
}
