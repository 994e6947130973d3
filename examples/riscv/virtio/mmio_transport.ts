/**
 * A virtio device behind memory-mapped registers, version 2.
 *
 * @module
 */

import type { MemoryRegionOps } from "@guestmem/flatview";
import type { DmaMemory } from "../devices/dma_memory.ts";
import { causeOf, QUEUE_SIZE, VirtioDevice, type VirtioKind } from "./virtio_device.ts";

const MAGIC = 0x74726976;
const VERSION = 2;
const VENDOR = 0x554d4551;

const REGISTER = {
  MAGIC: 0x00,
  VERSION: 0x04,
  DEVICE: 0x08,
  VENDOR: 0x0c,
  OFFERED: 0x10,
  OFFERED_SELECT: 0x14,
  ACCEPTED: 0x20,
  ACCEPTED_SELECT: 0x24,
  QUEUE: 0x30,
  QUEUE_MOST: 0x34,
  QUEUE_SIZE: 0x38,
  QUEUE_READY: 0x44,
  NOTIFY: 0x50,
  INTERRUPT: 0x60,
  ACKNOWLEDGE: 0x64,
  STATUS: 0x70,
  DESCRIPTORS: 0x80,
  AVAILABLE: 0x90,
  USED: 0xa0,
  GENERATION: 0xfc,
  CONFIGURATION: 0x100,
} as const;

/** The registers of a device. */
export class MmioTransport {
  readonly device: VirtioDevice;
  readonly #setLine: (isUp: boolean) => void;
  #offeredSelect = 0;
  #acceptedSelect = 0;
  #queue = 0;
  #interrupt = 0;

  /**
   * @param setLine Raises or lowers the slot's interrupt.
   */
  constructor(kind: VirtioKind, memory: DmaMemory, setLine: (isUp: boolean) => void) {
    this.#setLine = setLine;
    this.device = new VirtioDevice(kind, {
      memory,
      interrupt: (queue) => {
        this.#interrupt |= causeOf(queue);
        setLine(true);
      },
    });
  }

  /** The callbacks of the slot's region. Registers take 4 bytes, the configuration any size. */
  readonly ops: MemoryRegionOps = {
    valid: { minAccessSize: 1, maxAccessSize: 8 },
    impl: { minAccessSize: 1, maxAccessSize: 4 },
    read: (offset, size) => {
      const at = Number(offset);
      if (at >= REGISTER.CONFIGURATION) return this.#configuration(at, size);
      return size === 4 ? this.#read(at) : 0;
    },
    write: (offset, value, size) => {
      if (size === 4) this.#write(Number(offset), value >>> 0);
    },
  };

  #configuration(at: number, size: number): number {
    let value = 0;
    for (let byte = size; byte-- > 0;) {
      const part = this.device.kind.configuration[at - REGISTER.CONFIGURATION + byte] ?? 0;
      value = value << 8 | part;
    }
    return value >>> 0;
  }

  #read(register: number): number {
    const { device } = this;
    switch (register) {
      case REGISTER.MAGIC:
        return MAGIC;
      case REGISTER.VERSION:
        return VERSION;
      case REGISTER.DEVICE:
        return device.kind.id;
      case REGISTER.VENDOR:
        return VENDOR;
      case REGISTER.OFFERED:
        return half(device.offered, this.#offeredSelect);
      case REGISTER.QUEUE_MOST:
        return this.#queue < device.kind.queues ? QUEUE_SIZE : 0;
      case REGISTER.QUEUE_READY:
        return Number(device.registers[this.#queue]?.isEnabled ?? false);
      case REGISTER.INTERRUPT:
        return this.#interrupt;
      case REGISTER.STATUS:
        return device.status;
      default:
        return 0;
    }
  }

  #write(register: number, value: number): void {
    const { device } = this;
    const queue = device.registers[this.#queue];
    switch (register) {
      case REGISTER.OFFERED_SELECT:
        this.#offeredSelect = value;
        break;
      case REGISTER.ACCEPTED_SELECT:
        this.#acceptedSelect = value;
        break;
      case REGISTER.ACCEPTED:
        device.accept(withHalf(device.accepted, this.#acceptedSelect, value));
        break;
      case REGISTER.QUEUE:
        this.#queue = value;
        break;
      case REGISTER.QUEUE_SIZE:
        if (queue && isQueueSize(value)) queue.size = value;
        break;
      case REGISTER.QUEUE_READY:
        if (value & 1) device.enable(this.#queue);
        else device.disable(this.#queue);
        break;
      case REGISTER.NOTIFY:
        device.serve(value);
        break;
      case REGISTER.ACKNOWLEDGE:
        this.#interrupt &= ~value;
        if (!this.#interrupt) this.#setLine(false);
        break;
      case REGISTER.STATUS:
        if (value === 0) this.#reset();
        device.setStatus(value & 0xff);
        break;
      default:
        if (queue && !queue.isEnabled) writeAddress(queue, register, value);
    }
  }

  #reset(): void {
    this.#interrupt = 0;
    this.#setLine(false);
    this.#queue = 0;
  }
}

/** The registers that hold a queue's addresses: the lower half, then the upper. */
function writeAddress(
  queue: { descriptors: bigint; available: bigint; used: bigint },
  register: number,
  value: number,
): void {
  const which = register & 4 ? 1 : 0;
  switch (register & ~4) {
    case REGISTER.DESCRIPTORS:
      queue.descriptors = withHalf(queue.descriptors, which, value);
      break;
    case REGISTER.AVAILABLE:
      queue.available = withHalf(queue.available, which, value);
      break;
    case REGISTER.USED:
      queue.used = withHalf(queue.used, which, value);
  }
}

/** Whether a driver may choose this many descriptors. */
export function isQueueSize(size: number): boolean {
  return size > 0 && size <= QUEUE_SIZE && (size & size - 1) === 0;
}

/** One half of a value of 64 bits: the lower for 0, the upper for 1, and zero for any other. */
export function half(value: bigint, which: number): number {
  return which > 1 ? 0 : Number(value >> BigInt(32 * which) & 0xffff_ffffn);
}

/** A value of 64 bits with one half replaced. */
export function withHalf(value: bigint, which: number, by: number): bigint {
  if (which > 1) return value;
  const shift = BigInt(32 * which);
  return value & ~(0xffff_ffffn << shift) | BigInt(by >>> 0) << shift;
}
