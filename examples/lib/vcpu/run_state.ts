/**
 * What the control context wants of its vCPUs: one shared word that they look at between slices.
 *
 * @module
 */

const RUN = 0;
const PAUSE = 1;
const STOP = 2;

/** Words of the buffer: what is wanted, and how many vCPUs stand still because of it. */
const WANTED = 0;
const PAUSED = 1;

/** See the module. */
export class RunState {
  /** What another context attaches with. */
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param buffer Of the context that created it; a new one unless given. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** Whether vCPUs are to run on. */
  get isRunning(): boolean {
    return Atomics.load(this.#words, WANTED) === RUN;
  }

  /** Whether vCPUs are to end. */
  get isStopping(): boolean {
    return Atomics.load(this.#words, WANTED) === STOP;
  }

  /** How many vCPUs are paused. */
  get paused(): number {
    return Atomics.load(this.#words, PAUSED);
  }

  /** Has the vCPUs pause; `paused` says how many do. */
  pause(): void {
    this.#want(PAUSE);
  }

  /** Has them run on. */
  resume(): void {
    this.#want(RUN);
  }

  /** Has them end. */
  stop(): void {
    this.#want(STOP);
  }

  /** A vCPU stands still until it is wanted again. It must be in a quiescent state, and offline. */
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
