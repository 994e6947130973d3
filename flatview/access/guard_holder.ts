import type { ReadGuard } from "@guestmem/rcu";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";

/** What accesses need of this worker's reader. Both flavours of an `RcuReader` serve as it. */
export interface AccessReader {
  /** Enters a read-side section. */
  lock(): ReadGuard;
  /** Reports a quiescent state; QSBR only. */
  quiescent?(): void;
  /** Whether sections may be entered; QSBR only. */
  readonly isOnline?: boolean;
  /** Comes online; QSBR only. */
  online?(): void;
  /** Goes offline; QSBR only. */
  offline?(): void;
}

/** Holds the read-side section in which an access runs, and can leave it while the access waits. */
export interface GuardHolder {
  /** The guard of the open section. */
  readonly guard: ReadGuard;
  /** The view of an address space that accesses in this section go by. */
  view(space: AddressSpaceReader): number;
  /** Leaves the section. */
  unlock(): void;
  /** Enters a new section. Nothing that was found in the old one is valid any more. */
  lock(): void;
}

/** The section of one access; its accesses go by the view that is published now. */
class AccessGuard implements GuardHolder {
  guard!: ReadGuard;
  #isOpen = false;
  readonly #reader: AccessReader;

  constructor(reader: AccessReader) {
    this.#reader = reader;
  }

  view(space: AddressSpaceReader): number {
    return space.view(this.guard);
  }

  unlock(): void {
    // Already closed if this context was evicted during a wait and could not enter again.
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.guard.unlock();
  }

  lock(): void {
    this.guard = this.#reader.lock();
    this.#isOpen = true;
  }
}

/** One worker's sections for single accesses. Accesses nest when a callback accesses memory itself. */
export class AccessGuards {
  /** The reader that enters the sections. */
  readonly reader: AccessReader;
  readonly #holders: AccessGuard[] = [];
  #depth = 0;

  /** @param reader The worker's reader. */
  constructor(reader: AccessReader) {
    this.reader = reader;
  }

  /** Enters a section for one access; `end` leaves it. */
  begin(): GuardHolder {
    const holder = this.#holders[this.#depth] ??= new AccessGuard(this.reader);
    holder.lock();
    this.#depth++;
    return holder;
  }

  /** Leaves the section that `begin` entered. */
  end(holder: GuardHolder): void {
    this.#depth--;
    holder.unlock();
  }
}
