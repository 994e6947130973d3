/**
 * MSI-X of a PCI function: its capability, its table, and the messages that it sends. A board without a
 * controller for them never enables it.
 *
 * @module
 */

import type { MemoryRegionOps } from "@guestmem/flatview";
import type { DmaMemory } from "../devices/dma_memory.ts";
import type { ConfigurationSpace } from "./configuration_space.ts";

const CAPABILITY = 0x11;
const ENTRY_BYTES = 16;
/** In the control word of the capability. */
const ENABLED = 0x8000;
const ALL_MASKED = 0x4000;
/** In an entry's control word. */
const MASKED = 1;

/** Where the BAR has the table and the pending bits, as QEMU lays an exclusive BAR out. */
export const MSIX_BAR = { bytes: 0x1000, pendingAt: 0x800 } as const;

/** Message-signalled interrupts of a function. */
export class Msix {
  readonly #configuration: ConfigurationSpace;
  readonly #offset: number;
  readonly #memory: DmaMemory;
  readonly #vectors: number;
  readonly #table: DataView;
  readonly #pending: DataView;

  /**
   * Adds the capability.
   *
   * @param offset Where in the configuration space.
   * @param bar The BAR that shows table and pending bits.
   */
  constructor(
    configuration: ConfigurationSpace,
    offset: number,
    bar: number,
    vectors: number,
    memory: DmaMemory,
  ) {
    this.#configuration = configuration;
    this.#offset = offset;
    this.#memory = memory;
    this.#vectors = vectors;
    this.#table = new DataView(new ArrayBuffer(vectors * ENTRY_BYTES));
    this.#pending = new DataView(new ArrayBuffer(Math.ceil(vectors / 64) * 8));
    const capability = new DataView(new ArrayBuffer(10));
    capability.setUint16(0, vectors - 1, true);
    capability.setUint32(2, bar, true);
    capability.setUint32(6, MSIX_BAR.pendingAt | bar, true);
    configuration.addCapability(offset, CAPABILITY, new Uint8Array(capability.buffer));
    configuration.allow32(offset, (ENABLED | ALL_MASKED) * 2 ** 16);
    this.reset();
  }

  get tableBytes(): number {
    return this.#table.byteLength;
  }

  get pendingBytes(): number {
    return this.#pending.byteLength;
  }

  get isEnabled(): boolean {
    return (this.#control & ENABLED) !== 0;
  }

  /** The callbacks of the table. */
  readonly table: MemoryRegionOps = {
    valid: { minAccessSize: 4, maxAccessSize: 8 },
    impl: { minAccessSize: 4, maxAccessSize: 4 },
    read: (offset) => this.#table.getUint32(Number(offset), true),
    write: (offset, value) => {
      this.#table.setUint32(Number(offset), value, true);
      this.deliver();
    },
  };

  /** The callbacks of the pending bits. */
  readonly pendingBits: MemoryRegionOps = {
    valid: { minAccessSize: 4, maxAccessSize: 8 },
    impl: { minAccessSize: 4, maxAccessSize: 4 },
    read: (offset) => this.#pending.getUint32(Number(offset), true),
    write: () => {},
  };

  /** Sends a vector's message, now or when it is unmasked. */
  send(vector: number): void {
    if (vector >= this.#vectors || !this.isEnabled) return;
    this.#setPending(vector, true);
    this.deliver();
  }

  /** Sends what is pending and not masked: after a write to the control word, too. */
  deliver(): void {
    if (!this.isEnabled || this.#control & ALL_MASKED) return;
    for (let vector = 0; vector < this.#vectors; vector++) {
      const at = vector * ENTRY_BYTES;
      const isPending = this.#pending.getUint8(vector >>> 3) >>> (vector & 7) & 1;
      if (!isPending || this.#table.getUint32(at + 12, true) & MASKED) continue;
      this.#setPending(vector, false);
      this.#memory.write(
        this.#table.getBigUint64(at, true),
        new Uint8Array(this.#table.buffer, at + 8, 4),
      );
    }
  }

  reset(): void {
    for (let vector = 0; vector < this.#vectors; vector++) {
      const at = vector * ENTRY_BYTES;
      for (let word = 0; word < 12; word += 4) this.#table.setUint32(at + word, 0, true);
      this.#table.setUint32(at + 12, MASKED, true);
      this.#setPending(vector, false);
    }
  }

  get #control(): number {
    return this.#configuration.get16(this.#offset + 2);
  }

  #setPending(vector: number, isPending: boolean): void {
    const at = vector >>> 3, bit = 1 << (vector & 7);
    const byte = this.#pending.getUint8(at);
    this.#pending.setUint8(at, isPending ? byte | bit : byte & ~bit);
  }
}
