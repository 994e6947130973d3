/**
 * Lets workers live, die and be evicted at random for a while: `deno task soak --help`.
 *
 * @module
 */

import { singleCommand } from "../../examples/lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../examples/lib/command_line/run_program.ts";
import { UsageError } from "../../examples/lib/command_line/values.ts";
import { bundleForNode, IMPORT_MAP } from "../lib/bundle_for_node.ts";

/** Runs a program with this process's output; its exit code. */
async function runs(command: string, args: string[]): Promise<number> {
  // Deno prints each uncaught error of a worker, and here they are many: those lines are dropped.
  const child = new Deno.Command(command, { args, stderr: "null" }).spawn();
  return (await child.status).code;
}

async function soak(runtime: string, milliseconds: string): Promise<number> {
  if (runtime === "deno") {
    const args = ["run", "--allow-read", "--allow-sys", "--no-check", IMPORT_MAP];
    return await runs(Deno.execPath(), [...args, "examples/soak/main_deno.ts", milliseconds]);
  }
  const version = /^node(\d+)$/.exec(runtime)?.[1];
  if (version === undefined) {
    throw new UsageError(
      `Cannot run with --runtime "${runtime}": it must be deno, node20, node24 ...`,
    );
  }
  const folder = await Deno.makeTempDir();
  try {
    await bundleForNode(
      ["main_node", "worker_node"].map((name) => `examples/soak/${name}.ts`),
      folder,
    );
    return await runs("npx", ["-y", `node@${version}`, `${folder}/main_node.js`, milliseconds]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const SOAK = singleCommand({
  command: "deno task soak",
  summary: "Lets workers live, die and be evicted at random for a while.",
  options: {
    minutes: { value: "N", help: "how long (1)" },
    runtime: { value: "R", help: "deno, or node with a version that npm has: node24 (deno)" },
  },
  run: (call, { err }) => {
    const [minutes, runtime] = [
      call.integer("minutes", 1, 1, 1e6),
      call.value("runtime") ?? "deno",
    ];
    err(`A soak of ${minutes} min on ${runtime} ...`);
    return soak(runtime, String(minutes * 60_000));
  },
  notes:
    "Exit status: 1 if a read was wrong, a wait did not end, the heap was damaged, or anything " +
    "is left in the end.",
});

await runMain(SOAK, STANDARD_OUTPUT);
