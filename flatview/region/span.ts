/** A part of a region, in bytes from its start; `to` is exclusive. It may run past the region's end. */
export interface Span {
  /** First byte. */
  readonly from: bigint;
  /** The byte behind the last. */
  readonly to: bigint;
}

/** The smallest span that covers both; an empty one adds nothing. */
export function hull(left: Span | undefined, right: Span): Span {
  if (left === undefined || left.from >= left.to) return right;
  if (right.from >= right.to) return left;
  return {
    from: left.from < right.from ? left.from : right.from,
    to: left.to > right.to ? left.to : right.to,
  };
}
