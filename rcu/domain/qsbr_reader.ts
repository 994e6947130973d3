/**
 * The quiescent-state-based flavour of readers.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import type { ClaimedSlot } from "../grace_period/slots.ts";
import { isWaiting } from "../sync/waiting.ts";
import { OFFLINE, OutermostGuard } from "./guards.ts";
import { RcuReader } from "./rcu_reader.ts";

class QsbrGuard extends OutermostGuard {
  override unlock(): void {
    if (this.depth !== 1) this.misuse();
    this.depth = 0;
  }
}

/**
 * The QSBR flavour: sections touch nothing shared; instead the worker calls `quiescent()` now and
 * then, and `offline()` before it blocks or idles. A worker that does neither holds up every grace
 * period. After liburcu's `urcu-qsbr`.
 *
 * It learns that its context was expelled at its next `quiescent()` or `online()`.
 */
export class QsbrReader extends RcuReader {
  /** How it reports quiescent states. */
  readonly flavour = "qsbr" as const;
  /**
   * The guard of the outermost section.
   *
   * @internal
   */
  protected override readonly outermost: OutermostGuard = new QsbrGuard();
  /**
   * Why the reader is offline although the worker has not called `offline()`: its context waits, or
   * its event loop may have other things to do.
   */
  #pause: "wait" | "rest" | undefined;

  /**
   * For `RcuDomain.register`. The reader starts online.
   *
   * @internal
   */
  constructor(claimed: ClaimedSlot) {
    super(claimed);
    this.outermost.depth = OFFLINE;
    if (isWaiting()) this.#pause = "wait";
    else this.online();
  }

  /**
   * Whether the worker is online: only then may it enter sections. While its event loop waits for
   * another context, the reader counts as online but holds up nobody, until it is used again.
   */
  get isOnline(): boolean {
    return this.outermost.depth >= 0 || this.#pause === "rest";
  }

  /**
   * Does nothing: a section of this flavour touches nothing shared.
   *
   * @internal
   */
  protected override enter(): void {}

  /**
   * Reports a quiescent state: the worker references nothing that it dereferenced before.
   *
   * @throws {RcuError} `READER_STATE`: inside a section, offline or unregistered.
   * @throws {EvictedError} If the context was expelled.
   */
  quiescent(): void {
    if (this.outermost.depth !== 0) this.#refuseUnless(true, "report a quiescent state");
    if (this.kernel.quiescent(this.domain, this.slot) !== 0) this.refuseIfExpelled();
  }

  /**
   * Goes offline: grace periods no longer wait for this worker.
   *
   * @throws {RcuError} `READER_STATE`: inside a section, offline already, or unregistered.
   */
  offline(): void {
    this.#refuseUnless(true, "go offline");
    this.#leave();
  }

  /**
   * Comes back online.
   *
   * @throws {RcuError} `READER_STATE`: online already, or unregistered.
   * @throws {EvictedError} If the context was expelled.
   */
  online(): void {
    this.#refuseUnless(false, "go online");
    this.#comeBack();
  }

  /**
   * Goes offline for the length of a wait.
   *
   * @internal
   */
  override suspend(): void {
    if (!this.isOnline) return;
    if (this.#pause === undefined) this.#leave();
    this.#pause = "wait";
  }

  /**
   * Comes back online if `suspend` went offline.
   *
   * @internal
   */
  override resume(): void {
    if (this.#pause === "wait") this.#comeBack();
  }

  /**
   * Goes offline until it is used again.
   *
   * @internal
   */
  override rest(): void {
    if (this.outermost.depth !== 0) return;
    this.#leave();
    this.#pause = "rest";
  }

  /**
   * Comes back online if it rests.
   *
   * @internal
   */
  protected override wake(): boolean {
    if (this.#pause !== "rest") return false;
    this.#comeBack();
    return true;
  }

  #leave(): void {
    this.outermost.depth = OFFLINE;
    this.kernel.unlock(this.domain, this.slot);
  }

  #comeBack(): void {
    this.#pause = undefined;
    if (this.kernel.lock(this.domain, this.slot) !== 0) this.refuseIfExpelled();
    this.outermost.depth = 0;
  }

  /** Throws unless the worker is online, or offline; ends a rest. */
  #refuseUnless(online: boolean, action: string): void {
    this.refuse(action);
    if (this.#pause === "wait") {
      throw new RcuError("READER_STATE", { action, state: "offline while its context waits" });
    }
    if (this.isOnline !== online) {
      throw new RcuError("READER_STATE", { action, state: online ? "offline" : "online already" });
    }
    this.wake();
  }
}
