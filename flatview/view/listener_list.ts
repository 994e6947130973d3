import type { MemoryListener } from "./memory_listener.ts";

/** Listeners in the order of their priority, those of one priority in the order of registration. */
export class ListenerList {
  #listeners: readonly MemoryListener[] = [];

  /** How many there are. */
  get size(): number {
    return this.#listeners.length;
  }

  /** Whether the listener is registered. */
  has(listener: MemoryListener): boolean {
    return this.#listeners.includes(listener);
  }

  /** Registers a listener behind those of its priority. */
  add(listener: MemoryListener): void {
    const priority = listener.priority ?? 0;
    const at = this.#listeners.findIndex((other) => (other.priority ?? 0) > priority);
    this.#listeners = this.#listeners.toSpliced(at < 0 ? this.size : at, 0, listener);
  }

  /** Takes a listener out. */
  delete(listener: MemoryListener): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener);
  }

  /** Calls each by rising priority; collects what they throw. */
  forward(call: (listener: MemoryListener) => void, errors: unknown[]): void {
    for (const listener of this.#listeners) collect(() => call(listener), errors);
  }

  /** Calls each by falling priority; collects what they throw. */
  reverse(call: (listener: MemoryListener) => void, errors: unknown[]): void {
    for (const listener of this.#listeners.toReversed()) collect(() => call(listener), errors);
  }
}

function collect(run: () => void, errors: unknown[]): void {
  try {
    run();
  } catch (error) {
    errors.push(error);
  }
}
