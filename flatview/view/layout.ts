/**
 * Where every word of a published view lies. A view is one arena block: a header, then its ranges by
 * rising address, `RANGE_WORDS` words each. Words are little-endian `u32`; a 64-bit value is two of
 * them, the low half first.
 *
 * The control context writes a block before it publishes it. Afterwards only REFS and NEXT_DEAD
 * change, by atomics; all else is immutable, and readers use plain loads: the seq-cst load that found
 * the block saw the seq-cst store that published it.
 */
export const ViewWord = {
  /** {@linkcode VIEW_MAGIC}. */
  MAGIC: 0,
  /** References: one of each address space that shows the view, one of each holder. Any context, atomically. */
  REFS: 1,
  /** Offset of the dispatch, which views that show the same share. */
  DISPATCH: 2,
  /** How many ranges follow. */
  RANGES: 3,
  /** The next view in the list of the dead. Whoever dropped the last reference, before the push. */
  NEXT_DEAD: 4,
  /** Id of the physical root; 0 for the empty view. */
  ROOT: 5,
  /** Offset of the word that heads the list of the dead. */
  DEAD_LIST: 6,
} as const;

/** Bytes of the header. */
export const VIEW_HEADER_BYTES = 32;

/** What the first word of a view holds ("view", read as bytes). */
export const VIEW_MAGIC = 0x77656976;
