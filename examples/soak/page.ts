/// <reference lib="dom" />
/** A soak in a page; leaves what it found in `data-soak`. */

import { webHost } from "./host_web.ts";
import { soak } from "./supervisor.ts";

const milliseconds = Number(new URLSearchParams(location.search).get("ms") ?? 60_000);
const host = webHost("./soak_worker.js", true, () => undefined);
const report = await soak(host, { milliseconds });
document.body.dataset["soak"] = JSON.stringify(report);
