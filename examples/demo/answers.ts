/**
 * What memory and devices hold and answer: a number that says which of them it is and at which
 * offset, so that an answer from the wrong place, or from freed memory, is seen for what it is.
 *
 * @module
 */

/** The aligned word at an offset of what has a key. */
export function wordOf(key: number, offset: number): number {
  let mixed = Math.imul(key, 0x9e37_79b1) ^ (offset >>> 2);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** What an access of 1, 2 or 4 bytes, aligned to its size, finds there. */
export function answerOf(key: number, offset: number, size: number): number {
  const shifted = wordOf(key, offset) >>> 8 * (offset & 3);
  return size === 4 ? shifted : shifted & ((1 << 8 * size) - 1);
}

/** Writes the words that something with a key holds. */
export function fillWords(words: Int32Array, key: number, offset: number): void {
  for (let i = 0; i < words.length; i++) words[i] = wordOf(key, offset + 4 * i);
}

/** Keys of what is no region of the machine file; those have their ids. */
export const Key = {
  /** The machine's RAM. */
  RAM: 0x1_0000,
  /** RAM that the VGA's window hides. */
  HIDDEN_RAM: 0x1_0001,
  /** The RAM BAR that moves. */
  SHARED: 0x1_0002,
  /** A flash memory's content, and its registers. */
  FLASH: 0x1_0003,
  FLASH_REGISTERS: 0x1_0004,
  /** The two pages that change places, and the two that the IOMMU leads to. */
  TWINS: 0x1_0010,
  DMA: 0x1_0020,
  /** From here on: one for each DIMM and device that is plugged in. */
  PLUGGED: 0x2_0000,
} as const;
