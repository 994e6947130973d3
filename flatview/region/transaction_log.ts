import type { AddressSpace } from "../view/address_space.ts";
import type { MemoryRegion } from "./memory_region.ts";
import { TransactionError } from "./errors.ts";
import { hull, type Span } from "./span.ts";

/** What a commit has to look at, and the way back if it fails. */
export interface PendingChanges {
  /** Regions that show something else than before, and where. */
  readonly dirty: ReadonlyMap<MemoryRegion, Span>;
  /** Regions whose own address changed. */
  readonly moved: ReadonlySet<MemoryRegion>;
  /** Address spaces that are new. */
  readonly spaces: ReadonlySet<AddressSpace>;
  /** Regions whose ioeventfds changed. */
  readonly eventfds: ReadonlySet<MemoryRegion>;
}

/**
 * Nested transactions over the region tree: an undo log with savepoints, and the regions that the
 * commit has to look at. The outermost commit hands the changes to `apply`; if that throws, the log
 * is played back, so that the tree is as it was.
 */
export class TransactionLog implements PendingChanges {
  /** Regions that show something else than before, and where. */
  readonly dirty: Map<MemoryRegion, Span> = new Map();
  /** Regions whose own address changed. */
  readonly moved: Set<MemoryRegion> = new Set();
  /** Address spaces that are new. */
  readonly spaces: Set<AddressSpace> = new Set();
  /** Regions whose ioeventfds changed. */
  readonly eventfds: Set<MemoryRegion> = new Set();
  #undo: (() => void)[] = [];
  #savepoints: number[] = [];
  #committing = false;
  readonly #apply: (changes: PendingChanges) => void;
  readonly #settled: () => void;

  /** `apply` publishes the changes or throws; `settled` runs after the outermost transaction ended either way. */
  constructor(apply: (changes: PendingChanges) => void, settled: () => void) {
    this.#apply = apply;
    this.#settled = settled;
  }

  /** Whether a transaction is open. */
  get open(): boolean {
    return this.#savepoints.length > 0;
  }

  /** Opens a transaction, or one inside the open one. */
  begin(): void {
    if (this.#committing) {
      throw new TransactionError(
        "Cannot begin a transaction: the listeners of another commit are still running",
      );
    }
    this.#savepoints.push(this.#undo.length);
  }

  /** Ends the innermost transaction; the outermost is published. */
  commit(): void {
    this.#expectOpen("commit");
    if (this.#savepoints.length > 1) {
      this.#savepoints.pop();
      return;
    }
    try {
      this.#committing = true;
      if (this.dirty.size + this.spaces.size + this.eventfds.size > 0) this.#apply(this);
    } catch (error) {
      this.#rollBackTo(0);
      throw error;
    } finally {
      this.#end();
    }
  }

  /** Undoes what was done since the matching `begin`. */
  abort(): void {
    this.#expectOpen("abort");
    this.#rollBackTo(this.#savepoints.at(-1)!);
    if (this.#savepoints.length > 1) this.#savepoints.pop();
    else this.#end();
  }

  /** Marks a part of a region as changed; all of it unless given. */
  mark(region: MemoryRegion, from = 0n, to: bigint = region.size): void {
    this.dirty.set(region, hull(this.dirty.get(region), { from, to }));
  }

  /** From here on the outermost transaction cannot fail: its changes are being published. */
  seal(): void {
    this.#undo.length = 0;
  }

  /** Records how to take one change back. */
  record(undo: () => void): void {
    this.#expectOpen("change the tree");
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

  #rollBackTo(length: number): void {
    while (this.#undo.length > length) this.#undo.pop()!();
  }

  #end(): void {
    this.#savepoints.length = 0;
    this.#undo.length = 0;
    this.#committing = false;
    this.dirty.clear();
    this.moved.clear();
    this.spaces.clear();
    this.eventfds.clear();
    this.#settled();
  }

  #expectOpen(action: string): void {
    if (!this.open) throw new TransactionError(`Cannot ${action}: no transaction is open`);
  }
}
