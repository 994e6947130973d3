/**
 * The rule that nobody waits for another context inside a read-side section: the other context may
 * itself be waiting for that section to end.
 *
 * @module
 */

import type { SharedMemory } from "../arena/allocator.ts";
import { WaitInSectionError } from "../errors/specific_errors.ts";

/** A reader of this context, as the waits of the context see it. */
export interface LocalReader {
  /** Offset of the domain that it reads in. */
  readonly domain: number;
  /** The reader's label. */
  readonly label: string;
  /** Whether a section is open during which its context must not wait for any other. */
  readonly inSection: boolean;
  /** How many sections are open that hold up grace periods of `domain`. */
  readonly openSections: number;
  /** Reports that the context references nothing for the length of a wait. */
  suspend(): void;
  /** The wait is over. */
  resume(): void;
}

/** Readers by attachment: a context that has attached twice counts as two. */
const readers = new WeakMap<SharedMemory, Set<LocalReader>>();

/** The reader that this context has registered in a domain. */
export function localReader(arena: SharedMemory, domain: number): LocalReader | undefined {
  return [...readers.get(arena) ?? []].find((reader) => reader.domain === domain);
}

/** Makes a reader known to the waits of its context. */
export function addLocalReader(arena: SharedMemory, reader: LocalReader): void {
  const known = readers.get(arena);
  if (known) known.add(reader);
  else readers.set(arena, new Set([reader]));
}

/** Forgets a reader that is unregistered. */
export function removeLocalReader(arena: SharedMemory, reader: LocalReader): void {
  readers.get(arena)?.delete(reader);
}

/**
 * Throws if a reader of this context is inside a section that must not span a wait: any RCU section,
 * and an SRCU section of the domain whose grace period is waited for.
 */
export function refuseInSection(arena: SharedMemory, action: string, domain = 0): void {
  for (const reader of readers.get(arena) ?? []) {
    if (reader.inSection || reader.domain === domain && reader.openSections > 0) {
      throw new WaitInSectionError({ action, label: reader.label });
    }
  }
}

/**
 * Throws if this context is inside any section, of RCU or SRCU. For a wait for a context that may
 * itself wait for any grace period: a device whose callback unplugs something does.
 *
 * @param arena The arena, as this context attached to it: the very object.
 * @param action What the caller does, for the error message.
 * @throws {WaitInSectionError} If a section is open.
 */
export function refuseInAnySection(arena: SharedMemory, action: string): void {
  for (const reader of readers.get(arena) ?? []) {
    if (reader.openSections > 0) throw new WaitInSectionError({ action, label: reader.label });
  }
}

/**
 * Runs a blocking wait for another context outside every read-side section. QSBR readers of this
 * context are offline while it lasts, so no grace period waits for the sleeper.
 *
 * @param arena The arena, as this context attached to it: the very object.
 * @param action What the caller does, for the error message.
 * @param wait The wait. Nothing dereferenced before it may be used after it.
 * @returns What `wait` returns.
 * @throws {WaitInSectionError} If an RCU reader of this context is inside a section.
 */
export function waitOutside<T>(arena: SharedMemory, action: string, wait: () => T): T {
  refuseInSection(arena, action);
  const suspended = [...readers.get(arena) ?? []];
  try {
    for (const reader of suspended) reader.suspend();
    return wait();
  } finally {
    for (const reader of suspended) reader.resume();
  }
}

/** Reports a quiescent state for every reader of this context that is outside its sections. */
export function quiesceIdle(arena: SharedMemory): void {
  for (const reader of readers.get(arena) ?? []) {
    if (reader.inSection) continue;
    reader.suspend();
    reader.resume();
  }
}
