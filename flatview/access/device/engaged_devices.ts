/** Most callbacks that can be nested, over all contexts. */
export const MAX_ENGAGED = 8;

/**
 * The devices with a callback running that led to what this context does now, in this context or in
 * others that wait for it, outermost first. An access to one of them is refused: a device is not
 * entered again while its callback runs.
 */
export class EngagedDevices {
  /** Those below the depth are engaged. It never shrinks: setting the length of an array is slow. */
  readonly #chain: number[] = [];
  #depth = 0;

  /** How many there are; what {@linkcode EngagedDevices.releaseTo} goes back to. */
  get depth(): number {
    return this.#depth;
  }

  /** Whether a device has a callback running. */
  has(device: number): boolean {
    for (let i = 0; i < this.#depth; i++) if (this.#chain[i] === device) return true;
    return false;
  }

  /** A callback of a device begins, here or in the context that asks. */
  engage(device: number): void {
    this.#chain[this.#depth++] = device;
  }

  /** Callbacks are over: those that began since the chain had this depth. */
  releaseTo(depth: number): void {
    this.#depth = depth;
  }

  /** The number of a device, 0 being the outermost; `index` is less than the depth. */
  at(index: number): number {
    return this.#chain[index]!;
  }
}
