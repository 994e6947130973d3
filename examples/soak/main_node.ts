/** A soak in Node, bundled: `deno task soak --runtime=node20`. */

import process from "node:process";
import { nodeHost } from "./host_node.ts";
import { soak } from "./supervisor.ts";

const milliseconds = Number(process.argv[2] ?? 60_000);
const host = nodeHost(new URL("./worker_node.js", import.meta.url));
const { counts, problems } = await soak(host, { milliseconds, progress: console.log });
console.log(counts);
for (const problem of problems) console.log(`PROBLEM: ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);
