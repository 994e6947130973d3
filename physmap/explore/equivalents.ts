/**
 * The mutants of physmap's kernel that no exploration catches, and why each does no harm.
 *
 * @module
 */

const IMMUTABLE = "nobody writes a published map, so the order of two plain loads means nothing";
const SIZE = "offsets and the memory's size are multiples of 64: no offset lies between the two";
const SHIFT = "of the extended shift only the low six bits count";
const WHOLE_ENTRY =
  "a node lies at a multiple of 64, and a multiple of that vanishes from a shift modulo 64";
const BELOW_2_53 = "the address is below 2^53";

const ALL = { "i32.const -64 -> -63": SIZE };

const BY_FUNCTION: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  find: {
    ...ALL,
    "i64.trunc_sat_f64_s -> i64.trunc_sat_f64_u":
      "what the two convert differently is refused: a negative number differs from 0, 2^63 is too large",
    "local.get 3 -> 2 (3)": WHOLE_ENTRY,
    "i64.extend_i32_u -> i64.extend_i32_s": SHIFT,
    "i64.shr_u -> i64.shr_s": BELOW_2_53,
  },
  findAt: {
    ...ALL,
    "i64.extend_i32_u -> i64.extend_i32_s (2)": "the upper half is shifted out",
    "i64.or -> i64.xor": "the halves have no bit in common",
    "local.get 2 -> 1 (4)": WHOLE_ENTRY,
    "i64.extend_i32_u -> i64.extend_i32_s (3)": SHIFT,
  },
  findAll: {
    ...ALL,
    "i32.gt_u -> i32.gt_s": "2^31 addresses of 8 bytes are more than a memory holds",
    "i64.extend_i32_u -> i64.extend_i32_s": SHIFT,
    "i64.load moved behind i32.load": IMMUTABLE,
  },
};

/** The reasons, by the mutants' names. */
export const EQUIVALENTS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(BY_FUNCTION).flatMap(([name, reasons]) => {
    return Object.entries(reasons).map(([mistake, reason]) => [`${name}: ${mistake}`, reason]);
  }),
);
