/** The hart gives the answers that QEMU 7.2 gave, and a wrong one is noticed. */

import { assertEquals } from "@std/assert";
import { ANSWERS_BASE64 } from "./answers.ts";
import { compareRuns, hashesOf } from "./compare.ts";
import { makeImage, type Translation } from "./image.ts";
import { runOnHart } from "./ours.ts";
import { STORED } from "./stored.ts";

/** Blocks whose hash is not the stored one. */
function wrongBlocks(translation: Translation, hashes: Uint32Array): number[] {
  const answers = new Uint32Array(Uint8Array.fromBase64(ANSWERS_BASE64[translation]).buffer);
  assertEquals(hashes.length, answers.length);
  return [...hashes.keys()].filter((block) => hashes[block] !== answers[block]);
}

for (const translation of ["bare", "translated"] as const) {
  const make = () => makeImage(translation, STORED.seed, STORED.blocks[translation]);

  Deno.test(`random instructions leave what they leave in QEMU: ${translation}`, () => {
    const image = make();
    assertEquals(wrongBlocks(translation, hashesOf(image, runOnHart(image))), []);
  });

  Deno.test(`one instruction that differs is noticed, in its block alone: ${translation}`, () => {
    const image = make();
    const ours = runOnHart(image);
    const view = new DataView(image.bytes.buffer);
    const planted = 234;
    view.setUint32(image.code[planted]!, 0x00128293, true); // addi t0, t0, 1
    const theirs = runOnHart(image);
    assertEquals(wrongBlocks(translation, hashesOf(image, theirs)), [planted]);
    assertEquals(compareRuns(image, ours, theirs).map(({ block }) => block), [planted]);
  });
}
