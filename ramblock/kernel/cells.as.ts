// Ordered accesses to 32-bit cells.

export function load32(cell: usize): u32 {
  return atomic.load<u32>(cell);
}

export function store32(cell: usize, value: u32): void {
  atomic.store<u32>(cell, value);
}

export function add32(cell: usize, value: u32): u32 {
  return atomic.add<u32>(cell, value);
}

export function or32(cell: usize, value: u32): u32 {
  return atomic.or<u32>(cell, value);
}

export function and32(cell: usize, value: u32): u32 {
  return atomic.and<u32>(cell, value);
}

export function compareExchange32(cell: usize, expected: u32, value: u32): u32 {
  return atomic.cmpxchg<u32>(cell, expected, value);
}
