/**
 * How the control context pauses and stops its vCPUs: one shared word that they read between
 * slices.
 *
 * @module
 */

const RUN = 0;
const PAUSE = 1;
const STOP = 2;

/** Words of the buffer: the state that is wanted, and the number of paused vCPUs. */
const WANTED = 0;
const PAUSED = 1;

/** The state that the control context wants its vCPUs in. */
export class RunState {
  /** Sent to another context, whose constructor takes it. */
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param buffer Another context's; a new one unless given. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** Whether vCPUs are to run. */
  get isRunning(): boolean {
    return Atomics.load(this.#words, WANTED) === RUN;
  }

  /** Whether vCPUs are to stop. */
  get isStopping(): boolean {
    return Atomics.load(this.#words, WANTED) === STOP;
  }

  /** How many vCPUs are paused. */
  get paused(): number {
    return Atomics.load(this.#words, PAUSED);
  }

  /** Asks the vCPUs to pause; `paused` counts those that have. */
  pause(): void {
    this.#want(PAUSE);
  }

  /** Lets them run on. */
  resume(): void {
    this.#want(RUN);
  }

  /** Asks them to stop. */
  stop(): void {
    this.#want(STOP);
  }

  /**
   * Blocks a paused vCPU until it is to run or to stop. It must be in a quiescent state, and
   * offline.
   */
  awaitResume(): void {
    Atomics.add(this.#words, PAUSED, 1);
    while (Atomics.load(this.#words, WANTED) === PAUSE) Atomics.wait(this.#words, WANTED, PAUSE);
    Atomics.sub(this.#words, PAUSED, 1);
  }

  #want(state: number): void {
    Atomics.store(this.#words, WANTED, state);
    Atomics.notify(this.#words, WANTED);
  }
}
