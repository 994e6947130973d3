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
import { makeImage, type Translation } from "./image.ts";
import { runOnHart } from "./ours.ts";
import { runOnQemu } from "./qemu.ts";
import { BLOCK_INSTRUCTIONS } from "./record.ts";
import { STORED } from "./stored.ts";
import { firstDifference } from "./trace.ts";

/** Blocks under translation take 64 KiB each. */
const BLOCKS_AN_IMAGE = { bare: 4_000, translated: 2_000 } as const;

async function compare(translation: Translation, seed: number, blocks: number): Promise<number> {
  let different = 0;
  for (let first = 0; first < blocks; first += BLOCKS_AN_IMAGE[translation]) {
    const count = Math.min(BLOCKS_AN_IMAGE[translation], blocks - first);
    const image = makeImage(translation, seed, count, first);
    for (
      const { block, word, ours, theirs } of compareRuns(
        image,
        runOnHart(image),
        await runOnQemu(image),
      )
    ) {
      different++;
      const where = await firstDifference(makeImage(translation, seed, 1, first + block));
      console.log(
        `block ${first + block}: ${word} is ${ours.toString(16)}, QEMU has ${theirs.toString(16)}`,
      );
      console.log(`  ${where}`);
    }
    console.error(`${first + count} of ${blocks} blocks (${translation}), ${different} different`);
  }
  console.log(
    `seed ${seed}: ${blocks} blocks (${translation}) of ${BLOCK_INSTRUCTIONS} instructions, ${different} different`,
  );
  return different;
}

async function store(): Promise<void> {
  let text = "";
  for (const translation of ["bare", "translated"] as const) {
    const image = makeImage(translation, STORED.seed, STORED.blocks[translation]);
    const hashes = hashesOf(image, await runOnQemu(image));
    text += `  ${translation}:\n    "${new Uint8Array(hashes.buffer).toBase64()}",\n`;
  }
  await Deno.writeTextFile(
    new URL("answers.ts", import.meta.url),
    `/** QEMU 7.2's answers to the blocks of \`stored.ts\`: a hash for each. Written by \`--store\`. */\n` +
      `export const ANSWERS_BASE64 = {\n${text}};\n`,
  );
}

const COMPARE = singleCommand({
  command: "deno task riscv:compare",
  summary: "Runs random programs on the hart and on QEMU 7.2, and compares what each left.",
  options: {
    seed: { value: "N", help: "of the random programs (random)" },
    blocks: { value: "N", help: "how many programs (160000)" },
    translated: { help: "runs them under page tables of Sv39 and Sv48" },
    store: { help: "writes QEMU's answers for the test instead" },
  },
  run: async (call) => {
    if (call.has("store")) {
      await store();
      return 0;
    }
    const seed = call.integer("seed", Date.now() % 2 ** 31, 0, 2 ** 31 - 1);
    const blocks = call.integer("blocks", 160_000, 1, 1e9);
    return await compare(call.has("translated") ? "translated" : "bare", seed, blocks) ? 1 : 0;
  },
});

await runMain(COMPARE, STANDARD_OUTPUT);
