/**
 * A reader that this context has registered, as its attachment to the arena and its waits see it.
 *
 * @module
 */

/** A reader of this context. */
export interface LocalReader {
  /** Offset of the domain that it reads in. */
  readonly domain: number;
  /** The reader's label. */
  readonly label: string;
  /** Whether a section is open during which its context must not wait for any other. */
  readonly inSection: boolean;
  /** How many sections are open that hold up grace periods of `domain`. */
  readonly openSections: number;
  /** Whether it holds up grace periods outside its sections too. */
  readonly isOnline?: boolean;
  /** Holds up no grace period until `resume`, and enters no section until then. */
  suspend(): void;
  /** The wait is over. */
  resume(): void;
  /** Outside its sections: holds up no grace period until it is used again. */
  rest(): void;
  /** Gives the slot back, outside its sections: the reader cannot be used afterwards. */
  unregister(): void;
}
