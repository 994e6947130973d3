/** A worker of a soak in Node. */

import process from "node:process";
import { workerData } from "node:worker_threads";
import { Churn } from "./churn.ts";

const churn = new Churn(workerData, () => process.exit(0));
process.on("uncaughtExceptionMonitor", (error) => churn.report(error));
await churn.run();
