/** A soak in Deno: `deno task soak --runtime=deno`. */

import { webHost } from "./host_web.ts";
import { soak } from "./supervisor.ts";

const milliseconds = Number(Deno.args[0] ?? 60_000);
const worker = import.meta.resolve("./worker_web.ts");
const host = webHost(worker, false, () => Deno.memoryUsage().rss);
const { counts, problems } = await soak(host, { milliseconds, progress: console.log });
console.log(counts);
for (const problem of problems) console.log(`PROBLEM: ${problem}`);
Deno.exit(problems.length === 0 ? 0 : 1);
