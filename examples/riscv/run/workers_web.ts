import { startWorker } from "../../lib/workers.ts";
import type { MachineWorkers } from "./supervisor.ts";

/** The workers of a machine in Deno. */
export const WEB_WORKERS: MachineWorkers = {
  start: startWorker,
  devices: import.meta.resolve("./device_worker.ts"),
  hart: import.meta.resolve("./hart_worker.ts"),
};
