import { defineLayout } from "@guestmem/rcu/layout";

/**
 * A flat range as it lies in shared memory, behind the header of its view. First and last are
 * inclusive.
 */
export const RANGE = defineLayout({
  /** First address. */
  first: "u64",
  /** Last address. */
  last: "u64",
  /** Offset in the region of the first address. */
  offset: "u64",
  /** Id of the region. */
  region: "u32",
  /** See {@linkcode RangeFlag}. */
  flags: "u32",
});
