// The kernel of package iommu, in AssemblyScript: the walk of a mapping table.
//
// An entry may change while it is read (a mapping comes, goes or is split), so each is loaded as one
// atomic word of 64 bits: a reader sees all of the old entry or all of the new one, and what a
// pointer leads to was written before the pointer was. The header is written once, before anybody
// can reach it. The constants repeat `iommu/table/layout.ts`; a test compares them.

const ROOT: usize = 0;
const LEVELS: usize = 4;
const ENTRIES: usize = 16;
const TABLE: u64 = 4;

let found: u64 = 0;

/**
 * Finds the leaf entry that maps a page: its level (0: 4 KiB, 1: 2 MiB, 2: 1 GiB), or -1. The entry
 * is then at hand in `targetPage` and `permissions`: only one thread runs an instance.
 */
export function walk(table: usize, page: f64): i32 {
  const number = <u64> page;
  let level = load<u32>(table, LEVELS);
  if (number >> (9 * level)) return -1;
  let node = <usize> load<u32>(table, ROOT);
  while (true) {
    level--;
    const slot = <usize> ((number >> (9 * level)) & 511);
    const entry = atomic.load<u64>(node + (slot << 3), ENTRIES);
    if ((entry & TABLE) == 0) {
      found = entry;
      return entry ? <i32> level : -1;
    }
    node = <usize> (entry >> 32);
  }
}

/** The first page that the entry found last leads to. */
export function targetPage(): f64 {
  return <f64> (found >> 12);
}

/** The permissions of the entry found last: 1 read, 2 write, 3 both. */
export function permissions(): u32 {
  return <u32> found & 3;
}
