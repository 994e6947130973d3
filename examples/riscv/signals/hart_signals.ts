/**
 * What harts, devices and the control context tell a hart while it runs or sleeps: its interrupt lines
 * and its doorbell.
 *
 * @module
 */

import { AREA, HART } from "../hart/kernel/layouts.ts";

/** Interrupt lines, as bits of `mip`. */
export const LINE = {
  MACHINE_SOFTWARE: 1 << 3,
  MACHINE_TIMER: 1 << 7,
  SUPERVISOR_EXTERNAL: 1 << 9,
  MACHINE_EXTERNAL: 1 << 11,
} as const;

/**
 * The signals of all harts. Any context may use one.
 *
 * A sleeping hart must not miss a signal. It loads the doorbell, then looks at everything that may wake
 * it, then waits for the doorbell to change. Whoever changes such a thing does so first and rings
 * second. If the ring comes before the load, the hart sees the change; if it comes after, the wait
 * returns at once or is woken. All of these accesses are seq-cst.
 */
export class HartSignals {
  /** How many harts there are. */
  readonly harts: number;
  readonly #words: Int32Array;
  readonly #lines: readonly number[];
  readonly #doorbells: readonly number[];

  /**
   * @param memory The window of guest RAM in which the harts' areas lie.
   * @param areas Address of each hart's area in it.
   */
  constructor(memory: WebAssembly.Memory, areas: readonly number[]) {
    this.harts = areas.length;
    this.#words = new Int32Array(memory.buffer);
    const states = areas.map((area) => AREA.hart.at(area));
    this.#lines = states.map((state) => HART.lines.index(state));
    this.#doorbells = states.map((state) => HART.doorbell.index(state));
  }

  /** The lines that are up. */
  lines(hart: number): number {
    return Atomics.load(this.#words, this.#lines[hart]!);
  }

  /** Raises lines. Rings if one was down. */
  raise(hart: number, mask: number): void {
    const before = Atomics.or(this.#words, this.#lines[hart]!, mask);
    if ((before & mask) !== mask) this.ring(hart);
  }

  /** Lowers lines. */
  lower(hart: number, mask: number): void {
    Atomics.and(this.#words, this.#lines[hart]!, ~mask);
  }

  /** Makes a sleeping hart look around. */
  ring(hart: number): void {
    const doorbell = this.#doorbells[hart]!;
    Atomics.add(this.#words, doorbell, 1);
    Atomics.notify(this.#words, doorbell);
  }

  /** Rings all doorbells. */
  ringAll(): void {
    for (let hart = 0; hart < this.harts; hart++) this.ring(hart);
  }

  /** How often a hart's doorbell rang, for `sleep`. */
  rings(hart: number): number {
    return Atomics.load(this.#words, this.#doorbells[hart]!);
  }

  /**
   * Blocks until the doorbell rings.
   *
   * @param seen What `rings` returned before the hart looked around.
   * @param milliseconds Longest sleep.
   */
  sleep(hart: number, seen: number, milliseconds: number): void {
    Atomics.wait(this.#words, this.#doorbells[hart]!, seen, milliseconds);
  }
}
