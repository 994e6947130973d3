/**
 * Readers: how a worker tells a domain when it references nothing.
 *
 * @module
 */

import type { Arena } from "../arena/arena.ts";
import { RcuError } from "../errors/rcu_error.ts";
import { EvictedError } from "../errors/specific_errors.ts";
import { watchHurry } from "../grace_period/hurry.ts";
import { SLOT_EVICTED, SLOT_HURRY } from "../grace_period/layout.ts";
import { releaseSlot } from "../grace_period/slots.ts";
import { addLocalReader, removeLocalReader } from "../grace_period/waiting.ts";
import type { Kernel } from "../kernel/kernel.ts";
import {
  DebugGuard,
  GONE,
  NestedGuard,
  OFFLINE,
  type OutermostGuard,
  type ReadGuard,
} from "./section.ts";

/** Where a reader's slot lies, as its domain claimed it. */
export interface ReaderPlace {
  /** The arena, as this context attached to it. */
  readonly arena: Arena;
  /** The domain's offset. */
  readonly domain: number;
  /** The slot's offset. */
  readonly slot: number;
  /** The reader's label. */
  readonly label: string;
}

/**
 * A worker's reader in an RCU domain, from `RcuDomain.register`; one of `MembReader` and
 * `QsbrReader`. It belongs to the context that registered it, until `unregister()`.
 */
export abstract class RcuReader {
  /** The label given at registration. */
  readonly label: string;
  /** Offset of this reader's slot in the arena. */
  readonly slot: number;
  /** Offset of the domain in the arena. */
  readonly domain: number;
  /** The kernel of this context. */
  protected readonly kernel: Kernel;
  /** The guard of the outermost section; it counts the nesting. */
  protected abstract readonly outermost: OutermostGuard;
  #arena: Arena;
  #nested: NestedGuard[] = [];
  #watches: (() => void)[] = [];
  #evicted = false;
  #leakCheck = false;

  /**
   * Made by `RcuDomain.register`.
   *
   * @param place The slot that the domain claimed.
   */
  constructor(place: ReaderPlace) {
    this.label = place.label;
    this.slot = place.slot;
    this.domain = place.domain;
    this.kernel = place.arena.kernel;
    this.#arena = place.arena;
    if (place.arena.debug) this.lock = () => this.#lockInDebug();
    addLocalReader(place.arena, this);
  }

  /** Enters the outermost section; what it throws leaves the reader outside. */
  protected abstract enter(): void;
  /** Reports that the context references nothing for the length of a wait. */
  abstract suspend(): void;
  /** The wait is over. */
  abstract resume(): void;

  /** How many sections are open, one inside the other. */
  get openSections(): number {
    return Math.max(this.outermost.depth, 0);
  }

  /** Whether a section is open. */
  get inSection(): boolean {
    return this.outermost.depth > 0;
  }

  /**
   * Whether an updater wants this reader to reach a quiescent state soon. Costs one atomic load: a
   * long section, or a loop that seldom calls `quiescent()`, looks here.
   */
  get hurry(): boolean {
    return this.kernel.load32(this.slot + SLOT_HURRY) !== 0;
  }

  /**
   * Enters a read-side section. Sections nest, and only the outermost costs anything. A section must
   * end in the turn of the event loop that it began in.
   *
   * @returns The guard that ends it, valid until then.
   * @throws {EvictedError} If the reader was evicted.
   * @throws {RcuError} `READER_STATE`: if the reader is offline or unregistered.
   */
  lock(): ReadGuard {
    const { outermost } = this;
    if (outermost.depth !== 0) return this.#lockNested();
    this.enter();
    outermost.depth = 1;
    return outermost;
  }

  /**
   * Calls `notify` from this context's event loop whenever an updater wants this reader to move.
   * For readers that return to their event loop; one in a loop of its own looks at `hurry`.
   *
   * @param notify What to call.
   * @returns A function that ends it; `unregister()` does so too.
   */
  onForceQuiescent(notify: () => void): () => void {
    const end = watchHurry(this.#arena, this.slot + SLOT_HURRY, notify);
    this.#watches.push(end);
    return end;
  }

  /**
   * Gives the slot back. The reader cannot be used afterwards.
   *
   * @throws {RcuError} `READER_STATE`: inside a section, or if it is not registered.
   * @throws {EvictedError} If the reader was evicted.
   */
  unregister(): void {
    this.refuse("unregister the reader");
    this.suspend();
    if (this.kernel.load32(this.slot + SLOT_EVICTED) !== 0) this.evicted();
    this.#end();
  }

  /** Throws if the reader is inside a section or gone. */
  protected refuse(action: string): void {
    const { depth } = this.outermost;
    if (depth > 0) throw new RcuError("READER_STATE", { action, state: "inside a section" });
    if (depth === GONE) this.#fail(action);
  }

  /** Ends a reader that finds itself evicted: it stores to its slot no more, so the slot is free. */
  protected evicted(): never {
    this.#evicted = true;
    this.#end();
    this.#fail("");
  }

  #end(): void {
    this.outermost.depth = GONE;
    for (const end of this.#watches) end();
    removeLocalReader(this.#arena, this);
    releaseSlot(this.#arena, this.domain, this.slot);
  }

  #fail(action: string): never {
    if (this.#evicted) throw new EvictedError({ token: this.#arena.token });
    throw new RcuError("READER_STATE", { action, state: "unregistered" });
  }

  #lockNested(): ReadGuard {
    const depth = this.outermost.depth + 1;
    if (depth === GONE + 1) this.#fail("enter a section");
    if (depth === OFFLINE + 1) {
      throw new RcuError("READER_STATE", { action: "enter a section", state: "offline" });
    }
    this.outermost.depth = depth;
    return this.#nested[depth - 2] ??= new NestedGuard(this.outermost, depth);
  }

  #lockInDebug(): ReadGuard {
    const guard = new DebugGuard(RcuReader.prototype.lock.call(this));
    if (!this.#leakCheck) {
      this.#leakCheck = true;
      // Runs once the synchronous code that entered the section has returned. One for all sections of
      // that code: a worker in a loop of its own would pile them up.
      queueMicrotask(() => {
        this.#leakCheck = false;
        if (this.inSection) throw new RcuError("SECTION_LEAK", { label: this.label });
      });
    }
    return guard;
  }
}
