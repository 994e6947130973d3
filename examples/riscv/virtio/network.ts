/**
 * A virtio network device.
 *
 * @module
 */

import type { DmaMemory } from "../devices/dma_memory.ts";
import { type Chain, lengthOf, QueueError, readSegments, writeSegments } from "./split_queue.ts";
import type { VirtioKind } from "./virtio_device.ts";

const FEATURE = { MAC: 1n << 5n, STATUS: 1n << 16n };
const LINK_UP = 1;
const RECEIVE = 0;
const TRANSMIT = 1;
/** In front of each frame; all zero, since no offload is offered. */
const HEADER_BYTES = 12;
/** The largest frame: no jumbo frames, with a VLAN tag. */
const MOST_BYTES = 1518;
/** Frames that wait for a buffer; the ones behind are dropped, as by a full network card. */
const MOST_WAITING = 256;

/** The network that a device is plugged into. */
export interface Network {
  /** The guest sent a frame; the bytes are the network's to keep. */
  send(frame: Uint8Array<ArrayBuffer>): void;
}

/** A network card. Call its device's `serve(0)` after {@linkcode VirtioNetwork.receive}. */
export class VirtioNetwork implements VirtioKind {
  readonly name = "virtio-net";
  readonly id = 1;
  readonly queues = 2;
  readonly features = FEATURE.MAC | FEATURE.STATUS;
  readonly configuration = new Uint8Array(8);
  readonly #network: Network;
  readonly #waiting: Uint8Array[] = [];

  /**
   * @param mac Six bytes.
   */
  constructor(network: Network, mac: Uint8Array) {
    this.#network = network;
    this.configuration.set(mac);
    this.configuration[6] = LINK_UP;
  }

  /** A frame arrives. It is kept until the driver offers a buffer. */
  receive(frame: Uint8Array): void {
    if (frame.length <= MOST_BYTES && this.#waiting.length < MOST_WAITING) {
      this.#waiting.push(frame);
    }
  }

  serve(queue: number, chain: Chain, memory: DmaMemory): number | null {
    if (queue === TRANSMIT) return this.#transmit(chain, memory);
    return queue === RECEIVE ? this.#deliver(chain, memory) : 0;
  }

  reset(): void {
    this.#waiting.length = 0;
  }

  #transmit({ readable }: Chain, memory: DmaMemory): number {
    const bytes = lengthOf(readable) - HEADER_BYTES;
    if (bytes < 0) throw new QueueError("A frame to send has no header");
    if (bytes > MOST_BYTES) return 0;
    const frame = new Uint8Array(bytes);
    readSegments(memory, readable, HEADER_BYTES, frame);
    this.#network.send(frame);
    return 0;
  }

  #deliver({ writable }: Chain, memory: DmaMemory): number | null {
    const frame = this.#waiting[0];
    if (!frame) return null;
    const room = lengthOf(writable);
    if (room < HEADER_BYTES) {
      throw new QueueError("A buffer for a frame has no room for its header");
    }
    this.#waiting.shift();
    const bytes = HEADER_BYTES + Math.min(frame.length, room - HEADER_BYTES);
    const received = new Uint8Array(bytes);
    received[10] = 1; // the frame is in one buffer
    received.set(frame.subarray(0, bytes - HEADER_BYTES), HEADER_BYTES);
    writeSegments(memory, writable, 0, received);
    return bytes;
  }
}
