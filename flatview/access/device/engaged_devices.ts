/** Most callbacks that can be nested, over all contexts. */
export const MAX_ENGAGED = 8;

/**
 * The devices with a callback running that led to what this context does now, in this context or in
 * others that wait for it, outermost first. An access to one of them is refused: a device is not
 * entered again while its callback runs.
 */
export class EngagedDevices {
  readonly #chain: number[] = [];

  /** How many there are; what {@linkcode EngagedDevices.releaseTo} goes back to. */
  get depth(): number {
    return this.#chain.length;
  }

  /** Whether a device has a callback running. */
  has(device: number): boolean {
    return this.#chain.includes(device);
  }

  /** A callback of a device begins, here or in the context that asks. */
  engage(device: number): void {
    this.#chain.push(device);
  }

  /** Callbacks are over: those that began since the chain had this depth. */
  releaseTo(depth: number): void {
    this.#chain.length = depth;
  }

  /** The numbers of the devices, outermost first. */
  [Symbol.iterator](): Iterator<number> {
    return this.#chain[Symbol.iterator]();
  }
}
