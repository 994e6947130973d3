/**
 * The mutants of rcu's kernel that no exploration catches, and why each does no harm.
 *
 * @module
 */

const BELOW_2_63 = "counters and sequences stay below 2^63";
const DISJOINT = "the two have no bit in common";
const ALL = "a count of sleepers, as an unsigned number: more than there can be";
const LENGTH = "the explorer has no time: sleep_length_test.ts holds the length of a sleep";
const EITHER_ORDER =
  "both loads follow the end of the section, and have nothing to do with each other";
const TOLD_LATER = "a mark that comes in between is found when the reader enters next";
const WAKES = "the count after both wakes the updater, which asks again";
const GONE = "a reader that has left is not in the way, so nobody asks it between the two";
const FOUND_GONE =
  "a reader that hurries and moves before it is asked to signal is found gone by the look after both";
const ONE_MORE_NOTIFY = "a notification that nobody needs";
const BELOW_2_31 = "there are fewer than 2^31 slots";
const EITHER = "if the two are equal, it does not matter which is taken";
const SHIFTED_OUT = "the upper half is shifted out";
const TOKENS_BELOW = "tokens are below 2^30";
const BOTH_TOKEN = "both locals hold the token";
const TRUTH = "the value is only compared with 0";
const LAST_ENTRY = "the last entry begins 8 bytes before the end";
const FAST_PATH = "the loop does the same";
const WOKEN_TWICE = "who passes a lock on wakes all in any case, after the release";
const MARKED_TWICE = "it marks the word once more, and finds the mark then";
const CLAIM_WAKES =
  "the new reader is in no section before the claim returns, and updaters are woken before that";
const ASKED_LATER = "the reader is asked to hurry a moment later";
const LAST_LOOK =
  "a reader of the new grace period counts as in the way: the look before the sleep corrects that";
const DONE_IS_CURRENT = "the two are equal there";
const ONE_MORE_SCAN =
  "a scan for a grace period that is over, and an exchange that changes nothing";
const ONE_MORE_ROUND = "the first round compares with 0: it goes round once more at most";
const STARTS_EARLY =
  "a grace period may start before the last is counted: a scan for the newer covers the older";
const ONE_MORE_DRAIN = "an index that new readers do not take is drained once more";
const OTHER_INDEX =
  "while the first index drains, readers take that one: each is drained in each grace period, but a " +
  "stream of them would prolong it";

/** What unlock, srcuUnlock, readWord and quiescent have in common. */
const SIGNAL = {
  "i32.const -1 -> -2": ALL,
  "i32.atomic.store moved behind i32.atomic.store": WAKES,
};

const LEAVE = {
  ...SIGNAL,
  "i32.atomic.store moved behind i32.atomic.rmw.add": GONE,
};

/** What looks for the mark of an expulsion after that. */
const THEN_MARK = { "i32.atomic.load moved behind i32.atomic.load": EITHER_ORDER };

const BY_FUNCTION: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  wait32: {
    "i64.const -1 -> -2": "any negative time is for ever",
    "f64.const 0 -> -1": "a time between -1 ms and 0 comes out negative all the same",
    "i64.trunc_sat_f64_s -> i64.trunc_sat_f64_u": "a negative time is replaced by -1",
    "f64.const 1000000 -> 1000001": LENGTH,
    "f64.const 1000000 -> 999999": LENGTH,
    "f64.mul -> f64.add": LENGTH,
  },
  pairLoad: { "i64.shr_u -> i64.shr_s": "the upper half is dropped" },
  pairStore: {
    "i64.or -> i64.xor": DISJOINT,
    "i64.extend_i32_u -> i64.extend_i32_s (2)": "the upper half is shifted out",
  },
  lock: { "i64.atomic.load moved behind i32.atomic.load": TOLD_LATER },
  unlock: LEAVE,
  readWord: { ...LEAVE, ...THEN_MARK },
  quiescent: { ...LEAVE, ...THEN_MARK },
  claimSlot: {
    "i32.lt_u -> i32.lt_s": BELOW_2_31,
    "i32.gt_u -> i32.gt_s": BELOW_2_31,
    "i32.gt_u -> i32.ge_u": EITHER,
    "i64.extend_i32_u -> i64.extend_i32_s": BELOW_2_31,
    "i64.shr_u -> i64.shr_s": SHIFTED_OUT,
    "i64.or -> i64.xor": DISJOINT,
    "i32.const -1 -> -2": ALL,
    "i32.atomic.store moved behind i32.atomic.store": CLAIM_WAKES,
    "i32.atomic.store moved behind i32.atomic.store (2)": CLAIM_WAKES,
    "i32.atomic.store moved behind i32.atomic.store (3)": CLAIM_WAKES,
    "i32.atomic.store moved behind i32.atomic.store (4)": CLAIM_WAKES,
    "i32.atomic.store moved behind i64.atomic.load": CLAIM_WAKES,
  },
  releaseSlot: { "i32.const 1 -> 2": TRUTH },
  isExpelled: { "br_if left out": TOLD_LATER },
  expelSlots: {
    "i32.lt_u -> i32.lt_s": BELOW_2_31,
    "i32.const -1 -> -2": ALL,
  },
  evictSlots: {
    "i32.const 1 -> 2 (2)": TRUTH,
    "i32.lt_u -> i32.lt_s": BELOW_2_31,
    "i32.const -1 -> -2": ALL,
  },
  pairIs: {
    "i64.or -> i64.xor": DISJOINT,
    "i64.extend_i32_u -> i64.extend_i32_s (2)": SHIFTED_OUT,
  },
  moveContext: {
    "i32.or -> i32.xor": DISJOINT,
    "i32.or -> i32.xor (2)": DISJOINT,
  },
  joinContext: {
    "i32.const -1 -> -2": TOKENS_BELOW,
    "i32.ge_u -> i32.ge_s": TOKENS_BELOW,
    "i32.const 1 -> 2": TRUTH,
    "i32.shr_u -> i32.shr_s": TRUTH,
    "i32.shr_u -> i32.shr_s (2)": TRUTH,
    "local.get 4 -> 5 (5)": BOTH_TOKEN,
    "local.get 4 -> 5 (6)": BOTH_TOKEN,
    "local.get 4 -> 5 (8)": BOTH_TOKEN,
    "i32.or -> i32.xor": DISJOINT,
    "br_if 1 -> 2": "the search begins again, which finds the same or what is free by then",
    "i32.atomic.store moved behind i32.atomic.store":
      "the two words have nothing to do with each other",
    "i32.atomic.load moved behind i32.atomic.load (2)":
      "a token is taken earlier, and is lost if the record is not free any more",
  },
  isPinned: { "i32.or -> i32.xor": "a context has one state" },
  mutexLock: {
    "i32.or -> i32.xor": DISJOINT,
    "i32.or -> i32.xor (2)": DISJOINT,
    "i32.const 1073741824 -> 1073741825 (2)": "no owner is in the word",
    "i32.atomic.rmw.cmpxchg moved behind i32.atomic.load": FAST_PATH,
  },
  mutexUnlock: {
    "i32.atomic.rmw.cmpxchg left out": FAST_PATH,
    "i32.atomic.rmw.cmpxchg moved behind i32.atomic.load": FAST_PATH,
    "br_if 1 -> 2": "both lead to the end of the function",
    "i32.const -1 -> -2": ALL,
  },
  mutexArm: {
    "i32.const 1 -> 2": TRUTH,
    "i32.or -> i32.xor": DISJOINT,
    "local.get 1 -> 2": MARKED_TWICE,
    "local.get 1 -> 0 (2)": MARKED_TWICE,
  },
  mutexPassOn: {
    "i32.const -1 -> -2": ALL,
    "i32.const -1 -> -2 (2)": ALL,
    "local.get 2 -> 1 (2)": "the mark of a holder that died is set in any case",
    "local.get 2 -> 1 (4)": WOKEN_TWICE,
    "i32.const -2147483648 -> -2147483647": WOKEN_TWICE,
    "i32.and -> i32.or (3)": WOKEN_TWICE,
    "i32.and -> i32.xor (3)": WOKEN_TWICE,
    "if negated": WOKEN_TWICE,
    "i32.const 1 -> 2": WOKEN_TWICE,
    "i32.const 1 -> 0": WOKEN_TWICE,
    "i32.atomic.rmw.add left out": WOKEN_TWICE,
    "local.get 1 -> 0 (2)": WOKEN_TWICE,
    "i32.const -1 -> 0": WOKEN_TWICE,
    "memory.atomic.notify 0 -> 4": WOKEN_TWICE,
    "memory.atomic.notify left out": WOKEN_TWICE,
    "i32.atomic.load moved behind i32.atomic.rmw.add":
      "a release that finds the word marked wakes all by itself, and nobody falls asleep after it",
  },
  retireMember: {
    "i64.const 4294967296 -> 4294967297": "offsets of blocks are multiples of 8",
    "i64.or -> i64.xor": DISJOINT,
  },
  dropMember: {
    "i64.extend_i32_u -> i64.extend_i32_s (2)": SHIFTED_OUT,
    "i64.or -> i64.xor": DISJOINT,
  },
  addMember: {
    "i32.const 256 -> 255": LAST_ENTRY,
    "i64.extend_i32_u -> i64.extend_i32_s (2)": SHIFTED_OUT,
    "i64.or -> i64.xor": DISJOINT,
  },
  startPoll: { "f64.convert_i64_u -> f64.convert_i64_s": BELOW_2_63 },
  advance: {
    "i64.trunc_sat_f64_u -> i64.trunc_sat_f64_s": BELOW_2_63,
    "i64.le_u -> i64.le_s": BELOW_2_63,
    "i64.gt_u -> i64.gt_s": BELOW_2_63,
    "local.get 4 -> 5": DONE_IS_CURRENT,
    "local.get 4 -> 5 (2)": DONE_IS_CURRENT,
    "local.get 5 -> 4": STARTS_EARLY,
    "br 1 -> 0": ONE_MORE_SCAN,
    "br left out": ONE_MORE_SCAN,
    "i64.atomic.load moved behind i64.atomic.load": ONE_MORE_ROUND,
  },
  arm: {
    "i32.const -1 -> -2": ALL,
    "i64.gt_u -> i64.gt_s": BELOW_2_63,
    "i64.gt_u -> i64.gt_s (2)": BELOW_2_63,
    "i64.gt_u -> i64.ge_u (2)": LAST_LOOK,
    "local.tee left out (3)": LAST_LOOK,
    "local.get 1 -> 0 (2)": ONE_MORE_NOTIFY,
    "i32.atomic.store moved behind memory.atomic.notify": FOUND_GONE,
    "memory.atomic.notify moved behind i64.atomic.load": ASKED_LATER,
  },
  srcuLock: {
    "i64.const 2 -> 3": OTHER_INDEX,
    "i64.shr_u -> i64.shr_s": BELOW_2_63,
    "i32.or -> i32.xor": DISJOINT,
  },
  srcuUnlock: LEAVE,
  srcuStartPoll: { "f64.convert_i64_u -> f64.convert_i64_s": BELOW_2_63 },
  srcuAdvance: {
    "i64.trunc_sat_f64_u -> i64.trunc_sat_f64_s": BELOW_2_63,
    "i64.le_u -> i64.le_s": BELOW_2_63,
    "i64.shr_u -> i64.shr_s": BELOW_2_63,
    "i64.and -> i64.or": ONE_MORE_DRAIN,
    "i64.and -> i64.xor": ONE_MORE_DRAIN,
    "i64.const 0 -> -1": ONE_MORE_DRAIN,
    "i64.const 2 -> 1 (3)": ONE_MORE_DRAIN,
    "local.get 5 -> 6 (6)": ONE_MORE_DRAIN,
    "i64.atomic.load moved behind i64.atomic.load": ONE_MORE_ROUND,
  },
  srcuArm: {
    "i64.shr_u -> i64.shr_s": BELOW_2_63,
    "i32.const -1 -> -2": ALL,
    "local.get 1 -> 0 (2)": ONE_MORE_NOTIFY,
    "i32.atomic.store moved behind memory.atomic.notify": FOUND_GONE,
    "memory.atomic.notify moved behind i32.atomic.load": ASKED_LATER,
  },
};

/** The reasons, by the mutants' names. */
export const EQUIVALENTS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(BY_FUNCTION).flatMap(([name, reasons]) => {
    return Object.entries(reasons).map(([mistake, reason]) => [`${name}: ${mistake}`, reason]);
  }),
);
