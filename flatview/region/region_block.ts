import type { UndoLog } from "./transaction_log.ts";

/**
 * What makes the memory of RAM regions. This package states it and knows no implementation: a `RamList`
 * of `@guestmem/ramblock` is one.
 */
export interface RamBlocks {
  /** Adds zeroed memory: `length` bytes in use, which may become `maxLength`. */
  addAnonymous(options: {
    readonly name: string;
    readonly length: number;
    readonly maxLength: number;
  }): {
    /** Id of the block. */
    readonly id: number;
    /** The ram_addr_t of its first byte. */
    readonly offset: number;
  };
  /** Changes how many bytes of a block are in use. */
  resize(id: number, length: number): void;
  /** Removes a block, which is reclaimed once no reader can use it. */
  remove(id: number): void;
  /** The memory itself. Blocks have whole pages of its dirty log. */
  readonly ram: { readonly dirty: { readonly pageBits: number } };
}

/** A RAM block that was made with its region, and lives and is resized with it. */
export class RegionBlock {
  /** Id of the block. */
  readonly id: number;
  /** The ram_addr_t of its first byte. */
  readonly offset: number;
  readonly #blocks: RamBlocks;
  /** Bytes in use. */
  #length: number;
  /** Bytes that the region needs: fewer for the grace period before the block shrinks. */
  #needed: number;
  #isRemoved = false;

  /**
   * Adds a block.
   *
   * @param blocks Where.
   * @param name Name of the block.
   * @param size Bytes that the region needs.
   * @param maxSize Bytes that it may need.
   * @throws What the blocks throw.
   */
  constructor(blocks: RamBlocks, name: string, size: bigint, maxSize: bigint) {
    this.#blocks = blocks;
    this.#length = this.#needed = this.#wholePages(size);
    const maxLength = this.#wholePages(maxSize);
    const { id, offset } = blocks.addAnonymous({ name, length: this.#length, maxLength });
    this.id = id;
    this.offset = offset;
  }

  /**
   * Notes what the region needs, and grows if that is more than is in use.
   *
   * @param size Bytes that the region needs.
   * @param log Where the change is recorded.
   * @throws What the blocks throw: nothing was changed.
   */
  growTo(size: bigint, log: UndoLog): void {
    const [needed, length] = [this.#needed, this.#wholePages(size)];
    if (length > this.#length) this.#resize(length, log);
    this.#needed = length;
    log.record(() => this.#needed = needed);
  }

  /** Whether more is in use than the region needs. */
  isLargerThan(size: bigint): boolean {
    return this.#length > this.#wholePages(size);
  }

  /** Shrinks to what the region needs; not if it was resized again since. No reader may use the rest. */
  shrinkTo(size: bigint): void {
    const length = this.#wholePages(size);
    if (this.#isRemoved || length !== this.#needed || length >= this.#length) return;
    this.#blocks.resize(this.id, length);
    this.#length = length;
  }

  /** Removes the block: the region is finalised. */
  remove(): void {
    this.#isRemoved = true;
    this.#blocks.remove(this.id);
  }

  #resize(length: number, log: UndoLog): void {
    const old = this.#length;
    this.#blocks.resize(this.id, length);
    this.#length = length;
    log.record(() => {
      this.#blocks.resize(this.id, old);
      this.#length = old;
    });
  }

  #wholePages(size: bigint): number {
    const page = 2 ** this.#blocks.ram.dirty.pageBits;
    return Math.ceil(Number(size) / page) * page;
  }
}
