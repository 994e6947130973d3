/**
 * A virtio block device.
 *
 * @module
 */

import type { DmaMemory } from "../devices/dma_memory.ts";
import { type Chain, lengthOf, QueueError, readSegments, writeSegments } from "./split_queue.ts";
import type { VirtioKind } from "./virtio_device.ts";

const SECTOR = 512;
const FEATURE = { SEGMENTS: 1n << 2n, READ_ONLY: 1n << 5n, BLOCK_SIZE: 1n << 6n, FLUSH: 1n << 9n };
const TYPE = { IN: 0, OUT: 1, FLUSH: 4, ID: 8 } as const;
const RESULT = { OK: 0, ERROR: 1, UNSUPPORTED: 2 } as const;
const HEADER_BYTES = 16;
const ID_BYTES = 20;
/** Segments of a request: as many as a queue has descriptors, less header and result. */
const SEGMENTS = 254;
/** The most bytes of a request that are copied at once. */
const COPY_BYTES = 1 << 20;

/** What a disk's bytes are kept in. The calls are made one at a time. */
export interface DiskImage {
  /** Its size; the disk has the whole sectors of it. */
  readonly bytes: number;
  readonly isReadOnly: boolean;
  /** Fills `into` from an offset on. May throw: the guest sees an I/O error. */
  read(offset: number, into: Uint8Array): void;
  /** Writes at an offset. May throw. */
  write(offset: number, from: Uint8Array): void;
  /** Returns when all that was written is kept. May throw. */
  flush(): void;
}

/** A disk for the guest. */
export class VirtioBlock implements VirtioKind {
  readonly name = "virtio-blk";
  readonly id = 2;
  readonly queues = 1;
  readonly features: bigint;
  readonly configuration = new Uint8Array(60);
  readonly #disk: DiskImage;
  readonly #serial: Uint8Array;

  /**
   * @param serial What the guest reads as the disk's serial number: at most 20 bytes of it.
   */
  constructor(disk: DiskImage, serial: string) {
    this.#disk = disk;
    this.#serial = new TextEncoder().encode(serial).slice(0, ID_BYTES);
    this.features = FEATURE.SEGMENTS | FEATURE.BLOCK_SIZE | FEATURE.FLUSH |
      (disk.isReadOnly ? FEATURE.READ_ONLY : 0n);
    const view = new DataView(this.configuration.buffer);
    view.setBigUint64(0, BigInt(Math.floor(disk.bytes / SECTOR)), true);
    view.setUint32(12, SEGMENTS, true);
    view.setUint32(20, SECTOR, true);
  }

  serve(_queue: number, { readable, writable }: Chain, memory: DmaMemory): number {
    const written = lengthOf(writable);
    if (lengthOf(readable) < HEADER_BYTES || written < 1) {
      throw new QueueError("A request has no header, or no room for its result");
    }
    const header = new DataView(new ArrayBuffer(HEADER_BYTES));
    readSegments(memory, readable, 0, new Uint8Array(header.buffer));
    const type = header.getUint32(0, true);
    const sector = header.getBigUint64(8, true);
    const chain = { readable, writable };
    const result = this.#perform(type, sector, chain, memory);
    writeSegments(memory, writable, written - 1, Uint8Array.of(result));
    return result === RESULT.OK ? written : 1;
  }

  /** Performs a request, without its result byte. */
  #perform(
    type: number,
    sector: bigint,
    { readable, writable }: Omit<Chain, "head">,
    memory: DmaMemory,
  ): number {
    try {
      switch (type) {
        case TYPE.IN:
          return this.#transfer(sector, lengthOf(writable) - 1, (offset, done, buffer) => {
            this.#disk.read(offset, buffer);
            writeSegments(memory, writable, done, buffer);
          });
        case TYPE.OUT:
          if (this.#disk.isReadOnly) return RESULT.ERROR;
          return this.#transfer(
            sector,
            lengthOf(readable) - HEADER_BYTES,
            (offset, done, buffer) => {
              readSegments(memory, readable, HEADER_BYTES + done, buffer);
              this.#disk.write(offset, buffer);
            },
          );
        case TYPE.FLUSH:
          this.#disk.flush();
          return RESULT.OK;
        case TYPE.ID:
          writeSegments(memory, writable, 0, this.#serialFor(lengthOf(writable) - 1));
          return RESULT.OK;
        default:
          return RESULT.UNSUPPORTED;
      }
    } catch (error) {
      if (error instanceof QueueError) throw error;
      return RESULT.ERROR;
    }
  }

  /** Moves bytes in parts, if they lie on the disk. */
  #transfer(
    sector: bigint,
    bytes: number,
    move: (offset: number, done: number, buffer: Uint8Array) => void,
  ): number {
    const sectors = BigInt(Math.floor(this.#disk.bytes / SECTOR));
    const isOnDisk = sector <= sectors && BigInt(bytes / SECTOR | 0) <= sectors - sector;
    if (bytes % SECTOR !== 0 || !isOnDisk) return RESULT.ERROR;
    const start = Number(sector) * SECTOR;
    for (let done = 0; done < bytes; done += COPY_BYTES) {
      move(start + done, done, new Uint8Array(Math.min(COPY_BYTES, bytes - done)));
    }
    return RESULT.OK;
  }

  #serialFor(bytes: number): Uint8Array {
    const padded = new Uint8Array(Math.min(bytes, ID_BYTES));
    padded.set(this.#serial.subarray(0, padded.length));
    return padded;
  }
}
