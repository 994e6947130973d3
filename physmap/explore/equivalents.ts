/**
 * The mutants of physmap's kernel that no exploration catches, and why each does no harm.
 *
 * @module
 */

const IMMUTABLE = "nobody writes a published map, so the order of two plain loads means nothing";
const SIZE = "offsets and the memory's size are multiples of 64: no offset lies between the two";
const SHIFT = "of the extended shift only the low six bits count";
const NO_CONTAINER = "an address that is not found gives row 0, which is no page container";
const CONTAINER = "a row that is a page container was not replaced by row 0: both locals hold it";

const ALL = { "i32.const -64 -> -63": SIZE };

const BY_FUNCTION: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  find: {
    ...ALL,
    "i64.trunc_sat_f64_s -> i64.trunc_sat_f64_u":
      "what the two convert differently is refused: a negative number differs from 0, 2^63 is too large",
    "i64.extend_i32_u -> i64.extend_i32_s": SHIFT,
    "i64.shr_u -> i64.shr_s": "the address is below 2^53",
    "local.get 4 -> 3 (4)": CONTAINER,
    "i32.load moved behind i32.load (2)": IMMUTABLE,
    "i32.load moved behind i32.load (3)": IMMUTABLE,
  },
  findAt: {
    ...ALL,
    "i64.extend_i32_u -> i64.extend_i32_s (2)": "the upper half is shifted out",
    "i64.extend_i32_u -> i64.extend_i32_s (3)": SHIFT,
    "br_if 2 -> 3": NO_CONTAINER,
    "i64.or -> i64.xor": "the halves have no bit in common",
    "i32.load moved behind i32.load (2)": IMMUTABLE,
    "i32.load moved behind i32.load (3)": IMMUTABLE,
  },
  findAll: {
    ...ALL,
    "i32.gt_u -> i32.gt_s": "2^31 addresses of 8 bytes are more than a memory holds",
    "i64.extend_i32_u -> i64.extend_i32_s": SHIFT,
    "local.get 5 -> 4 (4)": CONTAINER,
    "i64.load moved behind i32.load": IMMUTABLE,
    "i32.load moved behind i32.load": IMMUTABLE,
    "i32.load moved behind i32.load (2)": IMMUTABLE,
  },
};

/** The reasons, by the mutants' names. */
export const EQUIVALENTS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(BY_FUNCTION).flatMap(([name, reasons]) => {
    return Object.entries(reasons).map(([mistake, reason]) => [`${name}: ${mistake}`, reason]);
  }),
);
