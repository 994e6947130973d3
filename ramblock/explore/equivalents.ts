/**
 * The mutants of ramblock's kernel that no exploration catches, and why each does no harm. Functions
 * that are not exported go by their number: #0 is `dirtyRange`, #1 `applyRange`, #2 `takeRange`.
 *
 * @module
 */

const BELOW_2_53 = "addresses, lengths and numbers of pages stay below 2^53";
const EITHER = "if the two are equal, it does not matter which is taken";
const CONSTANT = "the shift never changes, so the order of the loads means nothing";
const BELOW_64 = "numbers of bits stay at 64 and below";
const MARKS_UNREAD = "nobody asks what a mark found: logDirty and setDirty drop it";
const TRUTH = "the result is only compared with 0";
const LOOKS_ONLY = "the load before the read-modify-write saves it where it would change nothing";
const BRANCHES = "each call makes one of the three operations";
const LOOKS_TWICE = "a test looks twice; if the bit went away in between, either answer is right";
const EMPTY = "the caller gives an area of zeros, and each bit of it is filled once";
const DISJOINT = "the two have no bit in common";
const DROPPED = "the upper half is dropped";
const SHIFTED_OUT = "the upper half is shifted out";
const LINEAR = "a bound moves by one row at a time: a linear search, which ends at the same row";
const ENDED = "the search has ended, and the two bounds are equal";
const ROW_KNOWN = "the row found is the row that was looked at, or none: both locals hold it";
const BELOW_2_31 =
  "a table has fewer than 2^20 rows, a scrub at most 2^20 pages, a shadow map at most 2^20 entries";
const SHIFT = "of the extended shift only the low six bits count";
const IMMUTABLE = "rows of a published table never change";
const EMPTY_WORD =
  "a word of the current version without a block is one that nobody has stored since version 0 came round";
const MATCH =
  "whichever is loaded first, a match says that the version was current inside the section";
const LAST_ENTRY = "the last entry begins 16 bytes before the end";
const ABSENT = "the tag of what is not mapped is 0, which a flush and a protection leave as it is";
const UNCHANGED = "what is not writable is not changed, and what is writable is present";
const PRESENT = "a writable mapping is present";
const NOT_ZERO = "the tag is present, so it is not 0";
const WITH_PRESENT = "the bit of PRESENT is set in any case";
const REFUSED = "a write to a read-only slot has been refused before";
const CLIENTS = "there are three clients";
const ITSELF = "the tag is exchanged for itself";
const COUNT_UNREAD = "the count of changes is not used: the function returns nothing";
const LATER_PAGE =
  "where the page's bitmap lies behind the end, the walk ends at the end either way";
const OWN_BIT = "the vCPU alone sets bits, and finds this one clear";
const OWN_HOST = "the host address is read by this vCPU alone, after the fill";
const CLEARED_NEXT = "what follows the entries is cleared next";

/** What counts changes, in a copy of `change` whose count nobody uses. */
const COUNTS = {
  "i32.const 1 -> 2": COUNT_UNREAD,
  "i32.const 1 -> 0": COUNT_UNREAD,
};

const TRUNCATED = {
  "i64.trunc_sat_f64_u -> i64.trunc_sat_f64_s": BELOW_2_53,
  "i64.trunc_sat_f64_u -> i64.trunc_sat_f64_s (2)": BELOW_2_53,
};
const ONE_TRUNCATED = { "i64.trunc_sat_f64_u -> i64.trunc_sat_f64_s": BELOW_2_53 };
const CONVERTED = { "f64.convert_i64_u -> f64.convert_i64_s": BELOW_2_53 };

/** The search for a row. */
const SEARCH = {
  "i32.gt_u -> i32.gt_s": BELOW_2_31,
  "i32.shr_u -> i32.shr_s": BELOW_2_31,
  "i64.le_u -> i64.le_s": BELOW_2_53,
  "i64.gt_u -> i64.gt_s": BELOW_2_53,
};

/** The ranges of a chunk, and those of a word. */
const PARTS = {
  "i64.lt_u -> i64.le_u": EITHER,
  "i64.lt_u -> i64.lt_s": BELOW_2_53,
};

/** The walk over the entries of a shadow map. */
const ENTRIES = {
  "i32.const 80 -> 79": LAST_ENTRY,
  "i64.shr_u -> i64.shr_s": BELOW_2_53,
};

const MRU = {
  ...ONE_TRUNCATED,
  "i64.shr_u -> i64.shr_s": DROPPED,
  "i32.atomic.load moved behind i64.atomic.load": MATCH,
};

const BY_FUNCTION: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "#0": {
    ...PARTS,
    "i64.shr_u -> i64.shr_s": BELOW_2_53,
    "i32.atomic.load moved behind i64.load32_u": CONSTANT,
  },
  "#1": {
    ...PARTS,
    "i64.shr_u -> i64.shr_s": BELOW_2_53,
    "i64.extend_i32_u -> i64.extend_i32_s": BELOW_64,
    "i32.const 1 -> 2": TRUTH,
    "local.get 6 -> 2 (3)": MARKS_UNREAD,
    "local.get 6 -> 7 (3)": MARKS_UNREAD,
    "i64.and -> i64.or (2)": MARKS_UNREAD,
    "i64.and -> i64.xor (2)": MARKS_UNREAD,
    "i64.const 0 -> 1 (2)": MARKS_UNREAD,
    "i64.const 0 -> -1 (2)": MARKS_UNREAD,
    "i64.ne -> i64.eq (2)": MARKS_UNREAD,
    "i64.and -> i64.or (4)": LOOKS_ONLY,
    "br_if left out": LOOKS_ONLY,
    "i64.atomic.rmw.or moved behind i64.atomic.load": BRANCHES,
    "i64.atomic.load moved behind i64.atomic.load": LOOKS_TWICE,
  },
  "#2": {
    ...PARTS,
    "i64.lt_u -> i64.le_u (2)": EITHER,
    "i64.lt_u -> i64.lt_s (2)": BELOW_2_53,
    "i64.extend_i32_u -> i64.extend_i32_s": BELOW_64,
    "i64.shr_u -> i64.shr_s (2)": BELOW_2_53,
    "i64.shr_u -> i64.shr_s (3)": BELOW_2_53,
    "i64.and -> i64.or (3)": LOOKS_ONLY,
    "i64.or -> i64.xor": EMPTY,
  },
  walkBlocks: ONE_TRUNCATED,
  findBlock: {
    ...MRU,
    "local.get 2 -> 3": EMPTY_WORD,
    "i64.extend_i32_u -> i64.extend_i32_s (2)": SHIFTED_OUT,
    "i64.or -> i64.xor": DISJOINT,
  },
  findHost: { ...MRU, "local.get 4 -> 5": EMPTY_WORD },
  usedLength: CONVERTED,
  logEpoch: { "f64.convert_i64_u -> f64.convert_i64_s": "a counter does not come to 2^63" },
  setUsedLength: ONE_TRUNCATED,
  dirtyPages: CONVERTED,
  testDirty: TRUNCATED,
  testAndClearDirty: TRUNCATED,
  takeDirty: {
    ...TRUNCATED,
    ...PARTS,
    "i64.shr_u -> i64.shr_s": BELOW_2_53,
    "i32.atomic.load moved behind i64.load32_u": CONSTANT,
  },
  setDirtyPage: {
    ...ONE_TRUNCATED,
    "i64.shr_u -> i64.shr_s": BELOW_2_53,
    "i64.extend_i32_u -> i64.extend_i32_s": "a client has fewer than 2^31 chunks",
    "i64.ge_u -> i64.ge_s": BELOW_2_53,
    "i64.shr_u -> i64.shr_s (2)": BELOW_2_53,
    "i32.shr_u -> i32.shr_s": CLIENTS,
  },
  setDirty: { ...TRUNCATED, "i32.shr_u -> i32.shr_s": CLIENTS },
  logDirty: ONE_TRUNCATED,
  findSlot: {
    ...ONE_TRUNCATED,
    ...SEARCH,
    "local.get 3 -> 4 (2)": LINEAR,
    "local.get 4 -> 3 (3)": ENDED,
    "local.get 4 -> 3 (4)": ENDED,
  },
  gfnToHost: {
    ...TRUNCATED,
    ...CONVERTED,
    ...SEARCH,
    "local.get 4 -> 5 (2)": LINEAR,
    "local.get 5 -> 4 (3)": ENDED,
    "local.get 5 -> 4 (4)": ENDED,
    "local.tee left out (3)": ROW_KNOWN,
    "i64.extend_i32_u -> i64.extend_i32_s": SHIFT,
    "i32.load moved behind i64.load (2)": IMMUTABLE,
  },
  shadowLookup: {
    ...ONE_TRUNCATED,
    ...CONVERTED,
    "i64.const 3 -> 2": PRESENT,
    "i64.shr_u -> i64.shr_s": BELOW_2_53,
  },
  shadowFill: {
    ...TRUNCATED,
    ...CONVERTED,
    ...SEARCH,
    "local.get 6 -> 7 (2)": LINEAR,
    "local.get 7 -> 6 (3)": ENDED,
    "local.get 7 -> 6 (4)": ENDED,
    "i64.extend_i32_u -> i64.extend_i32_s": SHIFT,
    "i64.const 2 -> 3 (2)": WITH_PRESENT,
    "i64.const 0 -> 1": WITH_PRESENT,
    "i32.const 1 -> 2 (4)": TRUTH,
    "i32.const 2 -> 3": REFUSED,
    "i64.or -> i64.xor": DISJOINT,
    "i64.or -> i64.xor (2)": DISJOINT,
    "i32.shr_u -> i32.shr_s (2)": BELOW_2_31,
    "i64.load left out (6)": LOOKS_ONLY,
    "i64.atomic.rmw.or -> i64.atomic.rmw.xor": OWN_BIT,
    "i32.const 2 -> 3 (2)": REFUSED,
    "i64.load32_u moved behind i64.store": IMMUTABLE,
    "i64.store moved behind i64.atomic.store": OWN_HOST,
  },
  shadowFlush: {
    ...TRUNCATED,
    ...ENTRIES,
    "i64.and -> i64.or": ABSENT,
    "i32.or -> i32.xor": ABSENT,
    "br_if 0 -> 1 (2)": NOT_ZERO,
    "br_if left out (2)": NOT_ZERO,
  },
  shadowProtect: {
    ...COUNTS,
    "i64.shr_u -> i64.shr_s": BELOW_2_53,
    "i32.const 1024 -> 1023": LAST_ENTRY,
    "local.get 7 -> 8 (3)": LATER_PAGE,
    "i32.lt_u -> i32.le_u (2)": EITHER,
    "i32.const 0 -> 1": COUNT_UNREAD,
    "i32.const 0 -> -1": COUNT_UNREAD,
    "local.set left out (7)": COUNT_UNREAD,
    "i64.const 1 -> 2 (2)": UNCHANGED,
    "i64.and -> i64.or (2)": ABSENT,
    "i64.and -> i64.xor (2)": UNCHANGED,
    "i32.or -> i32.xor": ABSENT,
    "local.get 2 -> 3 (3)": ITSELF,
    "br_if left out (2)": ITSELF,
    "local.get 9 -> 8": COUNT_UNREAD,
    "local.get 9 -> 10": COUNT_UNREAD,
    "local.get 9 -> 8 (2)": COUNT_UNREAD,
    "local.get 9 -> 10 (2)": COUNT_UNREAD,
    "i32.add -> i32.sub (4)": COUNT_UNREAD,
    "local.get 2 -> 3 (5)": COUNT_UNREAD,
    "i64.eq -> i64.ne (2)": COUNT_UNREAD,
    "select negated (2)": COUNT_UNREAD,
    "local.set left out (9)": COUNT_UNREAD,
    "i64.load moved behind i64.load": IMMUTABLE,
    "i64.load moved behind i64.load32_u": IMMUTABLE,
    "i64.load32_u moved behind i32.load": IMMUTABLE,
  },
  shadowClear: {
    ...COUNTS,
    "i32.lt_u -> i32.le_u": CLEARED_NEXT,
    "i64.and -> i64.or": ABSENT,
    "br_if left out": ABSENT,
    "br_if 0 -> 1 (2)": NOT_ZERO,
    "br_if left out (2)": NOT_ZERO,
    "local.get 3 -> 2": COUNT_UNREAD,
    "local.get 3 -> 2 (2)": COUNT_UNREAD,
    "i32.add -> i32.sub (3)": COUNT_UNREAD,
    "i64.eq -> i64.ne": COUNT_UNREAD,
    "select negated": COUNT_UNREAD,
    "local.set left out (3)": COUNT_UNREAD,
    "i32.shr_u -> i32.shr_s": BELOW_2_31,
    "i32.lt_u -> i32.lt_s (2)": BELOW_2_31,
  },
  shadowCount: {
    ...ENTRIES,
    ...SEARCH,
    "local.get 4 -> 5": LINEAR,
    "local.tee left out (4)": ROW_KNOWN,
  },
  load64: { "i64.shr_u -> i64.shr_s": DROPPED },
  store64: {
    "i64.extend_i32_u -> i64.extend_i32_s (2)": SHIFTED_OUT,
    "i64.or -> i64.xor": DISJOINT,
  },
  compareExchange64: {
    "i64.extend_i32_u -> i64.extend_i32_s (2)": SHIFTED_OUT,
    "i64.extend_i32_u -> i64.extend_i32_s (4)": SHIFTED_OUT,
    "i64.or -> i64.xor": DISJOINT,
    "i64.or -> i64.xor (2)": DISJOINT,
    "i64.shr_u -> i64.shr_s": DROPPED,
  },
  scrub: {
    "i32.gt_u -> i32.gt_s": BELOW_2_31,
    "i32.const 4096 -> 4095": "the place rises by 32, from 0: no place lies between the two",
    "i32.lt_u -> i32.lt_s": "a place in a page is below 4096",
    "i32.const 1 -> 2": TRUTH,
  },
};

/** The reasons, by the mutants' names. */
export const EQUIVALENTS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(BY_FUNCTION).flatMap(([name, reasons]) => {
    return Object.entries(reasons).map(([mistake, reason]) => [`${name}: ${mistake}`, reason]);
  }),
);
