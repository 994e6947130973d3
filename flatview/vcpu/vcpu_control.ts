import { defineLayout } from "@guestmem/rcu/layout";

/** The words that a vCPU shares with those who steer it. */
const CONTROL = defineLayout({
  /** What the vCPU is to do: a {@linkcode Wanted}. Written by those who steer it. */
  wanted: "u32",
  /** Counts what may end a wait of the vCPU. Its futex word; written by those who steer it. */
  bell: "u32",
  /** What the vCPU does: an index into {@linkcode STATES}. Written by the vCPU. */
  state: "u32",
});
const WANTED = CONTROL.wanted.index(0);
const BELL = CONTROL.bell.index(0);
const STATE = CONTROL.state.index(0);

const Wanted = { RUN: 0, PAUSE: 1, STOP: 2 } as const;

/** What a vCPU does; `idle` is outside its loop. */
const STATES = ["idle", "running", "paused", "asleep"] as const;

/** Gives the loop its side of the words. */
export let vcpuSideOf: (control: VcpuControl) => VcpuSide;

/**
 * How other contexts steer a vCPU: they pause it, let it run on, stop it, and wake it when it sleeps.
 * Each vCPU has one, which its {@linkcode VcpuLoop} follows. Any context may call any method, at any
 * time; none of them waits.
 *
 * @example
 * ```ts
 * import { VcpuControl } from "@guestmem/flatview/vcpu";
 * import { assertEquals } from "@std/assert";
 *
 * const control = new VcpuControl();
 * // In the vCPU's worker, which was posted `control.buffer`:
 * const same = new VcpuControl(control.buffer);
 * // In the control context:
 * control.pause();
 * assertEquals([control.state, same.state], ["idle", "idle"]); // no loop follows it yet
 * ```
 */
export class VcpuControl {
  /** Sent to another context, whose constructor takes it. */
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  static {
    vcpuSideOf = (control) => new VcpuSide(control.#words);
  }

  /**
   * Creates the control of a vCPU, or attaches to one.
   *
   * @param buffer Another context's; a new one unless given.
   */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(CONTROL.size)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** What the vCPU does now; `idle` outside its loop. Unless it runs, it holds up no grace period. */
  get state(): "idle" | "running" | "paused" | "asleep" {
    return STATES[Atomics.load(this.#words, STATE)]!;
  }

  /** Asks the vCPU to pause after its slice. */
  pause(): void {
    this.#want(Wanted.PAUSE);
  }

  /** Lets the vCPU run on. */
  resume(): void {
    this.#want(Wanted.RUN);
  }

  /** Asks the vCPU to leave its loop after its slice. */
  stop(): void {
    this.#want(Wanted.STOP);
  }

  /**
   * Wakes the vCPU if it sleeps or is about to: to be called after an interrupt was raised. A vCPU that
   * decided to sleep before it could see the interrupt does not sleep.
   */
  wake(): void {
    Atomics.add(this.#words, BELL, 1);
    Atomics.notify(this.#words, BELL);
  }

  #want(wanted: number): void {
    Atomics.store(this.#words, WANTED, wanted);
    this.wake();
  }
}

/**
 * The vCPU's side of the words.
 *
 * **No wake is lost.** Who steers changes what it wants to be seen first, `wanted` or an interrupt, and
 * counts up `bell` second. The vCPU loads `bell` first, looks second, and sleeps only while `bell` has
 * the value that it loaded. If its look comes before the change, its load comes before the count, and
 * the sleep ends at once.
 */
class VcpuSide {
  readonly #words: Int32Array;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** To be loaded before the vCPU looks whether there is something to do. */
  get bell(): number {
    return Atomics.load(this.#words, BELL);
  }

  /** Whether it is to leave its loop. */
  get isStopping(): boolean {
    return Atomics.load(this.#words, WANTED) === Wanted.STOP;
  }

  /** Whether it is to pause. */
  get isPausing(): boolean {
    return Atomics.load(this.#words, WANTED) === Wanted.PAUSE;
  }

  /** Says what the vCPU does. */
  set state(state: VcpuControl["state"]) {
    Atomics.store(this.#words, STATE, STATES.indexOf(state));
  }

  /** Blocks until the bell has another value than the one that was seen. */
  wait(seen: number, milliseconds: number): void {
    Atomics.wait(this.#words, BELL, seen, milliseconds);
  }
}
