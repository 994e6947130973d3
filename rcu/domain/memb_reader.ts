/**
 * The memory-barrier flavour of readers.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import type { ClaimedSlot } from "../grace_period/slots.ts";
import { instantiateKernel, type Kernel } from "../kernel/kernel.ts";
import { OutermostGuard } from "./guards.ts";
import { RcuReader } from "./rcu_reader.ts";

class MembGuard extends OutermostGuard {
  #kernel: Kernel;
  #domain: number;
  #slot: number;

  constructor(claimed: ClaimedSlot) {
    super();
    this.#kernel = instantiateKernel(claimed.arena.memory);
    this.#domain = claimed.domain;
    this.#slot = claimed.slot;
  }

  override unlock(): void {
    if (this.depth !== 1) this.misuse();
    this.depth = 0;
    this.#kernel.unlock(this.#domain, this.#slot);
  }
}

/**
 * The memory-barrier flavour: each outermost section costs two ordered stores, and a worker between
 * two sections holds up nobody, whatever it does.
 *
 * The algorithm is that of QEMU's `util/rcu.c` and of liburcu's `urcu-mb`, with a counter of 64 bits
 * and hence one phase.
 */
export class MembReader extends RcuReader {
  /** How it reports quiescent states. */
  readonly flavour = "memb" as const;
  /**
   * The guard of the outermost section.
   *
   * @internal
   */
  protected override readonly outermost: OutermostGuard;

  /**
   * For `RcuDomain.register`.
   *
   * @internal
   */
  constructor(claimed: ClaimedSlot) {
    super(claimed);
    this.outermost = new MembGuard(claimed);
  }

  /**
   * Enters the outermost section.
   *
   * @internal
   */
  protected override enter(): void {
    if (this.kernel.lock(this.domain, this.slot) !== 0) this.refuseIfExpelled();
  }

  /**
   * A whole section in one call: dereferences `pointer` and reads one word of the block.
   *
   * @param pointer An `RcuPointer`.
   * @param byteOffset Where the word lies in the block; a multiple of 4.
   * @returns The word, unsigned.
   * @throws {RcuError} `READER_STATE`: inside a section, which the fused one would end.
   * @throws {RcuError} `NULL_POINTER`: the pointer is null.
   * @throws {EvictedError} If the context was expelled.
   */
  readWord(pointer: { readonly offset: number }, byteOffset: number): number {
    if (this.outermost.depth !== 0) this.refuse("read a word in a section of its own");
    const word = this.kernel.readWord(this.domain, this.slot, pointer.offset, byteOffset);
    return word < 0 ? this.#noWord(word, pointer, byteOffset) : word;
  }

  #noWord(why: number, pointer: { readonly offset: number }, byteOffset: number): number {
    if (why === -2) throw new RcuError("NULL_POINTER", { pointer: pointer.offset });
    this.refuseIfExpelled();
    return this.readWord(pointer, byteOffset);
  }

  /**
   * Does nothing: a worker outside a section holds up nobody.
   *
   * @internal
   */
  override suspend(): void {}

  /**
   * Does nothing: nothing was suspended.
   *
   * @internal
   */
  override resume(): void {}

  /**
   * Does nothing: a worker outside a section holds up nobody.
   *
   * @internal
   */
  override rest(): void {}

  /**
   * Never: this flavour does not rest.
   *
   * @internal
   */
  protected override wake(): boolean {
    return false;
  }
}
