// The kernel of package iommu, in AssemblyScript: the walk of a mapping table.
//
// An entry may change while it is read (a mapping is made, removed or split), so each is loaded as one
// 64-bit atomic: a reader sees all of the old entry or all of the new one, and what a pointer leads to
// was written before the pointer. The header is written once, before any reader can reach it.
//
// The constants come from `layouts.ts`: the build answers for that module with what it exports.

import { ENTRY_BIT_POINTER, NODE_ENTRIES, TABLE_LEVELS, TABLE_ROOT } from "./layouts";

let found: u64 = 0;

/**
 * Finds the leaf that maps a page. Returns its level (0: 4 KiB, 1: 2 MiB, 2: 1 GiB), or -1.
 * `targetPage` and `permissions` then describe it: only one thread runs an instance.
 */
export function walk(table: usize, page: f64): i32 {
  const number = <u64> page;
  let level = load<u32>(table, TABLE_LEVELS);
  if (number >> (9 * level)) return -1;
  let node = <usize> load<u32>(table, TABLE_ROOT);
  while (true) {
    level--;
    const slot = <usize> ((number >> (9 * level)) & 511);
    const entry = atomic.load<u64>(node + (slot << 3), NODE_ENTRIES);
    if ((entry & ENTRY_BIT_POINTER) == 0) {
      found = entry;
      return entry ? <i32> level : -1;
    }
    node = <usize> (entry >> 32);
  }
}

/** The first page that the last found leaf maps to. */
export function targetPage(): f64 {
  return <f64> (found >> 12);
}

/** The permissions of the last found leaf: 1 read, 2 write, 3 both. */
export function permissions(): u32 {
  return <u32> found & 3;
}
