/**
 * Runs an image on the hart.
 *
 * @module
 */

import { EXIT, Hart, hartAreaSize, RESOLUTION } from "../hart.ts";
import { RAM } from "../test_board.ts";
import type { Image } from "./image.ts";
import { FINISHER } from "./record.ts";

const DECODED_PAGES = 64;
const AREA = 0x1000;
const RAM_AT = AREA + hartAreaSize(DECODED_PAGES) + 0xffff & ~0xffff;

/** A hart with an image in its RAM. */
export function hartWith({ bytes }: Image): { readonly hart: Hart; readonly ram: Uint8Array } {
  const pages = (RAM_AT + bytes.length + 0xffff) >>> 16;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const ram = new Uint8Array(memory.buffer, RAM_AT);
  ram.set(bytes);
  const hart = new Hart({
    memory,
    area: AREA,
    decodedPages: DECODED_PAGES,
    id: 0,
    resolve: (page) => {
      const at = page * 4096 - RAM;
      if (at < 0 || at >= ram.length) return 0;
      return (RAM_AT + at | RESOLUTION.READABLE | RESOLUTION.WRITABLE) >>> 0;
    },
    time: () => 0,
  });
  hart.set("pc", BigInt(RAM));
  return { hart, ram };
}

/** The RAM after the image has run to its end. */
export function runOnHart(image: Image): Uint8Array {
  const { hart, ram } = hartWith(image);
  // Each block runs some 250 instructions of the harness, and each trap some 25.
  for (let slices = 0; slices <= image.blocks; slices++) {
    const exit = hart.run(1 << 12);
    if (exit === EXIT.MMIO_STORE && hart.mmio.address === FINISHER) {
      return ram.subarray(0, image.bytes.length);
    }
    if (exit !== EXIT.BUDGET) throw new Error(`The image left the hart by exit ${exit}`);
  }
  throw new Error(`The image did not end: pc is ${hart.get("pc").toString(16)}`);
}
