/**
 * Floating point alone, for its tests and its benches.
 *
 * @module
 */

import { KERNEL_BASE64 } from "./kernel/bytes.ts";

/** The exports of `fp.as.ts`, a u32 as a number and a u64 as a bigint. */
export interface FloatingPoint {
  readonly flags: () => number;
  readonly setFlags: (value: number) => void;
  readonly [operation: string]: (...operands: never[]) => number | bigint | void;
}

/** Instantiates it, with exceptions of its own. */
export function floatingPoint(): FloatingPoint {
  const module = new WebAssembly.Module(Uint8Array.fromBase64(KERNEL_BASE64));
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return exports as unknown as FloatingPoint;
}
