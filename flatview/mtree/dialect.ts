/**
 * Whose text: QEMU 11.1 prints the kind `container` for an I/O region that lies in no other region,
 * where QEMU 7.2 prints `i/o`. The word does not say whether the region answers accesses itself.
 */
export type Dialect = "qemu-7.2" | "qemu-11.1";

/**
 * The dialect of a text, from the kinds that it prints. The roots of address spaces are nearly always
 * containers, so a whole tree has the new word. A text without it is the same in both dialects, or
 * old.
 *
 * @param kinds The printed kinds, with or without `nv-`.
 */
export function dialectOf(kinds: Iterable<string>): Dialect {
  for (const kind of kinds) if (kind.endsWith("container")) return "qemu-11.1";
  return "qemu-7.2";
}
