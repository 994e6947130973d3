// The kernel of package physmap, in AssemblyScript: the radix walk.
//
// All loads are plain: nobody writes to a map once it is published, and the seq-cst load that found
// the dispatch happens after everything that was written before the seq-cst store that published it.
//
// The constants come from `layouts.ts`. The tests compare this walk with a linear scan and with the
// walk in TypeScript, `physmap/testdata/typescript_walk.ts`.

import {
  DISPATCH_MAGIC,
  DISPATCH_ROOT,
  DISPATCH_SIZE,
  DISPATCH_UNASSIGNED,
  HEIGHT_MASK,
  LEVEL_BITS,
  MAGIC,
  NODE_SLOTS,
  SECTION_FIRST,
  SECTION_LAST,
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
  let entry = load<u32>(dispatch, DISPATCH_ROOT);
  let height = entry & HEIGHT_MASK;
  while (height) {
    const slot = <u32> (address >> (height * LEVEL_BITS - LEVEL_BITS)) & (NODE_SLOTS - 1);
    entry = load<u32>((entry ^ height) + slot * sizeof<u32>());
    height = entry & HEIGHT_MASK;
  }
  // A node, or a section in place of one, may stand where no other addresses are assigned: then the
  // walk did not look at all bits, and what it found need not have the address.
  return entry != 0 && load<u64>(entry, SECTION_FIRST) <= address &&
      address <= load<u64>(entry, SECTION_LAST)
    ? entry
    : dispatch + DISPATCH_UNASSIGNED;
}

// The exports give 0 (the null offset, or false) if no dispatch lies at the offset.

/**
 * The section that has an address given as a number. 0 as well if it is not an integer from 0 to
 * 2^53 - 1, since checking it here costs less than it does in JavaScript.
 */
export function find(dispatch: usize, address: f64): usize {
  const integer = <i64> address;
  if (<f64> integer != address || <u64> integer >= 0x20000000000000) return 0;
  return isDispatch(dispatch) ? walk(dispatch, integer) : 0;
}

/** The section that has an address given in halves. */
export function findAt(dispatch: usize, high: u32, low: u32): usize {
  return isDispatch(dispatch) ? walk(dispatch, (<u64> high << 32) | low) : 0;
}

/** The sections (u32 each) that have `count` addresses (u64 each). */
export function findAll(dispatch: usize, addresses: usize, results: usize, count: u32): bool {
  if (!isDispatch(dispatch)) return false;
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(results + (i << 2), walk(dispatch, load<u64>(addresses + (i << 3))));
  }
  return true;
}
