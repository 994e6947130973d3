/**
 * Creation of shared memory.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { MAX_ARENA_BYTES, PAGE_BYTES } from "./header.ts";

/** The buffer of a shared memory. The one place where its type is narrowed. */
export function sharedBuffer(memory: WebAssembly.Memory): SharedArrayBuffer {
  return memory.buffer as unknown as SharedArrayBuffer;
}

/**
 * Says what a host lacks for shared WebAssembly memory.
 *
 * @param host The global object.
 * @returns What is missing, or the empty string.
 */
export function missingForSharing(host: {
  SharedArrayBuffer?: unknown;
  WebAssembly?: unknown;
  crossOriginIsolated?: boolean;
}): string {
  if (host.crossOriginIsolated === false) {
    return "the page is not cross-origin isolated (serve it with the headers " +
      '"Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp")';
  }
  if (host.WebAssembly === undefined) return "the host has no WebAssembly";
  if (host.SharedArrayBuffer === undefined) return "the host has no SharedArrayBuffer";
  return "";
}

/**
 * Reserves a shared memory at its full size, so that it never grows.
 *
 * @param bytes Its size, rounded up to pages of 64 KiB.
 * @param host The global object, from which the means are taken.
 * @returns The memory, zeroed.
 * @throws {RcuError} `INVALID_SIZE` if the size is no positive integer of at most 4 GiB - 64 KiB.
 * @throws {RcuError} `SHARED_MEMORY_UNAVAILABLE` if the host does not share memory.
 * @throws {RcuError} `RESERVATION_REFUSED` if the host refuses this much.
 */
export function reserve(bytes: number, host: typeof globalThis = globalThis): WebAssembly.Memory {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > MAX_ARENA_BYTES) {
    throw new RcuError("INVALID_SIZE", {
      what: "size of an arena",
      value: bytes,
      requirement: `an integer from 1 to ${MAX_ARENA_BYTES}`,
    });
  }
  // Asked first, since some browsers create the memory all the same and only refuse to post it.
  const missing = missingForSharing(host);
  if (missing !== "") throw new RcuError("SHARED_MEMORY_UNAVAILABLE", { missing });
  const pages = Math.ceil(bytes / PAGE_BYTES);
  let memory: WebAssembly.Memory;
  try {
    memory = new host.WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw new RcuError("RESERVATION_REFUSED", { bytes }, { cause });
    }
    throw new RcuError("SHARED_MEMORY_UNAVAILABLE", {
      missing: "the host refused the option shared: true",
    }, { cause });
  }
  if (memory.buffer instanceof host.SharedArrayBuffer) return memory;
  throw new RcuError("SHARED_MEMORY_UNAVAILABLE", {
    missing: "the host ignored the option shared: true",
  });
}
