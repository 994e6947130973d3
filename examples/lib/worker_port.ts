/**
 * Both ends of a worker, whichever runtime it runs in: `workers.ts` has them for Deno and browsers,
 * `workers_node.ts` for Node.
 *
 * @module
 */

/** Callbacks of the context that starts a worker. */
export interface WorkerListener<Message> {
  /** The worker posted a message. */
  message(message: Message): void;
  /** The worker posted a message that cannot be deserialised here. It runs on. */
  unreadable(reason: string): void;
  /** The worker died of an uncaught error, or could not be loaded. */
  died(reason: string): void;
}

/** A worker as the context that started it sees it. */
export interface StartedWorker {
  postMessage(message: unknown): void;
  terminate(): unknown;
}

/**
 * Starts a worker and posts it what it needs to begin.
 *
 * @param url The worker's module.
 * @param data Structured-cloneable.
 * @param name Shown by debuggers, and in the runtime's own reports.
 * @param transfer Buffers in `data` that move to the worker instead of being copied.
 */
export type StartWorker = <Message>(
  url: string | URL,
  data: unknown,
  listener: WorkerListener<Message>,
  name?: string,
  transfer?: ArrayBuffer[],
) => StartedWorker;

/** A worker's own end. */
export interface WorkerPort<Said, Heard> {
  /** Posts to the context that started this worker. */
  post(message: Said): void;
  /** Takes messages from now on. The first call must come before the worker first awaits anything. */
  hear(listener: (message: Heard) => void): void;
}
