import type { RcuReader, ReadGuard } from "@guestmem/rcu";

/** Whoever holds the section in which an access runs, and can leave it for the time of a wait. */
export interface GuardHolder {
  /** The open section. */
  readonly section: ReadGuard;
  /** Leaves it. */
  leave(): void;
  /** Enters another. Nothing of the old one is good any more. */
  enter(): void;
}

/** A section of the engine's own, for one access. */
class OwnGuard implements GuardHolder {
  section!: ReadGuard;
  #inside = false;
  readonly #reader: RcuReader;

  constructor(reader: RcuReader) {
    this.#reader = reader;
  }

  leave(): void {
    // Not so if a context that was evicted while it waited could not enter again.
    if (!this.#inside) return;
    this.#inside = false;
    this.section.unlock();
  }

  enter(): void {
    this.section = this.#reader.lock();
    this.#inside = true;
  }
}

/** One worker's sections of its own: one for each access, which callbacks nest. */
export class AccessGuards {
  /** The reader whose sections they are. */
  readonly reader: RcuReader;
  readonly #holders: OwnGuard[] = [];
  #depth = 0;

  /** @param reader The worker's reader. */
  constructor(reader: RcuReader) {
    this.reader = reader;
  }

  /** Enters a section for one access; to be ended by `end`. */
  begin(): GuardHolder {
    const holder = this.#holders[this.#depth] ??= new OwnGuard(this.reader);
    holder.enter();
    this.#depth++;
    return holder;
  }

  /** Ends what `begin` began. */
  end(holder: GuardHolder): void {
    this.#depth--;
    holder.leave();
  }
}
