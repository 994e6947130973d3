/**
 * Lets workers live, die and be evicted at random for a while: `deno task soak --help`.
 *
 * @module
 */

import { singleCommand } from "../../examples/lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../examples/lib/command_line/run_program.ts";
import { UsageError } from "../../examples/lib/command_line/values.ts";

const IMPORT_MAP = "--import-map=tools/offline/imports.json";

/** Runs a program with this process's output; its exit code. */
async function runs(command: string, args: string[]): Promise<number> {
  // Deno prints each uncaught error of a worker, and here they are many: those lines are dropped.
  const child = new Deno.Command(command, { args, stderr: "null" }).spawn();
  return (await child.status).code;
}

/** Bundles the modules of a soak in Node. */
async function bundle(folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/package.json`, '{ "type": "module" }');
  for (const name of ["main_node", "worker_node"]) {
    const args = ["bundle", "--quiet", "--platform=deno", IMPORT_MAP];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args, `--output=${folder}/${name}.js`, `examples/soak/${name}.ts`],
    }).output();
    if (!success) throw new Error(`Cannot bundle ${name}: ${new TextDecoder().decode(stderr)}`);
  }
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
    await bundle(folder);
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
