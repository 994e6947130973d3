/**
 * A virtio device behind any transport: feature negotiation, status, queues and their interrupts. What a
 * kind of device does is its {@linkcode VirtioKind}.
 *
 * @module
 */

import type { DmaMemory } from "../devices/dma_memory.ts";
import { type Chain, QueueError, SplitQueue } from "./split_queue.ts";

const FEATURE = {
  INDIRECT: 1n << 28n,
  EVENT_INDEX: 1n << 29n,
  VERSION_1: 1n << 32n,
} as const;

/** Bits of the status register. */
export const STATUS = { FEATURES_OK: 8, DRIVER_OK: 4, NEEDS_RESET: 64 } as const;

/** The most descriptors that a queue may have. */
export const QUEUE_SIZE = 256;

/** Why a device interrupts: bits of the interrupt status register. */
const INTERRUPT_CAUSE = { QUEUE: 1, CONFIGURATION: 2 } as const;

/** The bit of an interrupt for a queue, or for the configuration. */
export function causeOf(queue: number | null): number {
  return queue === null ? INTERRUPT_CAUSE.CONFIGURATION : INTERRUPT_CAUSE.QUEUE;
}

/** What a transport does for its device. */
export interface VirtioTransport {
  readonly memory: DmaMemory;
  /** Interrupts for a queue, or for the configuration if null. */
  interrupt(queue: number | null): void;
}

/** What a kind of device is. */
export interface VirtioKind {
  /** Its name as QEMU has it: "virtio-blk". */
  readonly name: string;
  /** Virtio's device id. */
  readonly id: number;
  /** Feature bits of its own that it offers. */
  readonly features: bigint;
  readonly queues: number;
  /** The device-specific configuration. */
  readonly configuration: Uint8Array;
  /**
   * Serves a chain.
   *
   * @returns How many bytes were written, or null: the chain stays offered until `VirtioDevice.serve`.
   * @throws {QueueError} If the device cannot serve such a chain.
   */
  serve(queue: number, chain: Chain, memory: DmaMemory): number | null;
  /** The driver has reset the device. */
  reset?(): void;
}

/** A queue's registers. */
export interface QueueRegisters {
  size: number;
  descriptors: bigint;
  available: bigint;
  used: bigint;
  isEnabled: boolean;
}

/** A device. The context that runs it calls all of its functions. */
export class VirtioDevice {
  readonly kind: VirtioKind;
  /** What the driver may choose from. */
  readonly offered: bigint;
  readonly registers: QueueRegisters[];
  readonly #transport: VirtioTransport;
  readonly #queues: (SplitQueue | null)[];
  /** Queues that are being served: a notification on the way is seen by the loop that runs. */
  readonly #isServing: boolean[];
  #accepted = 0n;
  #status = 0;

  constructor(kind: VirtioKind, transport: VirtioTransport) {
    this.kind = kind;
    this.#transport = transport;
    this.offered = kind.features | FEATURE.INDIRECT | FEATURE.EVENT_INDEX | FEATURE.VERSION_1;
    this.registers = Array.from({ length: kind.queues }, initialRegisters);
    this.#queues = new Array(kind.queues).fill(null);
    this.#isServing = new Array(kind.queues).fill(false);
  }

  get status(): number {
    return this.#status;
  }

  /** What the driver has accepted so far. */
  get accepted(): bigint {
    return this.#accepted;
  }

  /** The driver accepts features, of those offered; no longer once it has said that it is done. */
  accept(features: bigint): void {
    if (!(this.#status & STATUS.FEATURES_OK)) this.#accepted = features & this.offered;
  }

  /** The driver writes the status: 0 resets. */
  setStatus(status: number): void {
    if (status === 0) return this.reset();
    const added = status & ~this.#status;
    // A driver of the version before virtio 1.0 is not served.
    const isLegacy = (this.#accepted & FEATURE.VERSION_1) === 0n;
    this.#status = isLegacy ? status & ~STATUS.FEATURES_OK : status;
    if (added & STATUS.DRIVER_OK) this.serveAll();
  }

  /** The driver enables a queue, with the addresses in its registers. */
  enable(queue: number): void {
    const registers = this.registers[queue];
    if (!registers || registers.isEnabled) return;
    registers.isEnabled = true;
    const hasEventIndex = (this.#accepted & FEATURE.EVENT_INDEX) !== 0n;
    this.#queues[queue] = new SplitQueue(this.#transport.memory, { ...registers }, hasEventIndex);
  }

  /** The driver disables a queue. */
  disable(queue: number): void {
    const registers = this.registers[queue];
    if (!registers) return;
    registers.isEnabled = false;
    this.#queues[queue] = null;
  }

  /** Serves what the driver offers in a queue: on its notification, or when the device has news. */
  serve(queue: number): void {
    if (!this.#isRunning || this.#isServing[queue] !== false) return;
    this.#isServing[queue] = true;
    try {
      this.#drain(queue);
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      this.#fail();
    } finally {
      this.#isServing[queue] = false;
    }
  }

  /** Serves all queues. */
  serveAll(): void {
    for (let queue = 0; queue < this.kind.queues; queue++) this.serve(queue);
  }

  /** Forgets all that the driver has set. */
  reset(): void {
    this.#status = 0;
    this.#accepted = 0n;
    for (let queue = 0; queue < this.kind.queues; queue++) {
      this.registers[queue] = initialRegisters();
      this.#queues[queue] = null;
    }
    this.kind.reset?.();
  }

  get #isRunning(): boolean {
    return (this.#status & (STATUS.DRIVER_OK | STATUS.NEEDS_RESET)) === STATUS.DRIVER_OK;
  }

  #drain(index: number): void {
    const queue = this.#queues[index];
    if (!queue) return;
    for (let chain = queue.take(); chain; chain = queue.take()) {
      const written = this.kind.serve(index, chain, this.#transport.memory);
      // The device was reset by what it wrote to itself.
      if (this.#queues[index] !== queue) return;
      if (written === null) {
        queue.untake();
        break;
      }
      queue.giveBack(chain, written);
    }
    if (queue.wantsInterrupt()) this.#transport.interrupt(index);
  }

  /** The driver broke a rule: it has to reset the device. */
  #fail(): void {
    this.#status |= STATUS.NEEDS_RESET;
    this.#transport.interrupt(null);
  }
}

function initialRegisters(): QueueRegisters {
  return { size: QUEUE_SIZE, descriptors: 0n, available: 0n, used: 0n, isEnabled: false };
}
