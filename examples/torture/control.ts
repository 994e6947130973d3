/**
 * The shared words through which a run starts, follows and stops its workers. They are not in the
 * arena: what the run relies on must not depend on what it tests.
 *
 * @module
 */

const GO = 0;
const STOP = 1;
const LATEST = 16;
const WORKERS = 32;
const WORKER_WORDS = 4;

/** The most updaters, each with a cell of its own: an element and a value. */
export const MAX_CELLS = (WORKERS - LATEST) / 2;

/** What a worker has done so far, modulo 2^32. The run reads it before the workers report. */
export interface Progress {
  /** A reader's sections, an updater's updates. */
  readonly rounds: number;
  /**
   * A reader's sections that overlapped a grace period; an updater's blocks at an offset used
   * before.
   */
  readonly overlapped: number;
  /** Grace periods that had to wait; updaters only. */
  readonly waited: number;
  /** Errors found. */
  readonly errors: number;
}

/** The control words, as one context sees them. */
export class Control {
  readonly #words: Uint32Array;
  readonly #signed: Int32Array;

  /** @param buffer From `Control.allocate`. */
  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Uint32Array(buffer);
    this.#signed = new Int32Array(buffer);
  }

  /** Allocates the words for a number of workers. */
  static allocate(workers: number): SharedArrayBuffer {
    return new SharedArrayBuffer((WORKERS + workers * WORKER_WORDS) * 4);
  }

  /** Starts the workers. */
  go(): void {
    Atomics.store(this.#words, GO, 1);
    Atomics.notify(this.#signed, GO);
  }

  /** Blocks a worker until the run starts. */
  awaitGo(): void {
    Atomics.wait(this.#signed, GO, 0);
  }

  /** Asks every worker to stop. */
  stop(): void {
    Atomics.store(this.#words, STOP, 1);
    this.go();
  }

  /** Whether the workers were asked to stop. */
  get stopped(): boolean {
    return Atomics.load(this.#words, STOP) !== 0;
  }

  /** The updater of a cell has published this version. */
  setLatest(cell: number, version: number): void {
    Atomics.store(this.#words, LATEST + cell, version);
  }

  /** A version that the cell has held: a dereference after this call finds no older one. */
  latest(cell: number): number {
    return Atomics.load(this.#words, LATEST + cell);
  }

  /** The updater of a cell has published this version of its value. */
  setLatestValue(cell: number, version: number): void {
    Atomics.store(this.#words, LATEST + MAX_CELLS + cell, version);
  }

  /** A version that the cell's value has had: a read after this call finds no older one. */
  latestValue(cell: number): number {
    return Atomics.load(this.#words, LATEST + MAX_CELLS + cell);
  }

  /** Publishes what worker number `worker` has done. */
  report(worker: number, progress: Progress): void {
    const at = WORKERS + worker * WORKER_WORDS;
    Atomics.store(this.#words, at, progress.rounds);
    Atomics.store(this.#words, at + 1, progress.overlapped);
    Atomics.store(this.#words, at + 2, progress.waited);
    Atomics.store(this.#words, at + 3, progress.errors);
  }

  /** What worker number `worker` has done. */
  progress(worker: number): Progress {
    const [rounds, overlapped, waited, errors] = [0, 1, 2, 3].map((word) => {
      return Atomics.load(this.#words, WORKERS + worker * WORKER_WORDS + word);
    }) as [number, number, number, number];
    return { rounds, overlapped, waited, errors };
  }
}
