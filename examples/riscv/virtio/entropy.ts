/**
 * A virtio entropy device.
 *
 * @module
 */

import type { DmaMemory } from "../devices/dma_memory.ts";
import { type Chain, lengthOf, writeSegments } from "./split_queue.ts";
import type { VirtioKind } from "./virtio_device.ts";

/** The most bytes given at once: what `crypto` gives. */
const MOST_BYTES = 65536;

/** Random bytes of the host's for the guest. */
export class VirtioEntropy implements VirtioKind {
  readonly name = "virtio-rng";
  readonly id = 4;
  readonly features = 0n;
  readonly queues = 1;
  readonly configuration = new Uint8Array();

  serve(_queue: number, { writable }: Chain, memory: DmaMemory): number {
    const bytes = new Uint8Array(Math.min(lengthOf(writable), MOST_BYTES));
    writeSegments(memory, writable, 0, crypto.getRandomValues(bytes));
    return bytes.length;
  }
}
