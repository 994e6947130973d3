import { FlatViewError } from "../errors/flat_view_error.ts";
import type { IoEventFd } from "./ioeventfd.ts";
import { addSpan, type Spans } from "./span.ts";

/** Where an edit records how to take itself back. */
export interface UndoLog {
  /** Records how to take one change back. */
  record(undo: () => void): void;
  /** Sets a field and records its old value. */
  assign<T extends object, K extends keyof T>(target: T, field: K, value: T[K]): void;
}

/** What the open transactions have changed, for the commit to look at. */
export interface PendingChanges<Region> {
  /** Regions that show something else than before, and where. */
  readonly dirty: ReadonlyMap<Region, Spans>;
  /** Regions whose ioeventfds changed, and those that each had before: the published ones. */
  readonly eventfds: ReadonlyMap<Region, readonly IoEventFd[]>;
}

/**
 * The log of nested transactions: an undo list with a savepoint for each, and the regions that the
 * commit of the outermost has to look at. It decides nothing: whoever runs the transactions calls
 * `begin`, on failure `rollBack`, and in any case `end`.
 */
export class TransactionLog<Region extends { readonly size: bigint }>
  implements PendingChanges<Region>, UndoLog {
  /** Regions that show something else than before, and where. */
  readonly dirty: Map<Region, Spans> = new Map();
  /** Regions whose ioeventfds changed, and those that each had before: the published ones. */
  readonly eventfds: Map<Region, readonly IoEventFd[]> = new Map();
  /** What is to be done a grace period after the commit. */
  readonly afterGracePeriod: (() => void)[] = [];
  readonly #undo: (() => void)[] = [];
  readonly #savepoints: number[] = [];
  #frozen = false;

  /** How many transactions are open, one inside the other. */
  get depth(): number {
    return this.#savepoints.length;
  }

  /**
   * Opens a transaction, or one inside the open one.
   *
   * @throws {FlatViewError} `COMMIT_IN_PROGRESS` if the log is frozen.
   */
  begin(): void {
    if (this.#frozen) throw new FlatViewError("COMMIT_IN_PROGRESS", {});
    this.#savepoints.push(this.#undo.length);
  }

  /** Refuses further transactions until the outermost ends: its changes are being published. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Gives up the way back: from here on the outermost transaction cannot fail. */
  discardUndo(): void {
    this.#undo.length = 0;
  }

  /** Undoes what was done since the innermost `begin`, the latest first. */
  rollBack(): void {
    const savepoint = this.#savepoints.at(-1)!;
    while (this.#undo.length > savepoint) this.#undo.pop()!();
  }

  /** Ends the innermost transaction: a nested one becomes part of the outer one. */
  end(): void {
    this.#savepoints.pop();
    if (this.depth > 0) return;
    this.#undo.length = 0;
    this.#frozen = false;
    this.dirty.clear();
    this.eventfds.clear();
    this.afterGracePeriod.length = 0;
  }

  /**
   * Marks a part of a region as changed.
   *
   * @param region The region.
   * @param from First byte; the region's first unless given.
   * @param to The byte behind the last; the region's end unless given.
   */
  mark(region: Region, from = 0n, to: bigint = region.size): void {
    this.dirty.set(region, addSpan(this.dirty.get(region) ?? [], { from, to }));
  }

  /**
   * Records how to take one change back.
   *
   * @throws {FlatViewError} `NO_TRANSACTION` if none is open.
   */
  record(undo: () => void): void {
    if (this.depth === 0) throw new FlatViewError("NO_TRANSACTION", { action: "change the tree" });
    this.#undo.push(undo);
  }

  /** Sets a field and records its old value. */
  assign<T extends object, K extends keyof T>(target: T, field: K, value: T[K]): void {
    const old = target[field];
    this.record(() => {
      target[field] = old;
    });
    target[field] = value;
  }
}
