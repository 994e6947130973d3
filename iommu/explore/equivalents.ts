/**
 * The mutants of iommu's kernel that no exploration catches, and why each does no harm.
 *
 * @module
 */

const PAGE = "page numbers stay below 2^53";
const LEVELS = "a table has six levels at most";

/** The reasons, by the mutants' names. */
export const EQUIVALENTS: Readonly<Record<string, string>> = {
  "walk: i64.trunc_sat_f64_u -> i64.trunc_sat_f64_s": PAGE,
  "walk: i64.shr_u -> i64.shr_s": PAGE,
  "walk: i64.shr_u -> i64.shr_s (2)": PAGE,
  "walk: i64.shr_u -> i64.shr_s (3)": "the upper half is dropped",
  "walk: i64.extend_i32_u -> i64.extend_i32_s": LEVELS,
  "walk: i64.extend_i32_u -> i64.extend_i32_s (2)": LEVELS,
  "targetPage: f64.convert_i64_u -> f64.convert_i64_s": PAGE,
};
