// RAM blocks: looking them up, with the MRU word and without.

import {
  BLOCK_HOST,
  BLOCK_MAX_LENGTH,
  BLOCK_OFFSET,
  BLOCK_USED_LENGTH,
  RAM_LIST,
  RAM_MRU,
  RAM_VERSION,
} from "./layouts";

// @ts-ignore: a decorator of AssemblyScript
@inline
function holds(block: usize, field: usize, position: u64): bool {
  return position - load<u64>(block + field) < load<u64>(block, BLOCK_MAX_LENGTH);
}

/**
 * The block of a ram_addr_t, or 0. The version is loaded before the MRU word and before the walk:
 * see `ramblock/explore/mru.ts`.
 */
export function findBlock(ram: usize, address: f64): usize {
  const wanted = u64(address);
  const version = atomic.load<u32>(ram, RAM_VERSION);
  const mru = atomic.load<u64>(ram, RAM_MRU);
  const recent = usize(u32(mru));
  if (u32(mru >>> 32) == version && recent != 0) {
    if (holds(recent, BLOCK_OFFSET, wanted)) return recent;
  }
  const block = walk(ram, BLOCK_OFFSET, wanted);
  if (block) atomic.store<u64>(ram, (u64(version) << 32) | u64(block), RAM_MRU);
  return block;
}

/** The block of a host address, or 0. It uses the MRU word, but does not store to it. */
export function findHost(ram: usize, host: f64): usize {
  const wanted = u64(host);
  const version = atomic.load<u32>(ram, RAM_VERSION);
  const mru = atomic.load<u64>(ram, RAM_MRU);
  const recent = usize(u32(mru));
  if (u32(mru >>> 32) == version && recent != 0) {
    if (holds(recent, BLOCK_HOST, wanted)) return recent;
  }
  return walk(ram, BLOCK_HOST, wanted);
}

/** The block of a ram_addr_t by the list alone, without the MRU word. */
export function walkBlocks(ram: usize, address: f64): usize {
  return walk(ram, BLOCK_OFFSET, u64(address));
}

function walk(ram: usize, field: usize, position: u64): usize {
  const head = usize(load<u32>(ram, RAM_LIST));
  let block = usize(atomic.load<u32>(head));
  while (block != head) {
    if (holds(block, field, position)) return block;
    block = usize(atomic.load<u32>(block));
  }
  return 0;
}

export function usedLength(block: usize): f64 {
  return f64(atomic.load<u64>(block, BLOCK_USED_LENGTH));
}

export function setUsedLength(block: usize, length: f64): void {
  atomic.store<u64>(block, u64(length), BLOCK_USED_LENGTH);
}

/** Invalidates every MRU word stored so far. The caller has unlinked or linked a block before. */
export function bumpVersion(ram: usize): u32 {
  const version = atomic.add<u32>(ram, 1, RAM_VERSION) + 1;
  atomic.store<u64>(ram, 0, RAM_MRU);
  return version;
}
