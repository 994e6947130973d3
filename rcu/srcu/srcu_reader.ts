/**
 * Readers and sections of SRCU domains.
 *
 * @module
 */

import type { Arena } from "../arena/arena.ts";
import { RcuError } from "../errors/rcu_error.ts";
import { EvictedError } from "../errors/specific_errors.ts";
import { watchHurry } from "../grace_period/hurry.ts";
import type { ReadGuard, ReadLock } from "../grace_period/read_guard.ts";
import { type ClaimedSlot, releaseSlot } from "../grace_period/slots.ts";
import { instantiateKernel, type Kernel } from "../kernel/kernel.ts";
import { SLOT } from "../kernel/layouts.ts";
import { addLocalReader, removeLocalReader } from "../sync/waiting.ts";

/**
 * The guard of one section. Each section has a guard for itself: tasks are independent, so one that
 * kept a guard past its section could otherwise end the section of another task.
 */
class SrcuGuard implements ReadGuard {
  /** @param index The section's index; -1 once it is over. */
  constructor(readonly reader: SrcuReader, public index: number) {}

  get open(): boolean {
    return this.index >= 0;
  }

  unlock(): void {
    this.reader["leaveSection"](this);
  }

  [Symbol.dispose](): void {
    this.reader["leaveSection"](this);
  }
}

/** A worker's reader in an SRCU domain, from `Srcu.register`. */
export class SrcuReader implements ReadLock {
  /** How it reports quiescent states. */
  readonly flavour = "srcu" as const;
  /** The label given at registration. */
  readonly label: string;
  /** Offset of the domain in the arena. */
  readonly domain: number;
  /** Offset of this reader's slot in the arena. */
  readonly slot: number;
  /** False: a context may wait for another domain inside an SRCU section. */
  readonly inSection = false;
  readonly #claimed: ClaimedSlot;
  #arena: Arena;
  #kernel: Kernel;
  #open = 0;
  #expelled = false;
  /** What every later call throws, once the reader has ended. */
  #gone: (() => Error) | undefined;
  readonly #watches = new Set<() => void>();

  /**
   * For `Srcu.register`.
   *
   * @internal
   */
  constructor(claimed: ClaimedSlot) {
    this.label = claimed.label;
    this.domain = claimed.domain;
    this.slot = claimed.slot;
    this.#claimed = claimed;
    this.#arena = claimed.arena;
    this.#kernel = instantiateKernel(claimed.arena.memory);
    addLocalReader(claimed.arena, this);
  }

  /** How many sections of this context are open in this domain. */
  get openSections(): number {
    return this.#open;
  }

  /** Whether an updater asks the sections of this reader to hurry. */
  get hurry(): boolean {
    return this.#kernel.load32(SLOT.hurry.at(this.slot)) !== 0;
  }

  /**
   * Enters a section. Sections are independent of one another: they may end in any order and in any
   * turn of the event loop of this context.
   *
   * @returns The section's guard, valid until its `unlock()`, once.
   * @throws {EvictedError} If the context was expelled. Its open sections go on until they end.
   * @throws {RcuError} `READER_STATE`: the reader is not registered.
   */
  lock(): ReadGuard {
    const entered = this.#kernel.srcuLock(this.domain, this.slot);
    if (entered > 1) this.#refuseIfExpelled(entered & 1);
    this.#open++;
    return new SrcuGuard(this, entered & 1);
  }

  /**
   * Calls `notify` from this context's event loop whenever an updater asks the sections of this
   * reader to hurry.
   *
   * @param notify What to call.
   * @returns A function that ends it; `unregister()` does so too.
   */
  onHurry(notify: () => void): () => void {
    const stop = watchHurry(this.#arena, this.slot, notify);
    this.#watches.add(stop);
    return () => {
      this.#watches.delete(stop);
      stop();
    };
  }

  /**
   * Gives the slot back. The reader cannot be used afterwards.
   *
   * @throws {RcuError} `READER_STATE`: sections are open, or it is not registered.
   * @throws {EvictedError} If the reader has found before that its context was expelled.
   */
  unregister(): void {
    if (this.#open > 0) {
      throw new RcuError("READER_STATE", {
        action: "unregister the reader",
        state: "inside a section",
      });
    }
    if (this.#gone) throw this.#gone();
    this.#end(() => {
      return new RcuError("READER_STATE", { action: "use the reader", state: "unregistered" });
    });
  }

  /**
   * Does nothing: sections may last while their context waits.
   *
   * @internal
   */
  suspend(): void {}

  /**
   * Does nothing: nothing was suspended.
   *
   * @internal
   */
  resume(): void {}

  /**
   * Does nothing: outside its sections it holds up nobody.
   *
   * @internal
   */
  rest(): void {}

  /** Called in a section just entered, with a mark in the slot. Leaves it if the mark is meant for us. */
  #refuseIfExpelled(index: number): void {
    if (this.#kernel.isExpelled(this.slot, this.#arena.token) === 0) return;
    this.#kernel.srcuUnlock(this.domain, this.slot, index);
    this.#expelled = true;
    if (this.#open === 0) this.#end(() => this.#expulsion());
    throw this.#expulsion();
  }

  #expulsion(): EvictedError {
    return new EvictedError({ token: this.#arena.token });
  }

  /** Ends the reader: every later call of its kernel throws `error`. */
  #end(error: () => Error): void {
    this.#gone = error;
    this.#kernel = new Proxy(this.#kernel, {
      get: () => {
        throw error();
      },
    });
    for (const stop of this.#watches) stop();
    removeLocalReader(this.#arena, this);
    releaseSlot(this.#claimed);
  }

  /** Leaves a section; for its guard. */
  private leaveSection(guard: SrcuGuard): void {
    const { index } = guard;
    if (index < 0) throw new RcuError("SECTION_ORDER", { depth: 1, open: this.#open });
    guard.index = -1;
    this.#open--;
    this.#kernel.srcuUnlock(this.domain, this.slot, index);
    if (this.#expelled && this.#open === 0) this.#end(() => this.#expulsion());
  }
}
