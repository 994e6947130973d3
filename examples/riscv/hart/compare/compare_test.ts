/** The hart gives the answers that QEMU 7.2 gave, and a wrong one is noticed. */

import { assertEquals } from "@std/assert";
import { ANSWERS_BASE64 } from "./answers.ts";
import { compareRuns, hashesOf } from "./compare.ts";
import { codeOf, makeImage } from "./image.ts";
import { runOnHart } from "./ours.ts";
import { STORED } from "./stored.ts";
import { RAM } from "../test_board.ts";

/** Blocks whose hash is not the stored one. */
function wrongBlocks(hashes: Uint32Array): number[] {
  const answers = new Uint32Array(Uint8Array.fromBase64(ANSWERS_BASE64).buffer);
  assertEquals(hashes.length, answers.length);
  return [...hashes.keys()].filter((block) => hashes[block] !== answers[block]);
}

Deno.test("100,000 random instructions leave what they leave in QEMU", () => {
  const image = makeImage(STORED.seed, STORED.blocks);
  assertEquals(wrongBlocks(hashesOf(image, runOnHart(image))), []);
});

Deno.test("one instruction that differs is noticed, in its block alone", () => {
  const image = makeImage(STORED.seed, STORED.blocks);
  const ours = runOnHart(image);
  const view = new DataView(image.bytes.buffer);
  const planted = 1_234;
  view.setUint32(codeOf(image, planted) - RAM, 0x00128293, true); // addi t0, t0, 1
  const theirs = runOnHart(image);
  assertEquals(wrongBlocks(hashesOf(image, theirs)), [planted]);
  assertEquals(compareRuns(image, ours, theirs).map(({ block }) => block), [planted]);
});
