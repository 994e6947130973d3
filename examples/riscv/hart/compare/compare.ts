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
    const [mine, other] = [resultOf(image, ours, block), resultOf(image, theirs, block)];
    const first = mine.map((part, index) => firstDifference(viewOf(part), viewOf(other[index]!)));
    const part = first.findIndex((at) => at >= 0);
    if (part < 0) continue;
    const at = first[part]!, wordOf = (part: Uint8Array) => viewOf(part).getBigUint64(at, true);
    found.push({
      block,
      word: nameOf(part, at),
      ours: wordOf(mine[part]!),
      theirs: wordOf(other[part]!),
    });
  }
  return found;
}

/** The offset of the first 64-bit word that differs, or -1. */
function firstDifference(a: DataView, b: DataView): number {
  for (let at = 0; at < a.byteLength; at += 4) {
    if (a.getUint32(at, true) !== b.getUint32(at, true)) return at & ~7;
  }
  return -1;
}

/** A hash of what each block left. */
export function hashesOf(image: Image, ram: Uint8Array): Uint32Array {
  return Uint32Array.from(
    { length: image.blocks },
    (_, block) => resultOf(image, ram, block).reduce(hash, 0x811c9dc5),
  );
}

/** FNV-1a, by words. */
function hash(state: number, bytes: Uint8Array): number {
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; at += 4) {
    state = Math.imul(state ^ view.getUint32(at, true), 0x01000193);
    state ^= state >>> 15;
  }
  return state >>> 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
