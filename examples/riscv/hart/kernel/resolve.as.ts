// Guest physical pages, as addresses in this memory.

import {
  RESOLUTION_LOGGED, RESOLUTION_WRITABLE, RESOLVED_ENTRIES, RESOLVED_PROTECTION, RESOLVED_RESULT,
  RESOLVED_SIZE,
} from "./layouts";

/**
 * The owner's answer for a guest physical page, given by its number: the page's address in this
 * memory with the bits of RESOLUTION, or 0 if a device answers there.
 */
// @ts-ignore: decorator
@external("env", "resolve")
declare function resolve(pageLow: u32, pageHigh: u32): u32;

/** Tells the owner that the guest stores to a page whose stores are logged. */
// @ts-ignore: decorator
@external("env", "mark")
declare function mark(pageLow: u32, pageHigh: u32): void;

/** Cache of pages, direct-mapped by page number. */
let table: usize = 0;

export function setResolved(address: usize): void {
  table = address;
}

/** Forgets all pages. */
export function flushResolved(): void {
  memory.fill(table, 0xff, RESOLVED_ENTRIES * <u32>RESOLVED_SIZE);
}

/** The entry of the page of a guest physical address: a RESOLVED. */
export function pageEntry(physical: u64): usize {
  const number = physical >> 12;
  const entry = table + (<usize>number & (RESOLVED_ENTRIES - 1)) * RESOLVED_SIZE;
  if (load<u64>(entry) == number) return entry;
  const result = resolve(<u32>number, <u32>(number >> 32));
  store<u64>(entry, number);
  store<u32>(entry + RESOLVED_RESULT, result);
  store<u32>(entry + RESOLVED_PROTECTION, 0);
  return entry;
}

/** The answer for the page of a guest physical address. */
export function resolved(physical: u64): u32 {
  return load<u32>(pageEntry(physical) + RESOLVED_RESULT);
}

/** The same for a store: a logged page is marked, and then writable until all pages are forgotten. */
export function resolvedForStore(physical: u64): u32 {
  const entry = pageEntry(physical);
  let result = load<u32>(entry + RESOLVED_RESULT);
  if (result & RESOLUTION_LOGGED) {
    const number = physical >> 12;
    mark(<u32>number, <u32>(number >> 32));
    result = result & ~RESOLUTION_LOGGED | RESOLUTION_WRITABLE;
    store<u32>(entry + RESOLVED_RESULT, result);
  }
  return result;
}
