/**
 * The numbers and names of WebAssembly's binary format.
 *
 * @module
 */

/** Reads numbers from bytes, one after the other. */
export class Bytes {
  /** Where the next read begins. */
  at = 0;

  /** Reads `bytes` from the start. */
  constructor(readonly bytes: Uint8Array) {}

  /** One byte. */
  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new RangeError("The module ends too early");
    return byte;
  }

  /** Four bytes. */
  u32(): number {
    return this.#view(4).getUint32(0, true);
  }

  /** Eight bytes. */
  f64(): number {
    return this.#view(8).getFloat64(0, true);
  }

  /** An unsigned LEB128 number below 2^53. */
  unsigned(): number {
    let value = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  /** A signed LEB128 number of up to 64 bits. */
  signed(): bigint {
    let value = 0n;
    for (let shift = 0n;; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(Number(shift) + 7, value);
    }
  }

  /** A name: its length, then UTF-8. */
  text(): string {
    const length = this.unsigned();
    this.at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at));
  }

  #view(length: number): DataView {
    this.at += length;
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at - length, length);
  }
}

/** An unsigned number in LEB128. */
export function encodeUnsigned(value: number): number[] {
  const bytes: number[] = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value > 0 ? low | 0x80 : low);
  } while (value > 0);
  return bytes;
}

/** A signed number in LEB128. */
export function encodeSigned(value: bigint): number[] {
  const bytes: number[] = [];
  for (;;) {
    const low = Number(value & 0x7fn);
    value >>= 7n;
    const isLast = value === 0n && !(low & 0x40) || value === -1n && (low & 0x40) !== 0;
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return bytes;
  }
}
