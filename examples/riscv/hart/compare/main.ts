/**
 * Runs random blocks on the hart and on QEMU 7.2 (`qemu-system-riscv64`), both at full speed, and
 * compares what each block left. Only a block that differs is repeated instruction by instruction.
 * `--store` writes QEMU's answers for the test instead.
 *
 * @module
 */

import { singleCommand } from "../../../lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../../lib/command_line/run_program.ts";
import { compareRuns, hashesOf } from "./compare.ts";
import { BLOCK_INSTRUCTIONS, makeImage } from "./image.ts";
import { runOnHart } from "./ours.ts";
import { runOnQemu } from "./qemu.ts";
import { STORED } from "./stored.ts";
import { firstDifference } from "./trace.ts";

const BLOCKS_AN_IMAGE = 4_000;

async function compare(seed: number, blocks: number): Promise<number> {
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

const COMPARE = singleCommand({
  command: "deno task riscv:compare",
  summary: "Runs random programs on the hart and on QEMU 7.2, and compares what each left.",
  options: {
    seed: { value: "N", help: "of the random programs (random)" },
    blocks: { value: "N", help: "how many programs (160000)" },
    store: { help: "writes QEMU's answers for the test instead" },
  },
  run: async (call) => {
    if (call.has("store")) {
      await store();
      return 0;
    }
    const seed = call.integer("seed", Date.now() % 2 ** 31, 0, 2 ** 31 - 1);
    return await compare(seed, call.integer("blocks", 160_000, 1, 1e9)) ? 1 : 0;
  },
});

await runMain(COMPARE, STANDARD_OUTPUT);
