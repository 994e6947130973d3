/**
 * Compares what two runs of an image left, block by block.
 *
 * @module
 */

import { type Image, nameOf, resultOf } from "./image.ts";

/** A block whose results differ, and the first word that does. */
export interface Difference {
  readonly block: number;
  readonly word: string;
  readonly ours: bigint;
  readonly theirs: bigint;
}

/** The blocks that differ. */
export function compareRuns(image: Image, ours: Uint8Array, theirs: Uint8Array): Difference[] {
  const found: Difference[] = [];
  for (let block = 0; block < image.blocks; block++) {
    const [a, b] = [viewOf(resultOf(ours, block)), viewOf(resultOf(theirs, block))];
    for (let at = 0; at < a.byteLength; at += 8) {
      const [mine, other] = [a.getBigUint64(at, true), b.getBigUint64(at, true)];
      if (mine === other) continue;
      found.push({ block, word: nameOf(at), ours: mine, theirs: other });
      break;
    }
  }
  return found;
}

/** A hash of what each block left. */
export function hashesOf(image: Image, ram: Uint8Array): Uint32Array {
  return Uint32Array.from({ length: image.blocks }, (_, block) => hash(resultOf(ram, block)));
}

/** FNV-1a, by words. */
function hash(bytes: Uint8Array): number {
  const view = viewOf(bytes);
  let state = 0x811c9dc5;
  for (let at = 0; at < bytes.length; at += 4) {
    state = Math.imul(state ^ view.getUint32(at, true), 0x01000193);
    state ^= state >>> 15;
  }
  return state >>> 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
