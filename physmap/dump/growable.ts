/**
 * The builder's scratch tables grow by doubling and are kept from one map to the next.
 *
 * @module
 */

/** A copy of `words` with room for at least `needed` elements. */
export function grown<
  T extends Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>,
>(
  words: T,
  needed: number,
): T {
  const larger = new (words.constructor as new (length: number) => T)(
    Math.max(needed, words.length * 2),
  );
  larger.set(words);
  return larger;
}
