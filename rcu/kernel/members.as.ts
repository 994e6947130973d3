// The list of members: structures in the arena that evictions repair.
//
// An entry is one 64-bit word: the offset of the member, and above it twice the number of its
// registration, plus 1 once it is retired. The number keeps an entry that is used again from being
// taken for what it was before.
//
// A member's block is freed in three steps: its entry is retired; then no context that may still run
// has pinned the members; then the entry is dropped, and who drops it frees the block. A context that
// looks at members pins them first. There are two cases. It has pinned them before it is asked whether
// it has: then the block stays. Or it pins them afterwards: then it finds the entry retired, and leaves
// the block alone. A context that dies pinned counts no more once it is certainly dead.

import {
  CHUNK_ENTRIES,
  CHUNK_ENTRIES_STRIDE,
  CHUNK_NEXT,
  CHUNK_SIZE,
  REGISTRY_CHUNK,
  REGISTRY_RETIRED,
  REGISTRY_SERIAL,
} from "./layouts";

const RETIRED: u64 = 1 << 32;

/** Adds a member. Returns its entry, or 0 if no chunk has a free one: then the caller adds a chunk. */
export function addMember(registry: usize, offset: u32): usize {
  const serial = atomic.add<u32>(registry, 1, REGISTRY_SERIAL);
  const word = u64(offset) | (u64(serial << 1) << 32);
  for (let chunk = registry + REGISTRY_CHUNK; chunk; chunk = next(chunk)) {
    for (let entry = chunk + CHUNK_ENTRIES; entry < chunk + CHUNK_SIZE; entry += CHUNK_ENTRIES_STRIDE) {
      if (!atomic.cmpxchg<u64>(entry, 0, word)) return entry;
    }
  }
  return 0;
}

function next(chunk: usize): usize {
  return atomic.load<u32>(chunk, CHUNK_NEXT);
}

/** Retires the entry of a member; returns whether this call did. Nobody who pins now looks at it. */
export function retireMember(registry: usize, entry: usize, offset: u32): u32 {
  const word = atomic.load<u64>(entry);
  if (u32(word) != offset || word & RETIRED) return 0;
  if (atomic.cmpxchg<u64>(entry, word, word | RETIRED) != word) return 0;
  atomic.store<u32>(registry, 1, REGISTRY_RETIRED);
  return 1;
}

/**
 * Drops a retired entry that holds `offset` and `above`, once nobody has pinned the members since it
 * was retired. Returns whether this call did, which then frees the block.
 */
export function dropMember(entry: usize, offset: u32, above: u32): u32 {
  const word = u64(offset) | (u64(above) << 32);
  return u32(atomic.cmpxchg<u64>(entry, word, 0) == word);
}
