import type { MemoryListener } from "./memory_listener.ts";

/** The name of a callback. */
export type ListenerCallback = Exclude<keyof MemoryListener, "priority">;

/** Listeners in the order of their priority, those of one priority in the order of registration. */
export class ListenerList {
  #listeners: readonly MemoryListener[];

  /** @param listener The first, if there is one already. */
  constructor(...listener: readonly MemoryListener[]) {
    this.#listeners = listener;
  }

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

  /** Whether any of them has this callback. */
  hears(callback: ListenerCallback): boolean {
    return this.#listeners.some((listener) => listener[callback] !== undefined);
  }

  /** The listeners by rising priority. */
  [Symbol.iterator](): Iterator<MemoryListener> {
    return this.#listeners[Symbol.iterator]();
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

/** Runs a call of a listener; collects what it throws. */
export function collect(run: () => void, errors: unknown[]): void {
  try {
    run();
  } catch (error) {
    errors.push(error);
  }
}
