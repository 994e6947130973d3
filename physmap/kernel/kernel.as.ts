// The kernel of package physmap, in AssemblyScript: the radix walk.
//
// All loads are plain: nobody writes to a dispatch once it is published, and the seq-cst load that
// found it happens after everything that was written before the seq-cst store that published it.
//
// The constants come from `layouts.ts`. The tests compare this walk with a linear scan and with the
// walk in TypeScript, `physmap/testdata/typescript_walk.ts`.

import {
  CONTAINER_TABLE,
  DISPATCH_LEVELS,
  DISPATCH_MAGIC,
  DISPATCH_PAGE_BITS,
  DISPATCH_ROOT,
  DISPATCH_SECTIONS_AT,
  DISPATCH_SIZE,
  LEVEL_BITS,
  MAGIC,
  NIL,
  NODE_BYTES,
  NODE_ENTRIES,
  SECTION_FIRST,
  SECTION_FLAG_CONTAINER,
  SECTION_FLAGS,
  SECTION_LAST,
  SECTION_SIZE,
  SKIP_BITS,
  SKIP_MASK,
} from "./layouts";

// @ts-ignore: a decorator of AssemblyScript
@inline
function isDispatch(offset: usize): bool {
  const inside = offset <= (<usize> memory.size() << 16) - DISPATCH_SIZE;
  return (offset & (DISPATCH_SIZE - 1)) == 0 && inside &&
    load<u32>(offset, DISPATCH_MAGIC) == MAGIC;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function walk(dispatch: usize, address: u64): usize {
  const unassigned = dispatch + load<u32>(dispatch, DISPATCH_SECTIONS_AT);
  let entry = load<u32>(dispatch, DISPATCH_ROOT);
  let shift = load<u32>(dispatch, DISPATCH_PAGE_BITS) +
    LEVEL_BITS * load<u32>(dispatch, DISPATCH_LEVELS);
  while (entry & SKIP_MASK) {
    const node = entry >> SKIP_BITS;
    if (node == NIL) return unassigned;
    shift -= LEVEL_BITS * (entry & SKIP_MASK);
    const slot = <u32> (address >> shift) & (NODE_ENTRIES - 1);
    entry = load<u32>(dispatch + node * NODE_BYTES + slot * sizeof<u32>(), DISPATCH_SIZE);
  }
  // Compaction dropped address bits on the way: the section found need not cover the address.
  const row = unassigned + (entry >> SKIP_BITS) * SECTION_SIZE;
  return load<u64>(row, SECTION_FIRST) <= address && address <= load<u64>(row, SECTION_LAST)
    ? row
    : unassigned;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function resolve(dispatch: usize, row: usize, address: u64): usize {
  if ((load<u32>(row, SECTION_FLAGS) & <u32> SECTION_FLAG_CONTAINER) == 0) return row;
  const byte = <u32> address & ((1 << load<u32>(dispatch, DISPATCH_PAGE_BITS)) - 1);
  const section = <u32> load<u16>(
    dispatch + load<u32>(row, CONTAINER_TABLE) + byte * sizeof<u16>(),
  );
  return dispatch + load<u32>(dispatch, DISPATCH_SECTIONS_AT) + section * SECTION_SIZE;
}

// The exports give 0 (the null offset, or false) if no dispatch lies at the offset.

/**
 * The row of the section that has an address given as a number. 0 as well if it is not an integer
 * from 0 to 2^53 - 1, since checking it here costs less than it does in JavaScript.
 */
export function find(dispatch: usize, address: f64, resolveSubpage: bool): usize {
  const integer = <i64> address;
  if (<f64> integer != address || <u64> integer >= 0x20000000000000) return 0;
  if (!isDispatch(dispatch)) return 0;
  const row = walk(dispatch, integer);
  return resolveSubpage ? resolve(dispatch, row, integer) : row;
}

/** The row of the section that has an address given in halves. */
export function findAt(dispatch: usize, high: u32, low: u32, resolveSubpage: bool): usize {
  if (!isDispatch(dispatch)) return 0;
  const address = (<u64> high << 32) | low;
  const row = walk(dispatch, address);
  return resolveSubpage ? resolve(dispatch, row, address) : row;
}

/** The rows (u32 each) of the sections that have `count` addresses (u64 each). */
export function findAll(dispatch: usize, addresses: usize, results: usize, count: u32): bool {
  if (!isDispatch(dispatch)) return false;
  for (let i: u32 = 0; i < count; i++) {
    const address = load<u64>(addresses + (i << 3));
    store<u32>(results + (i << 2), resolve(dispatch, walk(dispatch, address), address));
  }
  return true;
}
