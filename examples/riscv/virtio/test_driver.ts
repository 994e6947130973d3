/**
 * The driver's side of a split virtqueue, for tests: memory, and buffers that it offers and takes back.
 *
 * @module
 */

import type { DmaMemory } from "../devices/dma_memory.ts";
import type { QueueLayout } from "./split_queue.ts";

/** Some memory at address 0. */
export class TestMemory implements DmaMemory {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(bytes = 1 << 16) {
    this.bytes = new Uint8Array(bytes);
    this.view = new DataView(this.bytes.buffer);
  }

  read(address: bigint, into: Uint8Array): boolean {
    if (address + BigInt(into.length) > BigInt(this.bytes.length)) return false;
    into.set(this.bytes.subarray(Number(address), Number(address) + into.length));
    return true;
  }

  write(address: bigint, from: Uint8Array): boolean {
    if (address + BigInt(from.length) > BigInt(this.bytes.length)) return false;
    this.bytes.set(from, Number(address));
    return true;
  }
}

/** A descriptor. */
export interface Descriptor {
  readonly address: number;
  readonly length: number;
  readonly isWritable?: boolean;
  /** More flags, and the next descriptor: where a test breaks the rules. */
  readonly flags?: number;
  readonly next?: number;
}

/** A driver of one queue. */
export class TestDriver {
  readonly memory: TestMemory;
  readonly layout: QueueLayout;
  #offered = 0;
  #seen = 0;

  /**
   * @param at Where the rings are put; a multiple of 4096.
   */
  constructor(memory: TestMemory, size: number, at: number) {
    this.memory = memory;
    this.layout = {
      size,
      descriptors: BigInt(at),
      available: BigInt(at + size * 16),
      used: BigInt(at + size * 16 + 6 + size * 2 + 4095 & ~4095),
    };
  }

  /** Writes a descriptor into the queue's table, or into another one. */
  describe(index: number, descriptor: Descriptor, table = Number(this.layout.descriptors)): void {
    const { view } = this.memory, at = table + index * 16;
    view.setBigUint64(at, BigInt(descriptor.address), true);
    view.setUint32(at + 8, descriptor.length, true);
    view.setUint16(at + 12, (descriptor.flags ?? 0) | (descriptor.isWritable ? 2 : 0), true);
    view.setUint16(at + 14, descriptor.next ?? 0, true);
  }

  /** Describes a chain in the descriptors from `first` on. */
  chain(first: number, descriptors: readonly Descriptor[], table?: number): void {
    descriptors.forEach((descriptor, index) => {
      const isLast = index === descriptors.length - 1;
      const link = isLast ? {} : { flags: 1, next: first + index + 1 };
      this.describe(first + index, { ...link, ...descriptor }, table);
    });
  }

  /** Offers a chain by its first descriptor. */
  offer(head: number): void {
    const { view } = this.memory, available = Number(this.layout.available);
    view.setUint16(available + 4 + this.#offered % this.layout.size * 2, head, true);
    this.#offered = this.#offered + 1 & 0xffff;
    view.setUint16(available + 2, this.#offered, true);
  }

  /** Takes what the device gave back: heads, and how much was written. */
  collect(): [head: number, written: number][] {
    const { view } = this.memory, used = Number(this.layout.used);
    const found: [number, number][] = [];
    while (this.#seen !== view.getUint16(used + 2, true)) {
      const at = used + 4 + this.#seen % this.layout.size * 8;
      found.push([view.getUint32(at, true), view.getUint32(at + 4, true)]);
      this.#seen = this.#seen + 1 & 0xffff;
    }
    return found;
  }

  /** With the event index: asks for an interrupt at the chain after `index`. */
  wantInterruptAfter(index: number): void {
    const at = Number(this.layout.available) + 4 + this.layout.size * 2;
    this.memory.view.setUint16(at, index, true);
  }

  /** Without it: whether interrupts are wanted at all. */
  wantInterrupts(isWanted: boolean): void {
    this.memory.view.setUint16(Number(this.layout.available), isWanted ? 0 : 1, true);
  }

  /** With the event index: of which chain the device wants to be notified. */
  get notifyAfter(): number {
    const at = Number(this.layout.used) + 4 + this.layout.size * 8;
    return this.memory.view.getUint16(at, true);
  }
}
