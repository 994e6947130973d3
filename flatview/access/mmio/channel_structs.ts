/**
 * Where every word of an MMIO channel lies: a header, then a station for each context, with a
 * mailbox for each request that the context can have outstanding at once. One would do but for
 * devices: a context that waits may have to serve a request that its own has led to, and that one
 * may lead to another.
 *
 * A mailbox is its station's; the context that serves it writes the result and STATE. Words that
 * carry a request are written before STATE says POSTED and read after, those that carry the result
 * before it says DONE: STATE changes by seq-cst accesses, so plain ones do for the rest.
 */

/** Words of the header. The first two are the arena's. */
export const ChannelWord = {
  /** The next member of the arena. */
  LINK: 0,
  /** {@linkcode CHANNEL_TYPE}. */
  TYPE: 1,
  /** How many stations there are. */
  STATIONS: 2,
} as const;

/** Tells a channel from other members of the arena. */
export const CHANNEL_TYPE = 0x4d4d494f;
/** Bytes of the header. */
export const CHANNEL_HEADER_BYTES = 64;

/** Words of a station. */
export const StationWord = {
  /**
   * Token of the context, {@linkcode VACANT} or {@linkcode DEPARTED}. The context claims it by
   * compare-and-exchange, and leaves it; whoever evicts it marks it.
   */
  TOKEN: 0,
  /** Counted up, then notified, whenever the context may have something to do: the word it waits on. */
  DOORBELL: 1,
  /** How many requests of the context are outstanding. The context alone. */
  DEPTH: 2,
  /** A bit for each station that may have posted a request to this one; four words. */
  CALLERS: 4,
} as const;

/** TOKEN of a station that nobody has had. */
export const VACANT = 0;
/** TOKEN of a station whose context is gone. */
export const DEPARTED = -1;

/** Most stations that fit the bits of CALLERS. */
export const MAX_STATIONS = 128;
/** Requests that a context can have outstanding, and callbacks that can be nested across contexts. */
export const MAX_DEPTH = 8;
/** Words of a mailbox. */
export const MAIL_WORDS = 32;
/** Bytes of a station. */
export const STATION_BYTES: number = 64 + MAX_DEPTH * MAIL_WORDS * 4;

/** Words of a mailbox. */
export const MailWord = {
  /** The request's number times 8, plus one of {@linkcode MailState}. */
  STATE: 0,
  /** Index of the station that is to serve it. */
  TARGET: 1,
  /** Id of the region. */
  REGION: 2,
  /** Offset of the address space's cell, through which the server looks again. */
  SPACE: 3,
  /** Offset of the cell of the regions' table. */
  REGIONS: 4,
  /** Address in that space, low half. */
  ADDRESS_LO: 5,
  /** As above, high half. */
  ADDRESS_HI: 6,
  /** Offset in the region, low half. */
  OFFSET_LO: 7,
  /** As above, high half. */
  OFFSET_HI: 8,
  /** Bytes of the access. */
  SIZE: 9,
  /** See {@linkcode MailFlag}. */
  FLAGS: 10,
  /** The value that is written or was read, low half. */
  LOW: 11,
  /** As above, high half. */
  HIGH: 12,
  /** The requester's id, if the flags say that there is one. */
  REQUESTER: 13,
  /** The `MemTxResult`, or {@linkcode RETRY}. */
  RESULT: 14,
  /** The device that is asked. */
  DEVICE: 15,
  /** How many devices have a callback running that led to this request. */
  ENGAGED: 16,
  /** Those devices, {@linkcode MAX_DEPTH} words. */
  DEVICES: 17,
  /** The random number of the topology. */
  TOPOLOGY: 25,
} as const;

/** What a mailbox's STATE says. */
export const MailState = {
  /** Nothing. */
  IDLE: 0,
  /** The request waits to be served. */
  POSTED: 1,
  /** It is being served. */
  SERVING: 2,
  /** It was. */
  DONE: 3,
  /** The context that was to serve it is gone. */
  GONE: 4,
} as const;

/** Bits of a mailbox's FLAGS. */
export const MailFlag = {
  /** A write. */
  WRITE: 1,
  /** The access is big-endian. */
  BIG_ENDIAN: 2,
  /** There is a requester's id. */
  HAS_REQUESTER: 4,
  /** The attribute `secure`. */
  SECURE: 8,
  /** The attribute `user`. */
  USER: 16,
} as const;

/** RESULT of a request that found another region at its address: to be looked up anew. */
export const RETRY = 0x100;

/** Word index of a station. */
export function stationAt(channel: number, index: number): number {
  return (channel + CHANNEL_HEADER_BYTES + index * STATION_BYTES) >>> 2;
}

/** Word index of a mailbox of a station. */
export function mailAt(station: number, depth: number): number {
  return station + 16 + depth * MAIL_WORDS;
}
