// The kernel of package physmap, in AssemblyScript: the radix walk.
//
// All loads are plain: nobody writes to a dispatch once it is published, and the seq-cst load that
// found it happens after everything that was written before the seq-cst store that published it.
// The constants repeat `physmap/layout.ts`; the tests compare this walk with a linear scan and with
// the TypeScript walk in `physmap/testdata/walk.ts`.

const MAGIC: u32 = 0x70616d70;
const HEADER_BYTES: usize = 64;
const ROOT: usize = 16;
const PAGE_BITS: usize = 20;
const LEVELS: usize = 24;
const SECTIONS_AT: usize = 32;

const FIRST: usize = 0;
const LAST: usize = 8;
const TABLE: usize = 16;
const FLAGS: usize = 28;
const SUBPAGE: u32 = 0x80000000;
const NIL: u32 = 0x3ffffff;

// @ts-ignore: a decorator of AssemblyScript
@inline
function isDispatch(offset: usize): bool {
  const inside = offset <= (<usize> memory.size() << 16) - HEADER_BYTES;
  return (offset & (HEADER_BYTES - 1)) == 0 && inside && load<u32>(offset) == MAGIC;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function walk(dispatch: usize, address: u64): usize {
  const unassigned = dispatch + load<u32>(dispatch, SECTIONS_AT);
  let entry = load<u32>(dispatch, ROOT);
  let shift = load<u32>(dispatch, PAGE_BITS) + 9 * load<u32>(dispatch, LEVELS);
  while (entry & 63) {
    const node = entry >> 6;
    if (node == NIL) return unassigned;
    shift -= 9 * (entry & 63);
    const slot = <u32> (address >> shift) & 511;
    entry = load<u32>(dispatch + (node << 11) + (slot << 2), HEADER_BYTES);
  }
  // Compaction dropped address bits on the way: the section found need not cover the address.
  const row = unassigned + ((entry >> 6) << 5);
  return load<u64>(row, FIRST) <= address && address <= load<u64>(row, LAST) ? row : unassigned;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function resolve(dispatch: usize, row: usize, address: u64): usize {
  if ((load<u32>(row, FLAGS) & SUBPAGE) == 0) return row;
  const byte = <u32> address & ((1 << load<u32>(dispatch, PAGE_BITS)) - 1);
  const section = <u32> load<u16>(dispatch + load<u32>(row, TABLE) + (byte << 1));
  return dispatch + load<u32>(dispatch, SECTIONS_AT) + (section << 5);
}

// All of what follows gives 0 (the null offset, or false) if no dispatch lies at the offset.

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
