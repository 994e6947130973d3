import type { ReadGuard } from "@guestmem/rcu";
import type { AccessPath } from "../access/access_path.ts";
import type { GuardHolder } from "../access/guard_holder.ts";
import { FlatViewError } from "../errors/flat_view_error.ts";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";

/**
 * A vCPU's read-side section, and the map that was published when it began. Everything that a vCPU
 * does in one section goes by that map; a new one is looked for only when the next section begins.
 */
export class PinnedMap implements GuardHolder {
  /** Generation of the map: what was found under another one is void. Generations never repeat. */
  generation: number = 0;
  /** The log epoch of the section: marks that were made in another one stand for no further stores. */
  logEpoch: number = 0;
  readonly #path: AccessPath;
  readonly #space: AddressSpaceReader;
  #guard: ReadGuard | null = null;
  #view = 0;

  /** @param space The address space whose map is pinned. */
  constructor(path: AccessPath, space: AddressSpaceReader) {
    this.#path = path;
    this.#space = space;
  }

  /** Whether the section is open. */
  get isOpen(): boolean {
    return this.#guard !== null;
  }

  /** The guard of the open section. @throws {FlatViewError} `OUTSIDE_SECTION` between sections. */
  get guard(): ReadGuard {
    if (this.#guard === null) throw new FlatViewError("OUTSIDE_SECTION", {});
    return this.#guard;
  }

  /** The pinned view; for another address space, the one that it publishes now. */
  view(space: AddressSpaceReader): number {
    const { guard } = this;
    return space === this.#space ? this.#view : space.view(guard);
  }

  /** Enters a section, and looks for a new map. */
  lock(): void {
    const guard = this.#path.guards.reader.lock();
    this.#guard = guard;
    const view = this.#view = this.#space.view(guard);
    this.generation = this.#space.generation(view);
    this.logEpoch = this.#path.ram.logEpoch; // inside the section: see `GuestMemory`
  }

  /** Leaves the section. */
  unlock(): void {
    const { guard } = this;
    this.#guard = null;
    guard.unlock();
  }

  /** Passes through a quiescent state, and looks for a new map. */
  quiescent(): void {
    this.unlock();
    this.#path.guards.reader.quiescent?.();
    this.lock();
  }
}
