/**
 * What the short examples start their workers with.
 *
 * @module
 */

/**
 * Starts a worker with one message, and resolves with its one answer.
 *
 * @param worker Freshly made; it is terminated once it has answered.
 * @param message What it needs to begin, structured-cloneable.
 */
export async function answerOf<Answer>(worker: Worker, message: unknown): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  worker.postMessage(message);
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}
