// Guest RAM: eight-byte accesses, atomics, scrubbing.

let high: u32 = 0;

/** The upper half of this instance's last `load64` or `compareExchange64`. */
export function upper(): u32 {
  return high;
}

/** Loads eight bytes, as one if they are aligned; returns the lower half. */
export function load64(at: usize): u32 {
  const value = at & 7 ? load<u64>(at) : atomic.load<u64>(at);
  high = u32(value >>> 32);
  return u32(value);
}

/** Stores eight bytes, as one if they are aligned. */
export function store64(at: usize, low: u32, upper: u32): void {
  const value = (u64(upper) << 32) | u64(low);
  if (at & 7) store<u64>(at, value);
  else atomic.store<u64>(at, value);
}

/** Stores eight aligned bytes if they hold what is expected; returns what they held. */
export function compareExchange64(
  at: usize,
  expectedLow: u32,
  expectedHigh: u32,
  low: u32,
  upper: u32,
): u32 {
  const expected = (u64(expectedHigh) << 32) | u64(expectedLow);
  const value = atomic.cmpxchg<u64>(at, expected, (u64(upper) << 32) | u64(low));
  high = u32(value >>> 32);
  return u32(value);
}

/**
 * Zeroes pages of 4 KiB that are not zero already: reading a page that was never touched costs the
 * host no memory, writing it would.
 */
export function scrub(from: usize, pages: u32): u32 {
  let written: u32 = 0;
  for (let page: u32 = 0; page < pages; page++) {
    const start = from + (usize(page) << 12);
    if (isZero(start)) continue;
    memory.fill(start, 0, 4096);
    written++;
  }
  return written;
}

function isZero(start: usize): bool {
  for (let at: usize = 0; at < 4096; at += 32) {
    const word = load<u64>(start + at) | load<u64>(start + at, 8) | load<u64>(start + at, 16) |
      load<u64>(start + at, 24);
    if (word) return false;
  }
  return true;
}
