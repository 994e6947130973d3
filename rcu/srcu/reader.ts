/**
 * Readers and sections of SRCU domains.
 *
 * @module
 */

import type { ReaderPlace } from "../domain/reader.ts";
import type { ReadGuard } from "../domain/section.ts";
import { RcuError } from "../errors/rcu_error.ts";
import { EvictedError } from "../errors/specific_errors.ts";
import { watchHurry } from "../grace_period/hurry.ts";
import { SLOT_EVICTED, SLOT_HURRY } from "../grace_period/layout.ts";
import { releaseSlot } from "../grace_period/slots.ts";
import { addLocalReader, removeLocalReader } from "../grace_period/waiting.ts";
import type { Kernel } from "../kernel/kernel.ts";

/** One section. Those that are over are used again, but in debug mode. */
class SrcuSection implements ReadGuard {
  open = false;
  index = 0;

  constructor(readonly reader: SrcuReader) {}

  unlock(): void {
    this.reader["leaveSection"](this);
  }

  [Symbol.dispose](): void {
    this.reader["leaveSection"](this);
  }
}

/** A worker's reader in an SRCU domain, from `Srcu.register`. */
export class SrcuReader {
  /** How it reports quiescent states. */
  readonly flavour = "srcu" as const;
  /** The label given at registration. */
  readonly label: string;
  /** Offset of the domain in the arena. */
  readonly domain: number;
  /** Offset of this reader's slot in the arena. */
  readonly slot: number;
  /** A wait for another domain may take place inside an SRCU section. */
  readonly inSection = false;
  #place: ReaderPlace;
  #kernel: Kernel;
  #open = 0;
  #spare: SrcuSection[] = [];
  #watches: (() => void)[] = [];

  /**
   * Made by `Srcu.register`.
   *
   * @param place The slot that the domain claimed.
   */
  constructor(place: ReaderPlace) {
    this.label = place.label;
    this.domain = place.domain;
    this.slot = place.slot;
    this.#place = place;
    this.#kernel = place.arena.kernel;
    addLocalReader(place.arena, this);
  }

  /** How many sections of this context are open in this domain. */
  get openSections(): number {
    return this.#open;
  }

  /** Whether an updater wants the sections of this reader to end soon. */
  get hurry(): boolean {
    return this.#kernel.load32(this.slot + SLOT_HURRY) !== 0;
  }

  /**
   * Enters a section. Sections are independent of one another: they may end in any order and in any
   * turn of the event loop of this context.
   *
   * @returns The section, valid until its `unlock()`, once.
   * @throws {EvictedError} If the reader was evicted.
   * @throws {RcuError} `READER_STATE`: if the reader is not registered.
   */
  lock(): ReadGuard {
    const entered = this.#kernel.srcuLock(this.domain, this.slot);
    if (entered > 1) this.#evicted();
    const section = this.#spare.pop() ?? new SrcuSection(this);
    section.index = entered;
    section.open = true;
    this.#open++;
    return section;
  }

  /**
   * Calls `notify` from this context's event loop whenever an updater wants the sections of this
   * reader to end soon.
   *
   * @param notify What to call.
   * @returns A function that ends it; `unregister()` does so too.
   */
  onForceQuiescent(notify: () => void): () => void {
    const end = watchHurry(this.#place.arena, this.slot + SLOT_HURRY, notify);
    this.#watches.push(end);
    return end;
  }

  /**
   * Gives the slot back. The reader cannot be used afterwards.
   *
   * @throws {RcuError} `READER_STATE`: while sections are open, or if it is not registered.
   * @throws {EvictedError} If the reader was evicted.
   */
  unregister(): void {
    if (this.#open > 0) {
      throw new RcuError("READER_STATE", {
        action: "unregister the reader",
        state: "inside a section",
      });
    }
    if (this.#kernel.load32(this.slot + SLOT_EVICTED) !== 0) this.#evicted();
    this.#end(() =>
      new RcuError("READER_STATE", { action: "use the reader", state: "unregistered" })
    );
  }

  /** Sections may last while their context waits. */
  suspend(): void {}

  /** Nothing was suspended. */
  resume(): void {}

  #evicted(): never {
    const gone = () => new EvictedError({ token: this.#place.arena.token });
    this.#end(gone);
    throw gone();
  }

  #end(error: () => Error): void {
    this.#kernel = new Proxy(this.#kernel, {
      get: () => {
        throw error();
      },
    });
    for (const end of this.#watches) end();
    removeLocalReader(this.#place.arena, this);
    releaseSlot(this.#place.arena, this.domain, this.slot);
  }

  /** Leaves a section; for its guard. */
  private leaveSection(section: SrcuSection): void {
    if (!section.open) throw new RcuError("SECTION_ORDER", { depth: 1, open: this.#open });
    section.open = false;
    this.#open--;
    const evicted = this.#kernel.srcuUnlock(this.domain, this.slot, section.index);
    if (!this.#place.arena.debug) this.#spare.push(section);
    if (evicted !== 0) this.#evicted();
  }
}
