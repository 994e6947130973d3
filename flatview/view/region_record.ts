/**
 * What lies in the region table: what workers have to know of a region besides its ranges. One record
 * for each region that some view has named, found by the region's id.
 *
 * A record is written before its id is in the table, and its id before a view that names it is
 * published; afterwards only `events` changes, by a seq-cst store. So whoever comes from a view reads
 * the rest with plain loads.
 */
import { aligned, defineLayout } from "@guestmem/rcu/layout";

/** What workers know of a region. */
export const REGION_RECORD = defineLayout({
  /** The region's id. */
  id: "u32",
  /** The device: one number for all regions with one owner. */
  device: "u32",
  /** Token of the context that runs the callbacks for others. */
  context: "u32",
  /** `valid.minAccessSize`; 0 if not set. */
  validMin: "u8",
  /** `valid.maxAccessSize`; 0 if not set. */
  validMax: "u8",
  /** `impl.minAccessSize`; 0 if not set. */
  implMin: "u8",
  /** `impl.maxAccessSize`; 0 if not set. */
  implMax: "u8",
  /** See {@linkcode RegionTrait}. */
  traits: "u32",
  /** Offset of an {@linkcode EVENT_LIST}, or 0. The control context stores it; any context loads it. */
  events: "u32",
  /** The ram_addr_t of the region's first byte. */
  ramAddr: "u64",
});

/** Bits of a record's traits. */
export const RegionTrait = {
  /** The device is big-endian. */
  BIG_ENDIAN: 1,
  /** `valid.unaligned`. */
  VALID_UNALIGNED: 2,
  /** `impl.unaligned`. */
  IMPL_UNALIGNED: 4,
  /** `valid.accepts` has a last word, which only a context with the callbacks can ask for. */
  ACCEPTS: 8,
  /** Accesses neither engage the device nor are refused while it is engaged. */
  UNGUARDED: 16,
} as const;

/** The ioeventfds of a region that any worker can signal: this, then an {@linkcode EVENT} each. */
export const EVENT_LIST = defineLayout({
  /** How many follow. Aligned so that they are, too. */
  count: aligned(8, "u32"),
});

/** An ioeventfd. */
export const EVENT = defineLayout({
  /** Offset in the region. */
  offset: "u64",
  /** The data. */
  data: "u64",
  /** 1 if the data must match. */
  match: "u32",
  /** Bytes of the write; 0 matches any. */
  bytes: "u32",
  /** Offset of the word that is counted up. */
  event: "u32",
});

/** The table: a hash table of ids. This, then a {@linkcode REGION_SLOT} each. */
export const REGION_TABLE = defineLayout({
  /** The number of slots, a power of two, less one. */
  mask: "u32",
});

/** A slot of the table. */
export const REGION_SLOT = defineLayout({
  /** The region's id; 0 if the slot is empty, {@linkcode REMOVED} if its region is gone. */
  id: "u32",
  /** Offset of its {@linkcode REGION_RECORD}. */
  record: "u32",
});

/** Stands where an id was removed, so that probing goes on behind it. */
export const REMOVED = 0xffff_ffff;

/**
 * Finds a slot by linear probing.
 *
 * @param u32 The memory.
 * @param table Offset of the table.
 * @param id What the slot must hold; it must be in the table.
 * @param from The id whose probe sequence is followed: `id` unless given.
 * @returns Offset of the slot.
 */
export function findSlot(u32: Uint32Array, table: number, id: number, from = id): number {
  const mask = REGION_TABLE.mask.get(u32, table);
  let index = (Math.imul(from, 0x9e37_79b1) >>> 8) & mask;
  for (;; index = (index + 1) & mask) {
    const slot = table + REGION_TABLE.size + index * REGION_SLOT.size;
    if (REGION_SLOT.id.get(u32, slot) === id) return slot;
  }
}
