/**
 * What memory and devices contain: words that depend on whose they are and on the offset, so that
 * data from the wrong place, or from freed memory, is recognised.
 *
 * @module
 */

/** The aligned word at an offset, of the owner of a key. */
export function wordOf(key: number, offset: number): number {
  let mixed = Math.imul(key, 0x9e37_79b1) ^ (offset >>> 2);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** The value that an aligned access of 1, 2 or 4 bytes finds there. */
export function answerOf(key: number, offset: number, size: number): number {
  const shifted = wordOf(key, offset) >>> 8 * (offset & 3);
  return size === 4 ? shifted : shifted & ((1 << 8 * size) - 1);
}

/** Fills memory with the words of a key. */
export function fillWords(words: Int32Array, key: number, offset: number): void {
  for (let i = 0; i < words.length; i++) words[i] = wordOf(key, offset + 4 * i);
}

/** Keys other than those of the machine file's regions, which are the regions' ids. */
export const Key = {
  /** The machine's RAM. */
  RAM: 0x1_0000,
  /** RAM behind the VGA's window. */
  HIDDEN_RAM: 0x1_0001,
  /** The shared-memory BAR, which moves. */
  SHARED: 0x1_0002,
  /** A flash memory's content, and its registers. */
  FLASH: 0x1_0003,
  FLASH_REGISTERS: 0x1_0004,
  /** The two pages that are swapped, and the two that the IOMMU maps. */
  TWINS: 0x1_0010,
  DMA: 0x1_0020,
  /** The first of many: one for each DIMM and device that is plugged in. */
  PLUGGED: 0x2_0000,
} as const;
