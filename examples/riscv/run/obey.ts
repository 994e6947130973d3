import type { WorkerPort } from "../../lib/worker_port.ts";
import type { FailureMessage } from "./messages.ts";

/**
 * In a worker of a machine: carries out the order that comes first. Then, or if that fails and the worker
 * has said so, it stays until the supervisor terminates it: whoever watches for deaths must hear its last
 * words first.
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
  });
}
