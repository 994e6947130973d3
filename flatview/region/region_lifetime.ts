import { FlatViewError } from "../errors/flat_view_error.ts";
import type { UndoLog } from "./transaction_log.ts";

/**
 * The references of a region: it is alive while it has one, then it is finalised, once. A dead region
 * does not come back.
 */
export class RegionLifetime {
  readonly #name: string;
  readonly #unreferenced: () => void;
  #refs = 1;
  #destroyed = false;

  /**
   * @param name The region's name, for errors.
   * @param unreferenced Called when the last reference is gone.
   */
  constructor(name: string, unreferenced: () => void) {
    this.#name = name;
    this.#unreferenced = unreferenced;
  }

  /** How many references there are; the creator has the first. */
  get refs(): number {
    return this.#refs;
  }

  /** Whether the creator has dropped its reference. */
  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** Refuses an action on a region that is finalised. */
  assertAlive(action: string): void {
    if (this.#refs === 0) throw this.#dead(action, "it is finalised");
  }

  /** Refuses to destroy a region twice. */
  assertNotDestroyed(): void {
    if (this.#destroyed) throw this.#dead("destroy", "it was destroyed before");
  }

  /** Takes a reference. */
  ref(): void {
    this.assertAlive("reference");
    this.#refs++;
  }

  /** Drops a reference. */
  unref(): void {
    this.assertAlive("drop");
    if (--this.#refs === 0) this.#unreferenced();
  }

  /** Takes a reference of the tree, which goes if the transaction fails. */
  refUndoably(log: UndoLog): void {
    this.ref();
    // Relative: views take and drop references between the change and its undoing.
    log.record(() => this.#refs--);
  }

  /** Drops a reference of the tree, which is taken back if the transaction fails. */
  unrefUndoably(log: UndoLog): void {
    this.unref();
    log.record(() => this.#refs++);
  }

  /** Drops the creator's reference; it is taken back if the transaction fails. */
  destroy(log: UndoLog): void {
    this.#destroyed = true;
    log.record(() => this.#destroyed = false);
    this.unrefUndoably(log);
  }

  #dead(action: string, reason: string): FlatViewError {
    return new FlatViewError("REGION_DEAD", { action, region: this.#name, reason });
  }
}
