/**
 * QEMU's firmware configuration device: named items that the guest reads, byte by byte or by DMA.
 *
 * @module
 */

import type { MemoryRegionOps } from "@guestmem/flatview";
import type { DmaMemory } from "./dma_memory.ts";

const KEY = { SIGNATURE: 0x00, ID: 0x01, HARTS: 0x05, DIRECTORY: 0x19, FILES: 0x20 } as const;
/** What the interface can do: the traditional one, and DMA. */
const FEATURES = 3;
/** What the DMA register reads as: "QEMU CFG". */
const DMA_SIGNATURE = 0x51454d5520434647n;
const DMA = { ERROR: 1, READ: 2, SKIP: 4, SELECT: 8, WRITE: 16 } as const;

/** A firmware configuration device. All of its registers are big-endian. */
export class FwCfg {
  readonly #items = new Map<number, Uint8Array>();
  readonly #memory: DmaMemory;
  #key = 0;
  #offset = 0;
  #dmaHigh = 0;

  /**
   * @param files Named items, such as "etc/...".
   */
  constructor(harts: number, files: ReadonlyMap<string, Uint8Array>, memory: DmaMemory) {
    this.#memory = memory;
    this.#items.set(KEY.SIGNATURE, new TextEncoder().encode("QEMU"));
    this.#items.set(KEY.ID, Uint8Array.of(FEATURES, 0, 0, 0));
    this.#items.set(KEY.HARTS, Uint8Array.of(harts, 0));
    const names = [...files.keys()].sort();
    names.forEach((name, index) => this.#items.set(KEY.FILES + index, files.get(name)!));
    this.#items.set(KEY.DIRECTORY, directory(names, (name) => files.get(name)!.length));
  }

  /** The callbacks of the data register. */
  readonly data: MemoryRegionOps = {
    endianness: "big",
    valid: { minAccessSize: 1, maxAccessSize: 8 },
    impl: { minAccessSize: 1, maxAccessSize: 8 },
    read: (_offset, size) => {
      let value = 0n;
      for (let byte = 0; byte < size; byte++) value = value << 8n | BigInt(this.#next());
      return value;
    },
    write: () => {},
  };

  /** The callbacks of the selector. */
  readonly control: MemoryRegionOps = {
    endianness: "big",
    valid: { minAccessSize: 2, maxAccessSize: 2 },
    read: () => 0,
    write: (_offset, value) => this.#select(value),
  };

  /** The callbacks of the DMA address. Writing its lower half starts the transfer. */
  readonly dma: MemoryRegionOps = {
    endianness: "big",
    valid: { minAccessSize: 1, maxAccessSize: 8 },
    impl: { minAccessSize: 1, maxAccessSize: 8 },
    read: (offset, size) => {
      const shift = BigInt(8 * (8 - Number(offset) - size));
      return DMA_SIGNATURE >> shift & (1n << BigInt(8 * size)) - 1n;
    },
    write: (offset, value, size, _attrs, upper) => {
      if (size === 8) this.#transfer(BigInt(upper >>> 0) << 32n | BigInt(value >>> 0));
      else if (size === 4 && Number(offset) === 0) this.#dmaHigh = value >>> 0;
      else if (size === 4) {
        this.#transfer(BigInt(this.#dmaHigh) << 32n | BigInt(value >>> 0));
        this.#dmaHigh = 0;
      }
    },
  };

  #select(key: number): void {
    this.#key = key;
    this.#offset = 0;
  }

  get #item(): Uint8Array {
    return this.#items.get(this.#key) ?? new Uint8Array(0);
  }

  #next(): number {
    return this.#item[this.#offset++] ?? 0;
  }

  /** Performs the transfer that a descriptor in guest memory describes. */
  #transfer(descriptor: bigint): void {
    const bytes = new Uint8Array(16);
    if (!this.#memory.read(descriptor, bytes)) return;
    const view = new DataView(bytes.buffer);
    const control = view.getUint32(0);
    const length = view.getUint32(4);
    const address = view.getBigUint64(8);
    if (control & DMA.SELECT) this.#select(control >>> 16);
    let isDone = true;
    if (control & DMA.READ) isDone = this.#copyOut(address, length);
    else if (control & DMA.WRITE) isDone = false; // no item can be written
    else if (control & DMA.SKIP) this.#offset += length;
    view.setUint32(0, isDone ? 0 : DMA.ERROR);
    this.#memory.write(descriptor, bytes.subarray(0, 4));
  }

  /** Copies from the item; what lies behind its end is zero. */
  #copyOut(address: bigint, length: number): boolean {
    const CHUNK = 65536;
    for (let done = 0; done < length; done += CHUNK) {
      const chunk = new Uint8Array(Math.min(CHUNK, length - done));
      const from = this.#offset + done;
      chunk.set(this.#item.subarray(from, from + chunk.length));
      if (!this.#memory.write(address + BigInt(done), chunk)) return false;
    }
    this.#offset += length;
    return true;
  }
}

/** The directory of the named items. */
function directory(names: readonly string[], sizeOf: (name: string) => number): Uint8Array {
  const ENTRY = 64;
  const bytes = new Uint8Array(4 + names.length * ENTRY);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, names.length);
  names.forEach((name, index) => {
    const at = 4 + index * ENTRY;
    view.setUint32(at, sizeOf(name));
    view.setUint16(at + 4, KEY.FILES + index);
    bytes.set(new TextEncoder().encode(name).subarray(0, ENTRY - 9), at + 8);
  });
  return bytes;
}
