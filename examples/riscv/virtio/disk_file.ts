/**
 * Disks whose bytes are a file's: as it is, or with changes that are forgotten at the end.
 *
 * @module
 */

import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import type { DiskImage } from "./block.ts";

/** How a file may be used. */
export type DiskMode = "writable" | "readonly" | "snapshot";

/** A disk, and the end of its use. */
export interface DiskFile extends DiskImage {
  /** Closes the file. */
  close(): void;
}

/**
 * Opens a disk.
 *
 * @param mode `"snapshot"` keeps what the guest writes in memory, by blocks of 64 KiB.
 * @throws An error of the system's if the file cannot be opened.
 */
export function openDisk(path: string, mode: DiskMode): DiskFile {
  const file = openSync(path, mode === "writable" ? "r+" : "r");
  const { size } = fstatSync(file);
  const read = (offset: number, into: Uint8Array) => {
    for (let done = 0; done < into.length;) {
      const bytes = readSync(file, into, done, into.length - done, offset + done);
      if (bytes === 0) throw new Error(`The disk "${path}" ends at ${offset + done}`);
      done += bytes;
    }
  };
  const image: DiskFile = {
    bytes: size,
    isReadOnly: mode === "readonly",
    read,
    write: (offset, from) => {
      for (let done = 0; done < from.length;) {
        done += writeSync(file, from, done, from.length - done, offset + done);
      }
    },
    flush: () => fsyncSync(file),
    close: () => closeSync(file),
  };
  return mode === "snapshot" ? { ...image, ...overlay(image) } : image;
}

const BLOCK = 65536;

/** Keeps what is written in memory. */
export function overlay(under: DiskImage): Pick<DiskImage, "read" | "write" | "flush"> {
  const blocks = new Map<number, Uint8Array>();
  /** Calls `each` for each block that a range touches, with the parts of both. */
  const parts = (
    offset: number,
    bytes: Uint8Array,
    each: (block: number, at: number, part: Uint8Array) => void,
  ) => {
    for (let done = 0; done < bytes.length;) {
      const block = Math.floor((offset + done) / BLOCK), at = (offset + done) % BLOCK;
      const length = Math.min(BLOCK - at, bytes.length - done);
      each(block, at, bytes.subarray(done, done + length));
      done += length;
    }
  };
  return {
    read: (offset, into) =>
      parts(offset, into, (block, at, part) => {
        const own = blocks.get(block);
        if (own) part.set(own.subarray(at, at + part.length));
        else under.read(block * BLOCK + at, part);
      }),
    write: (offset, from) =>
      parts(offset, from, (block, at, part) => {
        let own = blocks.get(block);
        if (!own) {
          own = new Uint8Array(BLOCK);
          const there = Math.min(BLOCK, under.bytes - block * BLOCK);
          if (part.length < there) under.read(block * BLOCK, own.subarray(0, there));
          blocks.set(block, own);
        }
        own.set(part, at);
      }),
    flush: () => {},
  };
}
