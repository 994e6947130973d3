import { FlatViewError } from "../errors/flat_view_error.ts";
import type { UndoLog } from "./transaction_log.ts";

/**
 * The lifetime of a region: alive while it has a reference, then finalised, once. A dead region does
 * not come back.
 */
export abstract class CountedRegion {
  /** Name as it is printed; names may repeat. */
  readonly name: string;
  #refs = 1;
  #destroyed = false;

  /** @internal */
  constructor(name: string) {
    this.name = name;
  }

  /** References: one of the creator, one of each container and alias, one for each range of each view. */
  get refs(): number {
    return this.#refs;
  }

  /** Whether the creator has dropped its reference. */
  get destroyed(): boolean {
    return this.#destroyed;
  }

  /**
   * Drops the creator's reference. Once the region is in no container, no alias shows it and the last
   * view that held it is freed (after that view's grace period), the `finalize` callback runs, in the
   * control context, exactly once.
   *
   * @throws {FlatViewError} `REGION_DEAD` if it was destroyed before.
   */
  destroy(): void {
    if (this.#destroyed) throw this.#dead("destroy", "it was destroyed before");
    this.change("destroy", (log) => {
      this.#destroyed = true;
      log.record(() => this.#destroyed = false);
      this.unrefUndoably(log);
    });
  }

  /**
   * Takes a reference.
   *
   * @throws {FlatViewError} `REGION_DEAD` if the region is finalised.
   */
  ref(): void {
    this.assertAlive("reference");
    this.#refs++;
  }

  /**
   * Drops a reference.
   *
   * @throws {FlatViewError} `REGION_DEAD` if the region is finalised.
   */
  unref(): void {
    this.assertAlive("drop");
    if (--this.#refs === 0) this.unreferenced();
  }

  /** @internal Takes a reference of the tree, which goes if the transaction fails. */
  protected refUndoably(log: UndoLog): void {
    this.ref();
    // Relative: views take and drop references between the change and its undoing.
    log.record(() => this.#refs--);
  }

  /** @internal Drops a reference of the tree, which is taken back if the transaction fails. */
  protected unrefUndoably(log: UndoLog): void {
    this.unref();
    log.record(() => this.#refs++);
  }

  /** @internal Refuses an action on a region that is finalised. */
  protected assertAlive(action: string): void {
    if (this.#refs === 0) throw this.#dead(action, "it is finalised");
  }

  /** @internal Runs an edit in a transaction; in one that it opens, if none is open. */
  protected abstract change(action: string, edit: (log: UndoLog) => void): void;

  /** @internal The last reference is gone. */
  protected abstract unreferenced(): void;

  #dead(action: string, reason: string): FlatViewError {
    return new FlatViewError("REGION_DEAD", { action, region: this.name, reason });
  }
}
