/**
 * Where the images go in guest memory, as QEMU places them.
 *
 * @module
 */

import { flatten } from "../fdt/flattened.ts";
import { MEMORY_MAP } from "../fdt/memory_map.ts";
import { virtTree } from "../fdt/virt_tree.ts";
import { BootError } from "./boot_error.ts";
import type { KernelImage } from "./kernel_image.ts";
import { resetVector } from "./reset_vector.ts";

const MIB = 2 ** 20;
/** Firmware, kernel and device tree begin at multiples of this. */
const LARGE_PAGE = 2 * MIB;
/** The device tree lies below this address, which every firmware reaches. */
const LOW_END = 3 * 2 ** 30;
/** The least RAM that a machine has. */
const LEAST_MEMORY = 64 * MIB;

/** What a machine boots. */
export interface BootOptions {
  readonly harts: number;
  /** Bytes of RAM. */
  readonly memory: number;
  readonly firmware: Uint8Array<ArrayBuffer>;
  readonly kernel?: KernelImage | undefined;
  readonly initrd?: Uint8Array<ArrayBuffer> | undefined;
  /** The kernel's command line. */
  readonly bootArguments?: string | undefined;
  /** Seeds the kernel's random numbers: 32 bytes. */
  readonly seed: Uint8Array;
}

/** Bytes that are in memory before the harts start. */
export interface Piece {
  readonly name: string;
  readonly address: number;
  /** All of its buffer. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** An image with the memory that it occupies. */
interface Placed extends Piece {
  readonly memory: number;
}

/**
 * Places the images.
 *
 * @throws {BootError} If they do not fit.
 */
export function planBoot(options: BootOptions): readonly Piece[] {
  const { firmware, kernel, initrd, memory, harts, bootArguments, seed } = options;
  const { base } = MEMORY_MAP.ram;
  if (memory < LEAST_MEMORY) {
    throw new BootError(`Cannot boot with ${mib(memory)} of memory: 64 MiB are the least`);
  }
  if (firmware[0] === 0x7f && firmware[1] === 0x45) {
    throw new BootError("Cannot boot an ELF file as firmware: give its .bin");
  }
  const placed: Placed[] = [place("the firmware", base, firmware)];
  const kernelAt = roundUp(base + firmware.length, LARGE_PAGE);
  if (kernel !== undefined) {
    placed.push({ ...place("the kernel", kernelAt, kernel.bytes), memory: kernel.memory });
  }
  const initrdAt = kernelAt + Math.min(memory / 2, 128 * MIB);
  if (initrd !== undefined) placed.push(place("the initrd", initrdAt, initrd));
  const tree = flatten(virtTree({
    ...{ harts, memory, bootArguments, seed },
    initrd: initrd && { start: initrdAt, end: initrdAt + initrd.length },
  }));
  const treeAt = roundDown(Math.min(base + memory, LOW_END) - tree.length, LARGE_PAGE);
  placed.push(place("the device tree", treeAt, tree));
  checkRoom(placed, memory);
  const next = kernel === undefined ? 0 : kernelAt;
  const rom = resetVector({ firmware: base, deviceTree: treeAt, next });
  return [...placed, place("the reset vector", MEMORY_MAP.rom.base, rom)];
}

/** The images come by rising address: each must end before the next, and the last with the RAM. */
function checkRoom(placed: readonly Placed[], memory: number): void {
  placed.forEach(({ name, address, memory: needed }, index) => {
    const next = placed[index + 1]?.address ?? MEMORY_MAP.ram.base + memory;
    if (address + needed <= next) return;
    throw new BootError(
      `Cannot boot with ${mib(memory)} of memory: ${name} needs ${mib(needed)} at 0x${
        address.toString(16)
      }, and there are ${mib(Math.max(next - address, 0))}`,
    );
  });
}

function place(name: string, address: number, bytes: Uint8Array<ArrayBuffer>): Placed {
  return { name, address, bytes, memory: bytes.length };
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

function roundDown(value: number, unit: number): number {
  return Math.floor(value / unit) * unit;
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`;
}
