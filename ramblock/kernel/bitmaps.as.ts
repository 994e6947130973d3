// Ranges of bits, word by word.

/** Bits [bit, bit + count) of one 64-bit word. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function bits(bit: u32, count: u32): u64 {
  return (~u64(0) >>> (64 - u64(count))) << u64(bit);
}

/** The operations on the bits of one word. */
export const SET: u32 = 0;
export const CLEAR: u32 = 1;
export const TEST: u32 = 2;

/**
 * Applies an operation to the bits of one word; whether any was set before. SET is a read-modify-write
 * even if the bits are set: see `dirty_memory.ts`.
 */
function apply(word: usize, mask: u64, operation: u32): bool {
  if (operation == SET) return (atomic.or<u64>(word, mask) & mask) != 0;
  if (operation == TEST) return (atomic.load<u64>(word) & mask) != 0;
  // The bit is clear, so no write was handed over, and there is nothing to acquire.
  if ((atomic.load<u64>(word) & mask) == 0) return false;
  return (atomic.and<u64>(word, ~mask) & mask) != 0;
}

/** Applies an operation to bits [first, first + count) of a bitmap; whether any was set before. */
export function applyRange(bitmap: usize, first: u64, count: u64, operation: u32): bool {
  let any = false;
  while (count > 0) {
    const bit = u32(first & 63);
    const part = min<u64>(count, u64(64 - bit));
    if (apply(bitmap + usize(first >>> 6 << 3), bits(bit, u32(part)), operation)) any = true;
    first += part;
    count -= part;
  }
  return any;
}

/** Takes bits [first, first + count) into `into`, where they begin at bit 0; whether any was set. */
export function takeRange(bitmap: usize, first: u64, count: u64, into: usize, at: u64): bool {
  let any = false;
  while (count > 0) {
    const bit = u32(first & 63);
    const part = min<u64>(min<u64>(count, u64(64 - bit)), 64 - (at & 63));
    const mask = bits(bit, u32(part));
    const word = bitmap + usize(first >>> 6 << 3);
    if (atomic.load<u64>(word) & mask) {
      const taken = atomic.and<u64>(word, ~mask) & mask;
      const target = into + usize(at >>> 6 << 3);
      store<u64>(target, load<u64>(target) | (taken >>> u64(bit) << (at & 63)));
      // Another context may have taken the bits in between.
      if (taken) any = true;
    }
    first += part;
    at += part;
    count -= part;
  }
  return any;
}
