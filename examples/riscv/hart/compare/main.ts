/**
 * Runs random blocks on the hart and on QEMU 7.2 (`qemu-system-riscv64`), both at full speed, and
 * compares what each block left. Only a block that differs is repeated instruction by instruction.
 * `--store` writes QEMU's answers for the test instead.
 *
 *     deno task riscv:compare [--seed N] [--blocks N] [--store]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { compareRuns, hashesOf } from "./compare.ts";
import { BLOCK_INSTRUCTIONS, makeImage } from "./image.ts";
import { runOnHart } from "./ours.ts";
import { runOnQemu } from "./qemu.ts";
import { STORED } from "./stored.ts";
import { firstDifference } from "./trace.ts";

const BLOCKS_AN_IMAGE = 4_000;

const options = parseArgs(Deno.args, { string: ["seed", "blocks"], boolean: ["store"] });
const seed = Number(options.seed ?? Date.now() % 2 ** 31);
const blocks = Number(options.blocks ?? 160_000);
if (options.store) await store();
else Deno.exitCode = await compare() ? 1 : 0;

async function compare(): Promise<number> {
  let different = 0;
  for (let first = 0; first < blocks; first += BLOCKS_AN_IMAGE) {
    const image = makeImage(seed, Math.min(BLOCKS_AN_IMAGE, blocks - first), first);
    for (
      const { block, word, ours, theirs } of compareRuns(
        image,
        runOnHart(image),
        await runOnQemu(image),
      )
    ) {
      different++;
      const where = await firstDifference(makeImage(seed, 1, first + block));
      console.log(
        `block ${first + block}: ${word} is ${ours.toString(16)}, QEMU has ${theirs.toString(16)}`,
      );
      console.log(`  ${where}`);
    }
    console.error(`${first + image.blocks} of ${blocks} blocks, ${different} different`);
  }
  console.log(
    `seed ${seed}: ${blocks} blocks of ${BLOCK_INSTRUCTIONS} instructions, ${different} different`,
  );
  return different;
}

async function store(): Promise<void> {
  const image = makeImage(STORED.seed, STORED.blocks);
  const hashes = hashesOf(image, await runOnQemu(image));
  const text = new Uint8Array(hashes.buffer).toBase64();
  await Deno.writeTextFile(
    new URL("answers.ts", import.meta.url),
    `/** QEMU 7.2's answers to the blocks of \`stored.ts\`: a hash for each. Written by \`--store\`. */\n` +
      `export const ANSWERS_BASE64 =\n  "${text}";\n`,
  );
}
