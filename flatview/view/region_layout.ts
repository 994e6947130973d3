/**
 * Where every word of the region table lies: what workers have to know of a region besides its
 * ranges. One record for each region that some view has named, found by the region's id.
 *
 * A record is written before its id is in the table, and its id before a view that names it is
 * published; afterwards only EVENTS changes, by a seq-cst store. So whoever comes from a view reads
 * the rest with plain loads.
 */
export const RecordWord = {
  /** The region's id. */
  ID: 0,
  /** The device: one number for all regions with one owner. */
  DEVICE: 1,
  /** Token of the context that runs the callbacks for others. */
  CONTEXT: 2,
  /** valid.min, valid.max, impl.min, impl.max from the lowest byte up; 0 where not set. */
  LIMITS: 3,
  /** See {@linkcode RegionTrait}. */
  TRAITS: 4,
  /** Offset of the block of ioeventfds, or 0. The control context stores it; any context loads it. */
  EVENTS: 5,
  /** The ram_addr_t of the region's first byte, low half. */
  RAM_LO: 6,
  /** As above, high half. */
  RAM_HI: 7,
} as const;

/** Bytes of a record. */
export const RECORD_BYTES = 32;

/** Bits of a record's TRAITS. */
export const RegionTrait = {
  /** The device is big-endian. */
  BIG_ENDIAN: 1,
  /** `valid.unaligned`. */
  VALID_UNALIGNED: 2,
  /** `impl.unaligned`. */
  IMPL_UNALIGNED: 4,
} as const;

/** Words of a block of ioeventfds: how many, then {@linkcode EVENT_ROW_WORDS} for each. */
export const EVENT_ROWS = 1;
/** Words of an ioeventfd. */
export const EVENT_ROW_WORDS = 8;

/** Words of an ioeventfd's row. */
export const EventWord = {
  /** Offset in the region, low half. */
  OFFSET_LO: 0,
  /** As above, high half. */
  OFFSET_HI: 1,
  /** Bytes of the write; 0 matches any. */
  SIZE: 2,
  /** 1 if the data must match. */
  MATCH: 3,
  /** The data, low half. */
  DATA_LO: 4,
  /** As above, high half. */
  DATA_HI: 5,
  /** Offset of the word that is counted up. */
  EVENT: 6,
} as const;

/** The table: the mask, three spare words; then id and record for each slot. */
export const TABLE_SLOTS = 4;
/** What takes the place of an id that was removed: probing goes on behind it. */
export const REMOVED = 0xffff_ffff;

/** Slot at which the search for an id starts. */
export function slotOf(id: number, mask: number): number {
  return (Math.imul(id, 0x9e37_79b1) >>> 8) & mask;
}
