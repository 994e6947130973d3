// The epoch of translations: what every tag of a TLB carries in the low bits that an address of a page
// leaves free. Forgetting all translations is then one addition; the entries themselves are overwritten
// only when the numbers run out.

/** Below it are the bits that the comparison checks for alignment. */
const SHIFT: u64 = 3;
/** 1 to 510 fit: with 511, a tag could be all ones, which no access must match. */
const LAST: u64 = 510 << SHIFT;

/** The epoch, at its place in a tag. */
export let epoch: u64 = 0;

/** Begins an epoch. True: the numbers start again, and all entries must be overwritten. */
export function beginEpoch(): bool {
  const startsAgain = epoch == 0 || epoch == LAST;
  epoch = startsAgain ? 1 << SHIFT : epoch + (1 << SHIFT);
  return startsAgain;
}
