/**
 * The rule that nobody waits for another context inside a read-side section: the other context may
 * itself be waiting for that section to end. And the readers of this context, to which it applies.
 *
 * A context here is a thread: a worker, or the main thread. It may have attached to several arenas,
 * and to one arena several times. The rule holds for all its readers alike: while a thread sleeps, no
 * reader of it moves, in whichever arena.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import type { LocalReader } from "../arena/local_reader.ts";
import { EvictedError, WaitInSectionError } from "../errors/specific_errors.ts";

/** The attachments of this context that have readers. Weak: an arena may be dropped as it is. */
const attachments: WeakRef<Arena>[] = [];

/** How many waits of this context are in progress, one inside the other: a stall report may wait. */
let waits = 0;

/** Lists the readers of this context, each with the attachment by way of which it was registered. */
function localReaders(): LocalReader[] {
  return attachments.flatMap((attachment) => {
    const arena = attachment.deref();
    return arena === undefined ? [] : coreOf(arena).readers;
  });
}

/** The reader that an attachment has registered in a domain. */
export function localReader(arena: Arena, domain: number): LocalReader | undefined {
  return coreOf(arena).readers.find((reader) => reader.domain === domain);
}

/** Makes a reader known to the waits of its context, and to `Arena.close`. */
export function addLocalReader(arena: Arena, reader: LocalReader): void {
  const { readers } = coreOf(arena);
  readers.push(reader);
  if (readers.length > 1) return;
  dropAttachments((other) => other === undefined);
  attachments.push(new WeakRef(arena));
}

/** Forgets a reader that is unregistered. */
export function removeLocalReader(arena: Arena, reader: LocalReader): void {
  const { readers } = coreOf(arena);
  const index = readers.indexOf(reader);
  if (index >= 0) readers.splice(index, 1);
  if (readers.length === 0) dropAttachments((other) => other === arena);
}

function dropAttachments(isDropped: (arena: Arena | undefined) => boolean): void {
  for (let index = attachments.length - 1; index >= 0; index--) {
    if (isDropped(attachments[index]!.deref())) attachments.splice(index, 1);
  }
}

/** Whether a wait of this context is in progress: a reader that registers now starts suspended. */
export function isWaiting(): boolean {
  return waits > 0;
}

/**
 * Throws if a reader of this context is inside a section that must not span a wait: any RCU section,
 * and an SRCU section of the domain whose grace period is waited for.
 */
export function refuseInSection(
  action: string,
  of?: { readonly arena: Arena; readonly domain: number },
): void {
  // Every lock of a mutex comes here, so nothing is allocated: no list as `localReaders` makes.
  for (let index = 0; index < attachments.length; index++) {
    const arena = attachments[index]!.deref();
    if (arena === undefined) continue;
    const { readers } = coreOf(arena);
    for (let at = 0; at < readers.length; at++) {
      const reader = readers[at]!;
      if (reader.inSection || of !== undefined && isInSectionOf(of, arena, reader)) {
        throw new WaitInSectionError({ action, label: reader.label });
      }
    }
  }
}

function isInSectionOf(
  of: { readonly arena: Arena; readonly domain: number },
  arena: Arena,
  reader: LocalReader,
): boolean {
  return reader.openSections > 0 && reader.domain === of.domain &&
    arena.handle.id === of.arena.handle.id;
}

/**
 * Throws if this context is inside any section, of RCU or SRCU. For a wait for a context that may
 * itself wait for any grace period: a device whose callback unplugs something does.
 *
 * @param action What the caller does, for the error message.
 * @throws {WaitInSectionError} If a section is open.
 */
export function refuseInAnySection(action: string): void {
  // Every exit to another context's device comes here: nothing is allocated.
  for (let index = 0; index < attachments.length; index++) {
    const arena = attachments[index]!.deref();
    if (arena === undefined) continue;
    const { readers } = coreOf(arena);
    for (let at = 0; at < readers.length; at++) {
      const { openSections, label } = readers[at]!;
      if (openSections > 0) throw new WaitInSectionError({ action, label });
    }
  }
}

/**
 * Runs a blocking wait for another context outside every read-side section. QSBR readers of this
 * context are offline while it lasts, so no grace period waits for the sleeper. Waits nest: the
 * readers are back online once the outermost is over.
 *
 * @param action What the caller does, for the error message.
 * @param wait The wait. Nothing dereferenced before it may be used after it.
 * @returns What `wait` returns.
 * @throws {WaitInSectionError} If an RCU reader of this context is inside a section.
 */
export function waitOutside<T>(action: string, wait: () => T): T {
  refuseInSection(action);
  waits++;
  try {
    if (waits === 1) forEachReader((reader) => reader.suspend());
    return wait();
  } finally {
    waits--;
    if (waits === 0) forEachReader((reader) => reader.resume());
  }
}

/**
 * Lets every reader of this context that is outside its sections rest: between two turns of the event
 * loop it references nothing. It is online again as soon as it is used.
 */
export function restIdleReaders(): void {
  forEachReader((reader) => {
    if (!reader.inSection) reader.rest();
  });
}

/** Calls a function for every reader. One that was evicted has ended, and says so when it is used. */
function forEachReader(call: (reader: LocalReader) => void): void {
  for (const reader of localReaders()) {
    try {
      call(reader);
    } catch (error) {
      if (!(error instanceof EvictedError)) throw error;
    }
  }
}
