import { defineLayout } from "@guestmem/rcu/layout";

/**
 * A published view. What it shows is in its dispatch.
 *
 * The control context writes a block before it publishes it. Afterwards only `refs` and `nextDead`
 * change, by atomics; all else is immutable, and readers use plain loads: the seq-cst load that found
 * the block saw the seq-cst store that published it.
 */
export const VIEW = defineLayout({
  /** {@linkcode VIEW_MAGIC}. */
  magic: "u32",
  /** References: one for each address space that shows the view, one for each holder. Any context changes it, atomically. */
  refs: "u32",
  /** Offset of the dispatch, which views that show the same share. */
  dispatch: "u32",
  /** The next dead view. Written by whoever dropped the last reference, before the push. */
  nextDead: "u32",
  /** Id of the physical root; 0 for the empty view. */
  root: "u32",
  /** Offset of the {@linkcode DEAD_LIST}. */
  deadList: "u32",
});

/** The list of dead views, from the latest on. */
export const DEAD_LIST = defineLayout({
  /** The latest dead view; 0 if there is none. */
  head: "u32",
});

/** What the first word of a view holds ("view", read as bytes). */
export const VIEW_MAGIC = 0x77656976;
