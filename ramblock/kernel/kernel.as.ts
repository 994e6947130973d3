// The kernel of package ramblock, in AssemblyScript: a file for each part, all of them one module. It is
// instantiated over the arena (RAM blocks, dirty bitmaps, memslots, shadow mappings) and over each
// window of guest RAM (eight-byte accesses, atomics, scrubbing).
//
// The constants come from `layouts.ts`. Numbers beyond 32 bits come in and go out as f64, exact to
// 2^53: callers check the range.

export {
  findBlock,
  findHost,
  walkBlocks,
  usedLength,
  setUsedLength,
  bumpVersion,
} from "./blocks.as";
export { load32, store32, add32, or32, and32, compareExchange32 } from "./cells.as";
export {
  logEpoch,
  bumpLogEpoch,
  dirtyPages,
  setDirtyPage,
  setDirty,
  testDirty,
  testAndClearDirty,
  takeDirty,
} from "./dirty.as";
export { findSlot, gfnToHost, logDirty, takeLog } from "./memslots.as";
export {
  shadowLookup,
  shadowFill,
  shadowFlush,
  shadowProtect,
  shadowClear,
  shadowCount,
} from "./shadow.as";
export { upper, load64, store64, compareExchange64, scrub } from "./guest_ram.as";
