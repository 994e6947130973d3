/**
 * The interrupt lines of the harts, which every context raises.
 *
 * @module
 */

import type { VcpuControl } from "@guestmem/flatview/vcpu";
import { AREA, HART } from "../hart/kernel/layouts.ts";

/** Interrupt lines, as bits of `mip`. */
export const LINE = {
  MACHINE_SOFTWARE: 1 << 3,
  MACHINE_TIMER: 1 << 7,
  SUPERVISOR_EXTERNAL: 1 << 9,
  MACHINE_EXTERNAL: 1 << 11,
} as const;

/**
 * The lines of all harts. Any context may use one.
 *
 * A line is raised first, and the hart is woken second: a hart that is about to sleep sees the line, or
 * is woken.
 */
export class InterruptLines {
  /** How many harts there are. */
  readonly harts: number;
  readonly #words: Int32Array;
  readonly #at: readonly number[];
  readonly #controls: readonly Pick<VcpuControl, "wake">[];

  /**
   * @param memory The window of guest RAM in which the harts' areas lie.
   * @param areas Address of each hart's area in it.
   * @param controls Wake the harts.
   */
  constructor(
    memory: WebAssembly.Memory,
    areas: readonly number[],
    controls: readonly Pick<VcpuControl, "wake">[],
  ) {
    this.harts = areas.length;
    this.#words = new Int32Array(memory.buffer);
    this.#at = areas.map((area) => HART.lines.index(AREA.hart.at(area)));
    this.#controls = controls;
  }

  /** The lines that are up. */
  get(hart: number): number {
    return Atomics.load(this.#words, this.#at[hart]!);
  }

  /** Raises lines. Wakes the hart if one was down. */
  raise(hart: number, mask: number): void {
    const before = Atomics.or(this.#words, this.#at[hart]!, mask);
    if ((before & mask) !== mask) this.wake(hart);
  }

  /** Lowers lines. */
  lower(hart: number, mask: number): void {
    Atomics.and(this.#words, this.#at[hart]!, ~mask);
  }

  /** Makes a sleeping hart look around. */
  wake(hart: number): void {
    this.#controls[hart]!.wake();
  }
}
