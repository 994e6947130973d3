/**
 * Where things are on QEMU's `virt` board, and how they interrupt.
 *
 * @module
 */

/** A range of guest physical addresses. */
export interface Range {
  readonly base: number;
  readonly size: number;
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** The board's memory map; RAM has the size that is asked for. */
export const MEMORY_MAP = {
  rom: { base: 0x1000, size: 0xf000 },
  testFinisher: { base: 0x100000, size: 0x1000 },
  rtc: { base: 0x101000, size: 0x1000 },
  software: { base: 0x2000000, size: 0x4000 },
  timer: { base: 0x2004000, size: 0x8000 },
  pciPorts: { base: 0x3000000, size: 0x10000 },
  platformBus: { base: 0x4000000, size: 32 * MIB },
  plic: { base: 0xc000000, size: 0x600000 },
  uart: { base: 0x10000000, size: 0x100 },
  virtio: { base: 0x10001000, size: 0x1000 },
  fwCfg: { base: 0x10100000, size: 0x18 },
  flash: { base: 0x20000000, size: 64 * MIB },
  pciConfiguration: { base: 0x30000000, size: 256 * MIB },
  pciMemory: { base: 0x40000000, size: GIB },
  ram: { base: 0x80000000 },
  /** Behind the largest RAM that fits under it. */
  pciHighMemory: { base: 0x400000000, size: 16 * GIB },
} as const;

/** Sources of the PLIC. */
export const INTERRUPT = { virtio: 1, uart: 10, rtc: 11, pci: 32 } as const;

/** How many virtio-mmio slots there are. */
export const VIRTIO_SLOTS = 8;

/** Ticks of `mtime` in a second. */
export const TIMEBASE = 10_000_000;
