/**
 * Readers that pass for those of another thread, so that a test in one thread says what comes when.
 *
 * @module
 */

import type { MembReader, RcuDomain } from "../mod.ts";
import { removeLocalReader } from "../sync/waiting.ts";

/** Registers a reader that the waits of this thread do not count as one of its own. */
export function registerElsewhere(domain: RcuDomain, label = ""): MembReader {
  const reader = domain.register({ label });
  removeLocalReader(domain.arena, reader);
  return reader;
}
