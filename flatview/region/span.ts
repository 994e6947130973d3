/** A part of a region, in bytes from its start; `to` is exclusive. It may run past the region's end. */
export interface Span {
  /** First byte. */
  readonly from: bigint;
  /** The byte behind the last. */
  readonly to: bigint;
}

/** Parts of a region by rising address, none empty, with something between any two. */
export type Spans = readonly Span[];

/** Parts of a region that are kept apart. More are as good as one that covers them all. */
const MAX_SPANS = 4;

/**
 * Adds a part to others.
 *
 * @returns All of them, those that meet joined; `spans` itself if they have the part already.
 */
export function addSpan(spans: Spans, { from, to }: Span): Spans {
  if (from >= to) return spans;
  const all: Span[] = [];
  let added = { from, to };
  for (const span of spans) {
    if (span.from <= from && to <= span.to) return spans;
    if (span.to < from || to < span.from) all.push(span);
    else {
      added = {
        from: span.from < added.from ? span.from : added.from,
        to: span.to > added.to ? span.to : added.to,
      };
    }
  }
  const at = all.findIndex((span) => span.from > added.from);
  all.splice(at < 0 ? all.length : at, 0, added);
  return all.length > MAX_SPANS ? [{ from: all[0]!.from, to: all.at(-1)!.to }] : all;
}
