import { FlatViewError } from "../errors/flat_view_error.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { TransactionLog } from "../region/transaction_log.ts";
import type { AddressSpaces } from "../view/address_spaces.ts";

/** The client for which all memory is logged: migration. */
const MIGRATION = 2;

/**
 * Logging of writes to all memory. Its users are counted. Listeners are notified of the first one at
 * once, before the sections of their views log, and of the last one once no section logs any more.
 */
export class GlobalLog {
  readonly #log: TransactionLog<MemoryRegion>;
  readonly #spaces: AddressSpaces;
  readonly #errors: unknown[];
  #users = 0;
  #isAnnounced = false;

  /**
   * @param log Where its changes are recorded.
   * @param spaces Whose views change, and whose listeners are notified.
   * @param errors Collects what listeners throw.
   */
  constructor(log: TransactionLog<MemoryRegion>, spaces: AddressSpaces, errors: unknown[]) {
    this.#log = log;
    this.#spaces = spaces;
    this.#errors = errors;
  }

  /** The clients that log all memory, as bits. */
  get mask(): number {
    return this.#users > 0 ? 1 << MIGRATION : 0;
  }

  /** Whether listeners were notified that all memory is logged. */
  get isAnnounced(): boolean {
    return this.#isAnnounced;
  }

  /** Adds a user. Called in a transaction. */
  start(): void {
    const announces = !this.#isAnnounced;
    this.#users++;
    this.#log.record(() => {
      this.#users--;
      if (announces) this.#announceStop();
    });
    if (this.#users > 1) return;
    if (announces) this.#announceStart();
    this.#markViews();
  }

  /**
   * Takes a user away. Called in a transaction.
   *
   * @throws {FlatViewError} `NOT_LOGGING` if there is none.
   */
  stop(): void {
    if (this.#users === 0) throw new FlatViewError("NOT_LOGGING", {});
    this.#users--;
    this.#log.record(() => this.#users++);
    if (this.#users === 0) this.#markViews();
  }

  /** A transaction was committed: the views are published. */
  committed(): void {
    if (this.#isAnnounced && this.#users === 0) this.#announceStop();
  }

  #announceStart(): void {
    this.#isAnnounced = true;
    this.#spaces.listeners.forward((listener) => listener.logGlobalStart?.(), this.#errors);
  }

  #announceStop(): void {
    this.#isAnnounced = false;
    this.#spaces.listeners.reverse((listener) => listener.logGlobalStop?.(), this.#errors);
  }

  /** Every view that is shown now may log other ranges than before. */
  #markViews(): void {
    for (const { view } of this.#spaces.all()) {
      if (view.root !== null) this.#log.mark(view.root);
    }
  }
}
