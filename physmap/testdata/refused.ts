/**
 * Refusals of this package in tests.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { PhysMapError, type PhysMapErrorDetails } from "../errors/physmap_error.ts";

/** Asserts that a call throws the package's error with this code; returns its details. */
export function refused<Code extends keyof PhysMapErrorDetails>(
  code: Code,
  run: () => unknown,
  message = "",
): PhysMapErrorDetails[Code] {
  const error = assertThrows(run, PhysMapError, message);
  assertEquals(error.code, code);
  return error.details as PhysMapErrorDetails[Code];
}
