/**
 * Stands in for `@std/testing/time` where the JSR registry cannot be reached.
 *
 * Covered: TimeError and FakeTime with its properties and methods. Faked: Date, setTimeout,
 * setInterval and their clear functions. Not covered: `advanceRate` and `advanceFrequency`,
 * `restoreFor`, `AbortSignal.timeout`.
 *
 * @module
 */

/** Time was faked wrongly. */
export class TimeError extends Error {
  static {
    this.prototype.name = "TimeError";
  }
}

interface Timer {
  readonly id: number;
  due: number;
  readonly callback: () => void;
  /** Milliseconds between two calls of an interval. */
  readonly every: number | undefined;
}

type Arguments = readonly unknown[];
// deno-lint-ignore no-explicit-any -- the type that the global functions have
type Callback = (...args: any[]) => void;

/** The functions that are faked, as the platform has them. */
const { Date, setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;

/** The one that is in force. */
let active: FakeTime | undefined;

/**
 * Replaces Date and the timer functions by fakes, whose time stands still until it is told to move.
 * `performance.now()` and Atomics.wait keep the real time.
 *
 * @throws {TimeError} If time is faked already.
 */
export class FakeTime {
  readonly start: number;
  readonly #timers = new Map<number, Timer>();
  #now: number;
  #nextId = 1;

  constructor(start?: number | string | globalThis.Date | null) {
    if (active) throw new TimeError("Cannot construct FakeTime: time is already faked");
    this.start = this.#now = start === undefined || start === null
      ? Date.now()
      : start instanceof Date
      ? start.valueOf()
      : new Date(start).valueOf();
    if (isNaN(this.start)) throw new TimeError(`Cannot construct FakeTime: invalid start ${start}`);
    active = this;
    this.#install();
  }

  /** Puts the real functions back. */
  static restore(): void {
    if (!active) throw new TimeError("Cannot restore time: time is not faked");
    active.restore();
  }

  /** Puts the real functions back; timers that are still waiting are dropped. */
  restore(): void {
    if (active !== this) throw new TimeError("Cannot restore time: time is already restored");
    active = undefined;
    Object.assign(globalThis, { Date, setTimeout, setInterval, clearTimeout, clearInterval });
    this.#timers.clear();
  }

  [Symbol.dispose](): void {
    this.restore();
  }

  /** Milliseconds since 1970, by the fake clock. Setting it runs the timers that come due. */
  get now(): number {
    return this.#now;
  }

  set now(value: number) {
    if (value < this.#now) {
      throw new RangeError(`Cannot set time back to ${value}: it is ${this.#now}`);
    }
    for (let timer = this.#first(); timer && timer.due <= value; timer = this.#first()) {
      this.#now = Math.max(this.#now, timer.due);
      if (timer.every === undefined) this.#timers.delete(timer.id);
      else timer.due = this.#now + timer.every;
      timer.callback();
    }
    this.#now = value;
  }

  /** Moves time on, and runs the timers that come due. */
  tick(ms = 0): void {
    this.now += ms;
  }

  /** Runs pending microtasks, then moves time on. */
  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.now += ms;
  }

  /** Moves time on to the next timer; whether there was one. */
  next(): boolean {
    const timer = this.#first();
    if (timer) this.now = Math.max(this.#now, timer.due);
    return timer !== undefined;
  }

  /** Runs pending microtasks, then moves time on to the next timer; whether there was one. */
  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  /** Moves time on until no timer is left. */
  runAll(): void {
    while (this.next());
  }

  /** Does the same, with pending microtasks run before each timer. */
  async runAllAsync(): Promise<void> {
    while (await this.nextAsync());
  }

  /** Runs all pending microtasks. */
  async runMicrotasks(): Promise<void> {
    await this.delay(0);
  }

  /** Waits in real time. */
  delay(ms: number, options: { signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        clearTimeout(id);
        reject(signal?.reason);
      };
      const id = setTimeout(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** The timer that is due first; of those due at once, the one that was set first. */
  #first(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (!first || timer.due < first.due || (timer.due === first.due && timer.id < first.id)) {
        first = timer;
      }
    }
    return first;
  }

  #set(callback: Callback, ms: number, args: Arguments, repeats: boolean): number {
    const id = this.#nextId++;
    const delay = Math.max(repeats ? 1 : 0, Math.trunc(ms) || 0);
    this.#timers.set(id, {
      id,
      due: this.#now + delay,
      callback: () => callback(...args),
      every: repeats ? delay : undefined,
    });
    return id;
  }

  #install(): void {
    const now = () => this.#now;
    const clear = (id?: number) => void this.#timers.delete(Number(id));
    Object.assign(globalThis, {
      Date: new Proxy(Date, {
        construct: (target, args, newTarget) =>
          Reflect.construct(target, args.length === 0 ? [this.#now] : args, newTarget),
        apply: () => new Date(this.#now).toString(),
        get: (target, key) => key === "now" ? now : Reflect.get(target, key),
      }),
      setTimeout: (callback: Callback, ms = 0, ...args: unknown[]) =>
        this.#set(callback, ms, args, false),
      setInterval: (callback: Callback, ms = 0, ...args: unknown[]) =>
        this.#set(callback, ms, args, true),
      clearTimeout: clear,
      clearInterval: clear,
    });
  }
}
