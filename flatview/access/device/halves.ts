/** A value of up to eight bytes, as two unsigned halves. */
export class Halves {
  /** The lower 32 bits. */
  low: number = 0;
  /** The upper 32 bits; 0 for values of up to four bytes. */
  high: number = 0;

  /** Sets both, as unsigned. */
  set(low: number, high: number): void {
    this.low = low >>> 0;
    this.high = high >>> 0;
  }

  /** Clears all but the lowest `size` bytes. */
  truncate(size: number): void {
    if (size < 4) this.low &= (1 << size * 8) - 1;
    if (size < 8) this.high = 0;
  }

  /** Writes the lowest `size` bytes, lowest first. */
  spread(into: Uint8Array, start: number, size: number): void {
    const { low, high } = this;
    for (let i = 0; i < size; i++) into[start + i] = i < 4 ? low >>> 8 * i : high >>> 8 * (i - 4);
  }

  /** Reads `size` bytes, lowest first. */
  gather(from: Uint8Array, start: number, size: number): void {
    let low = 0;
    let high = 0;
    for (let i = 0; i < size; i++) {
      if (i < 4) low |= from[start + i]! << 8 * i;
      else high |= from[start + i]! << 8 * (i - 4);
    }
    this.set(low, high);
  }

  /** Reverses the order of the lowest `size` bytes; the rest becomes 0. */
  swap(size: number): void {
    const low = swap32(this.low);
    if (size === 8) this.set(swap32(this.high), low);
    else this.set(low >>> (32 - size * 8), 0);
  }
}

/** Reverses four bytes. */
export function swap32(value: number): number {
  return ((value >>> 24) | (value >>> 8 & 0xff00) | (value & 0xff00) << 8 | value << 24) >>> 0;
}

/** The lower half of a value shifted left by a multiple of 8 bits (right, if that is negative). */
export function shiftedLow(low: number, high: number, bits: number): number {
  if (bits >= 32) return 0;
  if (bits > 0) return (low << bits) >>> 0;
  if (bits === 0) return low >>> 0;
  if (bits > -32) return (low >>> -bits | high << (32 + bits)) >>> 0;
  return high >>> (-bits - 32);
}

/** The upper half of a value shifted left by a multiple of 8 bits (right, if that is negative). */
export function shiftedHigh(low: number, high: number, bits: number): number {
  if (bits >= 32) return (low << (bits - 32)) >>> 0;
  if (bits > 0) return (high << bits | low >>> (32 - bits)) >>> 0;
  if (bits === 0) return high >>> 0;
  if (bits > -32) return high >>> -bits;
  return 0;
}
