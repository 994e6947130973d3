/**
 * Linux's kernel image for RISC-V, plain or compressed.
 *
 * @module
 */

import { BootError } from "./boot_error.ts";
import { freeBuffer } from "./free_buffer.ts";

const HEADER_BYTES = 64;
const SIZE_AT = 16;
const MAGIC_AT = 56;
/** No kernel is larger when it is decompressed. */
const LARGEST = 2 ** 30;
/** "RSC\x05". */
const MAGIC = 0x05435352;

/** A kernel that can be loaded. */
export interface KernelImage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of memory that it needs, from where it is loaded. */
  readonly memory: number;
}

/**
 * Checks a kernel, and decompresses it if it is compressed with gzip.
 *
 * @param name Names the image in errors.
 * @param file All of its buffer, which is the kernel's afterwards, or freed if it was compressed.
 * @throws {BootError} If it is no kernel image for RISC-V.
 */
export async function readKernelImage(
  name: string,
  file: Uint8Array<ArrayBuffer>,
): Promise<KernelImage> {
  const bytes = isGzip(file) ? await gunzip(name, file) : file;
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER_BYTES || header.getUint32(MAGIC_AT, true) !== MAGIC) {
    throw new BootError(
      `Cannot boot the kernel ${name}: it has no header of a RISC-V Image (is it an ELF file?)`,
    );
  }
  const memory = Number(header.getBigUint64(SIZE_AT, true));
  return { bytes, memory: Math.max(memory, bytes.length) };
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

async function gunzip(
  name: string,
  file: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const refuse = (reason: string): never => {
    throw new BootError(`Cannot boot the kernel ${name}: it does not decompress (${reason})`);
  };
  // The last word is the size: the chunks need not be kept until all are there.
  const size = file.length < 18
    ? 0
    : new DataView(file.buffer, file.byteOffset).getUint32(file.length - 4, true);
  if (size > LARGEST) refuse(`it says that it has ${size} bytes`);
  const bytes = new Uint8Array(size);
  let done = 0;
  try {
    for await (const chunk of decompress(file)) {
      if (done + chunk.length > size) break;
      bytes.set(chunk, done);
      done += chunk.length;
      freeBuffer(chunk.buffer);
    }
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
  if (done !== size || size === 0) refuse("its size is not the one at its end");
  freeBuffer(file.buffer);
  return bytes;
}

/** Decompresses in pieces: the whole is not kept beside the result. */
function decompress(file: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const PIECE = 65536;
  let done = 0;
  const pieces = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (done < file.length) controller.enqueue(file.subarray(done, done += PIECE));
      else controller.close();
    },
  });
  return pieces.pipeThrough(new DecompressionStream("gzip"));
}
