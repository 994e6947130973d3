/**
 * A split virtqueue, as virtio 1.2 describes it, from the device's side: chains of buffers that the
 * driver offers, with indirect tables and the event index. What QEMU calls an error of the guest is one
 * here: the device stops, and the driver must reset it.
 *
 * @module
 */

import type { DmaMemory } from "../devices/dma_memory.ts";

const DESCRIPTOR_BYTES = 16;
const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
/** The most buffers of a chain. */
const MOST_BUFFERS = 1024;
/** In the flags of the available ring: the driver wants no interrupts. */
const NO_INTERRUPT = 1;

/** The driver has broken a rule of the queue. The device needs a reset. */
export class QueueError extends Error {
  static {
    this.prototype.name = "QueueError";
  }
}

/** A buffer of guest memory. */
export interface Segment {
  /** Bus address. */
  readonly address: bigint;
  readonly length: number;
}

/** A chain of buffers: what the device reads, then what it writes. */
export interface Chain {
  /** Index of the first descriptor: the chain's name. */
  readonly head: number;
  readonly readable: readonly Segment[];
  readonly writable: readonly Segment[];
}

/** Addresses and size that the driver sets. */
export interface QueueLayout {
  readonly size: number;
  readonly descriptors: bigint;
  readonly available: bigint;
  readonly used: bigint;
}

/** A queue that is in use. One context runs it. */
export class SplitQueue {
  readonly #memory: DmaMemory;
  readonly #layout: QueueLayout;
  readonly #hasEventIndex: boolean;
  readonly #view = new DataView(new ArrayBuffer(DESCRIPTOR_BYTES));
  readonly #order = new Int32Array(1);
  /** Chains taken, chains given back, and how many of those the driver was told of: 16 bits each. */
  #taken = 0;
  #used = 0;
  #told = 0;

  constructor(memory: DmaMemory, layout: QueueLayout, hasEventIndex: boolean) {
    this.#memory = memory;
    this.#layout = layout;
    this.#hasEventIndex = hasEventIndex;
  }

  /** How many chains the driver has offered and the device not taken. */
  get offered(): number {
    const offered = this.#load16(this.#layout.available + 2n) - this.#taken & 0xffff;
    if (offered > this.#layout.size) {
      throw new QueueError(`${offered} chains are offered, in a queue of ${this.#layout.size}`);
    }
    return offered;
  }

  /**
   * Takes the next chain.
   *
   * @returns It, or null if the driver offers none; the driver will then notify of the next one.
   * @throws {QueueError} If the driver broke a rule.
   */
  take(): Chain | null {
    if (this.offered === 0) {
      if (!this.#hasEventIndex) return null;
      this.#store16(this.#eventOfDevice, this.#taken);
      // What was offered before the driver saw the index came without a notification.
      this.#fence();
      if (this.offered === 0) return null;
    }
    // The entry and the descriptors were written before the index.
    this.#fence();
    const { available, size } = this.#layout;
    const head = this.#load16(available + 4n + BigInt(this.#taken % size * 2));
    this.#taken = this.#taken + 1 & 0xffff;
    return this.#chain(head);
  }

  /** Takes back the last `take`: the chain is offered again. Only before `giveBack`. */
  untake(): void {
    this.#taken = this.#taken - 1 & 0xffff;
  }

  /** Gives a chain back. @param written How many bytes the device wrote to it. */
  giveBack({ head }: Chain, written: number): void {
    const { used, size } = this.#layout;
    const element = used + 4n + BigInt(this.#used % size * 8);
    this.#view.setUint32(0, head, true);
    this.#view.setUint32(4, written, true);
    this.#write(element, 8);
    this.#fence();
    this.#used = this.#used + 1 & 0xffff;
    this.#store16(used + 2n, this.#used);
  }

  /** Whether the driver wants an interrupt for what was given back since the last question. */
  wantsInterrupt(): boolean {
    const { available, size } = this.#layout;
    const before = this.#told;
    this.#told = this.#used;
    if (before === this.#used) return false;
    // The index must be seen before the driver's wish is read: it may change it and look again.
    this.#fence();
    if (!this.#hasEventIndex) return (this.#load16(available) & NO_INTERRUPT) === 0;
    const event = this.#load16(available + 4n + BigInt(size * 2));
    return (this.#used - event - 1 & 0xffff) < (this.#used - before & 0xffff);
  }

  /** Where the device says of which chain it wants to be notified. */
  get #eventOfDevice(): bigint {
    return this.#layout.used + 4n + BigInt(this.#layout.size * 8);
  }

  /** Follows a chain through its descriptors. */
  #chain(head: number): Chain {
    const { size, descriptors } = this.#layout;
    if (head >= size) throw new QueueError(`Descriptor ${head} is offered, in a queue of ${size}`);
    let table = descriptors, count = size, index = head;
    let first = this.#descriptor(table, index);
    if (first.flags & INDIRECT) {
      if (first.length === 0 || first.length % DESCRIPTOR_BYTES !== 0) {
        throw new QueueError(
          `An indirect table has ${first.length} bytes: it must be a multiple of 16`,
        );
      }
      table = first.address;
      count = first.length / DESCRIPTOR_BYTES;
      index = 0;
      first = this.#descriptor(table, index);
    }
    const readable: Segment[] = [], writable: Segment[] = [];
    for (let descriptor = first;; descriptor = this.#descriptor(table, index)) {
      const { address, length, flags, next } = descriptor;
      if (length === 0) throw new QueueError("A buffer has no bytes");
      if (!(flags & WRITE) && writable.length) {
        throw new QueueError("A buffer to read stands behind one to write");
      }
      (flags & WRITE ? writable : readable).push({ address, length });
      if (!(flags & NEXT)) return { head, readable, writable };
      if (readable.length + writable.length >= Math.min(count, MOST_BUFFERS)) {
        throw new QueueError(
          `A chain has more descriptors than its table, or than ${MOST_BUFFERS}`,
        );
      }
      if (next >= count) throw new QueueError(`Descriptor ${next} is the next one, of ${count}`);
      index = next;
    }
  }

  #descriptor(table: bigint, index: number) {
    this.#read(table + BigInt(index * DESCRIPTOR_BYTES), DESCRIPTOR_BYTES);
    const view = this.#view;
    return {
      address: view.getBigUint64(0, true),
      length: view.getUint32(8, true),
      flags: view.getUint16(12, true),
      next: view.getUint16(14, true),
    };
  }

  #load16(address: bigint): number {
    this.#read(address, 2);
    return this.#view.getUint16(0, true);
  }

  #store16(address: bigint, value: number): void {
    this.#view.setUint16(0, value, true);
    this.#write(address, 2);
  }

  #read(address: bigint, bytes: number): void {
    if (!this.#memory.read(address, new Uint8Array(this.#view.buffer, 0, bytes))) {
      throw new QueueError(`The queue cannot be read at 0x${address.toString(16)}`);
    }
  }

  #write(address: bigint, bytes: number): void {
    if (!this.#memory.write(address, new Uint8Array(this.#view.buffer, 0, bytes))) {
      throw new QueueError(`The queue cannot be written at 0x${address.toString(16)}`);
    }
  }

  /** Orders what this context does before with what it does behind, as far as the processor goes. */
  #fence(): void {
    Atomics.add(this.#order, 0, 0);
  }
}

/** All bytes of some buffers. */
export function lengthOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { length }) => sum + length, 0);
}

/**
 * Reads from buffers, as if they were one.
 *
 * @param from Offset of the first byte. The buffers must have enough bytes.
 * @throws {QueueError} If nothing answers there.
 */
export function readSegments(
  memory: DmaMemory,
  segments: readonly Segment[],
  from: number,
  into: Uint8Array,
): void {
  forEachPart(segments, from, into.length, (address, at, length) => {
    if (!memory.read(address, into.subarray(at, at + length))) unanswered(address);
  });
}

/** Writes to buffers, as if they were one; see {@linkcode readSegments}. */
export function writeSegments(
  memory: DmaMemory,
  segments: readonly Segment[],
  from: number,
  bytes: Uint8Array,
): void {
  forEachPart(segments, from, bytes.length, (address, at, length) => {
    if (!memory.write(address, bytes.subarray(at, at + length))) unanswered(address);
  });
}

function unanswered(address: bigint): never {
  throw new QueueError(`A buffer at 0x${address.toString(16)} is no memory`);
}

function forEachPart(
  segments: readonly Segment[],
  from: number,
  bytes: number,
  each: (address: bigint, at: number, length: number) => void,
): void {
  let start = 0, done = 0;
  for (const { address, length } of segments) {
    const skip = Math.max(from - start, 0);
    start += length;
    if (skip >= length || done === bytes) continue;
    const part = Math.min(length - skip, bytes - done);
    each(address + BigInt(skip), done, part);
    done += part;
  }
  if (done < bytes) throw new QueueError(`A chain has ${start} bytes: ${from + bytes} are needed`);
}
