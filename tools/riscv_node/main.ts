/**
 * Bundles the RISC-V machine for Node, and boots Linux on it: `deno task riscv:node --help`.
 *
 * @module
 */

import type { Call } from "../../examples/lib/command_line/call.ts";
import { type Output, singleCommand } from "../../examples/lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../examples/lib/command_line/run_program.ts";
import { UsageError } from "../../examples/lib/command_line/values.ts";
import { bundleForNode } from "../lib/bundle_for_node.ts";
import { outputOf } from "../lib/command.ts";

const MODULES = ["main_node", "run/device_worker_node", "run/hart_worker_node"];
/** What npm calls the versions of Node that the machine must run on. */
const VERSIONS = "20,24";

/** Boots Linux on a version of Node. @returns What is wrong; empty if all is well. */
async function boot(version: string, harts: number, folder: string, images: string) {
  const words = {
    harts,
    firmware: `${images}/fw_dynamic.bin`,
    kernel: `${images}/Image.gz`,
    initrd: `${images}/initrd-min.cpio.gz`,
    append: "console=ttyS0 earlycon=sbi cryptomgr.notests",
  };
  const options = Object.entries(words).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const { stdout, stderr, success } = await outputOf("npx", [
    ...["-y", `node@${version}`, `${folder}/main_node.js`],
    ...options,
    "--json",
  ]);
  const expected = [
    "INIT-SHELL-REACHED",
    '"power-off"',
    ...harts > 1 ? [`Brought up 1 node, ${harts} CPUs`] : [],
  ];
  const missing = expected.filter((text) => !stdout.includes(text));
  if (success && missing.length === 0) return "";
  return `${stdout}${stderr}\nThe run ${
    success ? "succeeded" : "failed"
  }; it did not print: ${missing}`;
}

async function bootAll(folder: string, versions: string, { out, err }: Output): Promise<number> {
  const images = Deno.env.get("GUESTMEM_IMAGES");
  if (images === undefined) {
    throw new UsageError("Cannot boot: GUESTMEM_IMAGES must name the folder of the images");
  }
  let failures = 0;
  for (const version of versions.split(",")) {
    for (const harts of [1, 2]) {
      const problem = await boot(version, harts, folder, images);
      out(`Linux on Node ${version}, harts: ${harts}: ${problem === "" ? "ok" : "FAILED"}`);
      if (problem === "") continue;
      failures++;
      err(problem);
    }
  }
  return failures === 0 ? 0 : 1;
}

async function run(call: Call, output: Output): Promise<number> {
  const out = call.value("out");
  const folder = out ?? await Deno.makeTempDir();
  try {
    await Deno.mkdir(folder, { recursive: true });
    await bundleForNode(MODULES.map((name) => `examples/riscv/${name}.ts`), folder);
    return out === undefined
      ? await bootAll(folder, call.value("versions") ?? VERSIONS, output)
      : 0;
  } finally {
    if (out === undefined) await Deno.remove(folder, { recursive: true });
  }
}

await runMain(
  singleCommand({
    command: "deno task riscv:node",
    summary:
      "Bundles the RISC-V machine for Node, and boots Linux on one and on two harts with it.",
    options: {
      out: { value: "FOLDER", help: "bundle only: node FOLDER/main_node.js is `deno task riscv`" },
      versions: { value: "LIST", help: `versions of Node that npm has (${VERSIONS})` },
    },
    run,
    notes: "GUESTMEM_IMAGES names the folder of the images; the README of examples/riscv says " +
      "where to get them. Exit status: 1 if a boot failed.",
  }),
  STANDARD_OUTPUT,
);
