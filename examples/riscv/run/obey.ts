import type { WorkerPort } from "../../lib/worker_port.ts";
import type { FailureMessage } from "./messages.ts";

/**
 * In a worker of a machine: carries out the order that comes first, and ends the worker. If that fails,
 * the worker says so and stays: it may hold on to something, so the supervisor evicts and terminates it.
 */
export function obey<Order, Said, Heard = Order>(
  port: WorkerPort<Said | FailureMessage, Order | Heard>,
  run: (
    order: Order,
    port: WorkerPort<Said | FailureMessage, Order | Heard>,
  ) => void | Promise<void>,
): void {
  port.hear(async (order) => {
    try {
      await run(order as Order, port);
    } catch (error) {
      const reason = error instanceof Error ? error.stack ?? error.message : String(error);
      return port.post({ kind: "failed", reason });
    }
    port.close();
  });
}
