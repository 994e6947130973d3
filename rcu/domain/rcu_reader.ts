/**
 * What readers of both RCU flavours share: nesting, reports, the end of the reader.
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
import { DebugGuard, GONE, NestedGuard, OFFLINE, type OutermostGuard } from "./guards.ts";

/**
 * A worker's reader in an RCU domain, from `RcuDomain.register`: a `MembReader` or a `QsbrReader`.
 * It belongs to the context that registered it, until `unregister()`.
 */
export abstract class RcuReader implements ReadLock {
  /** The label given at registration. */
  readonly label: string;
  /** Offset of this reader's slot in the arena. */
  readonly slot: number;
  /** Offset of the domain in the arena. */
  readonly domain: number;
  /**
   * The kernel of this context.
   *
   * @internal
   */
  protected readonly kernel: Kernel;
  /**
   * The guard of the outermost section; it counts the nesting.
   *
   * @internal
   */
  protected abstract readonly outermost: OutermostGuard;
  #arena: Arena;
  #nested: NestedGuard[] = [];
  readonly #watches = new Set<() => void>();
  #expelled = false;
  readonly #claimed: ClaimedSlot;
  #leakCheck = false;

  /**
   * For `RcuDomain.register`.
   *
   * @internal
   */
  constructor(claimed: ClaimedSlot) {
    this.label = claimed.label;
    this.slot = claimed.slot;
    this.domain = claimed.domain;
    this.kernel = instantiateKernel(claimed.arena.memory);
    this.#arena = claimed.arena;
    this.#claimed = claimed;
    if (claimed.arena.debug) this.lock = () => this.#lockInDebug();
    addLocalReader(claimed.arena, this);
  }

  /**
   * Enters the outermost section; if it throws, the reader stays outside.
   *
   * @internal
   */
  protected abstract enter(): void;
  /**
   * Reports that the context references nothing for the length of a wait.
   *
   * @internal
   */
  abstract suspend(): void;
  /**
   * The wait is over.
   *
   * @internal
   */
  abstract resume(): void;
  /**
   * Outside its sections: holds up no grace period until it is used again.
   *
   * @internal
   */
  abstract rest(): void;
  /**
   * Ends a rest, if the reader rests and no wait of its context is in progress.
   *
   * @internal
   */
  protected abstract wake(): boolean;

  /** How many sections are open, one inside the other. */
  get openSections(): number {
    return Math.max(this.outermost.depth, 0);
  }

  /** Whether a section is open. */
  get inSection(): boolean {
    return this.outermost.depth > 0;
  }

  /**
   * Whether an updater asks this reader to hurry to a quiescent state. Costs one atomic load: a long
   * section, or a loop that seldom calls `quiescent()`, checks it.
   */
  get hurry(): boolean {
    return this.kernel.load32(SLOT.hurry.at(this.slot)) !== 0;
  }

  /**
   * Enters a read-side section. Sections nest, and only the outermost costs anything. A section must
   * end in the turn of the event loop that it began in.
   *
   * @returns The guard that ends it, valid until then.
   * @throws {EvictedError} If the context was expelled.
   * @throws {RcuError} `READER_STATE`: the reader is offline or unregistered.
   */
  lock(): ReadGuard {
    const { outermost } = this;
    if (outermost.depth !== 0) return this.#lockNested();
    this.enter();
    outermost.depth = 1;
    return outermost;
  }

  /**
   * Calls `notify` from this context's event loop whenever an updater asks this reader to hurry. For
   * readers that return to their event loop; one in a loop of its own checks `hurry`.
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
   * @throws {RcuError} `READER_STATE`: inside a section, or not registered.
   * @throws {EvictedError} If the reader has found before that its context was expelled.
   */
  unregister(): void {
    this.refuse("unregister the reader");
    this.suspend();
    this.#end();
  }

  /**
   * Throws if the reader is inside a section or gone.
   *
   * @internal
   */
  protected refuse(action: string): void {
    const { depth } = this.outermost;
    if (depth > 0) throw new RcuError("READER_STATE", { action, state: "inside a section" });
    if (depth === GONE) this.#fail(action);
  }

  /**
   * Called outside the sections with a mark in the slot. Ends the reader if the mark is meant for it.
   *
   * @throws {EvictedError} If the context was expelled.
   * @internal
   */
  protected refuseIfExpelled(): void {
    if (this.kernel.isExpelled(this.slot, this.#arena.token) === 0) return;
    this.#expelled = true;
    this.kernel.unlock(this.domain, this.slot);
    this.#end();
    this.#fail("");
  }

  #end(): void {
    this.outermost.depth = GONE;
    for (const stop of this.#watches) stop();
    removeLocalReader(this.#arena, this);
    releaseSlot(this.#claimed);
  }

  #fail(action: string): never {
    if (this.#expelled) throw new EvictedError({ token: this.#arena.token });
    throw new RcuError("READER_STATE", { action, state: "unregistered" });
  }

  #lockNested(): ReadGuard {
    const action = "enter a section";
    const depth = this.outermost.depth + 1;
    if (depth === GONE + 1) this.#fail(action);
    if (depth === OFFLINE + 1) {
      if (this.wake()) return RcuReader.prototype.lock.call(this);
      throw new RcuError("READER_STATE", { action, state: "offline" });
    }
    this.outermost.depth = depth;
    return this.#nested[depth - 2] ??= new NestedGuard(this.outermost, depth);
  }

  #lockInDebug(): ReadGuard {
    const guard = new DebugGuard(RcuReader.prototype.lock.call(this));
    if (!this.#leakCheck) {
      this.#leakCheck = true;
      // Runs once the synchronous code that entered the section has returned. One check serves all
      // sections of that code: a worker in a loop of its own would pile them up.
      queueMicrotask(() => {
        this.#leakCheck = false;
        if (this.inSection) throw new RcuError("SECTION_LEAK", { label: this.label });
      });
    }
    return guard;
  }
}
