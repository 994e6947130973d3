/**
 * A value that one context publishes and all read.
 *
 * @module
 */

import type { BlockAllocator } from "../arena/allocator.ts";
import { RcuError } from "../errors/rcu_error.ts";
import { DeferredBudgetError } from "../errors/specific_errors.ts";
import type { ReadGuard, ReadLock } from "../grace_period/read_guard.ts";
import type { Reclaimer } from "../grace_period/reclaimer.ts";
import { instantiateKernel, type Kernel } from "../kernel/kernel.ts";
import { defineLayout } from "../layout/layout.ts";
import { JSON_CODEC, type ValueCodec } from "./value_codec.ts";

/**
 * The cell: block and version in one word, so that a reader compares both at once. The low bits are the
 * block's offset in units of BLOCK_UNIT, the others the version, which is never used again.
 */
const CELL = defineLayout({ both: "u64" });
const BLOCK_UNIT = 16;
const BLOCK_BITS = 28n;
const VERSION_BITS = 36n;

/** In front of a version's bytes. */
const CONTENT = defineLayout({ length: "u32" });

/**
 * Structured data that workers share: published whole, read as an object that each context decodes once
 * for each version. A read that finds the version of the last read compares one word; it enters no
 * section and touches nothing that is freed.
 *
 * Any context may publish, also while others do: the last one stays. Reading and publishing want no lock
 * and never wait. A context that dies between publishing and deferring the version before leaves that
 * version's block allocated.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain, RcuValue } from "@guestmem/rcu";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const limits = RcuValue.create(arena, { requests: 10, paths: ["/"] });
 *
 * // In any worker that was sent `arena.handle`, `domain.handle` and `limits.offset`:
 * const here = RcuValue.attach<{ requests: number }>(Arena.attach(arena.handle), limits.offset);
 * const reader = domain.register();
 * assertEquals(here.read(reader).requests, 10);
 *
 * limits.publish({ requests: 20, paths: ["/", "/new"] }, domain);
 * assertEquals(here.read(reader).requests, 20);
 * ```
 */
export class RcuValue<T> {
  /** Where the value's cell lies; what `attach` takes. */
  readonly offset: number;
  readonly #arena: BlockAllocator;
  readonly #codec: ValueCodec<T>;
  readonly #kernel: Kernel;
  readonly #cells: BigUint64Array;
  /** What this context decoded last, and the cell's halves then. No version is 0. */
  #decoded: T | undefined;
  #low = 0;
  #high = 0;
  /** Blocks that could not be deferred yet. */
  readonly #replaced: number[] = [];

  private constructor(arena: BlockAllocator, offset: number, codec: ValueCodec<T>) {
    this.offset = offset;
    this.#arena = arena;
    this.#codec = codec;
    this.#kernel = instantiateKernel(arena.memory);
    this.#cells = new BigUint64Array(arena.memory.buffer);
  }

  /**
   * Allocates a value.
   *
   * @param initial What is published first.
   * @param codec How values are written; JSON if absent.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create<T>(
    arena: BlockAllocator,
    initial: T,
    codec: ValueCodec<T> = JSON_CODEC as ValueCodec<T>,
  ): RcuValue<T> {
    const cell = arena.allocate(CELL.size, CELL.alignment);
    const value = new RcuValue(arena, cell, codec);
    try {
      value.#exchange(value.#write(initial));
    } catch (error) {
      arena.free(cell);
      throw error;
    }
    return value;
  }

  /**
   * The value at `offset`, in any context.
   *
   * @param offset What `offset` of the created one says; the value must outlive this object.
   * @param codec As at `create`.
   */
  static attach<T>(
    arena: BlockAllocator,
    offset: number,
    codec: ValueCodec<T> = JSON_CODEC as ValueCodec<T>,
  ): RcuValue<T> {
    return new RcuValue(arena, offset, codec);
  }

  /**
   * Publishes a value: every read that begins after this call finds it, or a newer one. The block of the
   * value before is freed after a grace period. If the codec throws, nothing is published.
   *
   * @param domain The domain whose readers read the value.
   * @throws {ArenaExhaustedError} If the arena has no room for the value.
   * @throws {RcuError} `VERSION_LIMIT` after 2^36 versions.
   * @throws {EvictedError} If this context was evicted: the value may be published.
   */
  publish(value: T, domain: Pick<Reclaimer, "deferFree">): void {
    const replaced = this.#exchange(this.#write(value));
    this.#replaced.push(replaced);
    try {
      while (this.#replaced.length) {
        domain.deferFree(this.#replaced.at(-1)!);
        this.#replaced.pop();
      }
    } catch (error) {
      // The value is published, and what waits for readers is tried again at the next call.
      if (!(error instanceof DeferredBudgetError)) throw error;
    }
  }

  /**
   * Reads the value. The call may stand inside a section and outside of one.
   *
   * @param reader A reader of the domain that `publish` is given. It enters a section if the version is
   * one that this context has not read yet.
   * @returns What the codec decoded: the same object until a newer version is read. It stays valid.
   */
  read(reader: ReadLock): T {
    if (this.#kernel.pairIs(this.offset, this.#low, this.#high) !== 0) return this.#decoded as T;
    return this.#readNew(reader);
  }

  /**
   * Frees the value and its cell at once. No context may read or publish any more.
   */
  destroy(): void {
    const block = this.#blockOf(Atomics.load(this.#cells, this.offset / 8));
    for (const each of [...this.#replaced.splice(0), block, this.offset]) this.#arena.free(each);
  }

  #readNew(reader: ReadLock): T {
    const guard = reader.lock();
    try {
      return this.#decode(guard);
    } finally {
      guard.unlock();
    }
  }

  /**
   * Decodes the block inside a section, until whose end it stays allocated. Its words are read plainly:
   * they were written before the compare-and-exchange whose word `pairLoad` has read, and change no more.
   */
  #decode(_guard: ReadGuard): T {
    const low = this.#kernel.pairLoad(this.offset) >>> 0;
    const high = this.#kernel.pairSecond() >>> 0;
    const block = (low & (1 << Number(BLOCK_BITS)) - 1) * BLOCK_UNIT;
    const start = block + CONTENT.size;
    const length = CONTENT.length.get(this.#arena.u32, block);
    const decoded = this.#codec.decode(this.#arena.u8.slice(start, start + length));
    this.#decoded = decoded;
    this.#low = low;
    this.#high = high;
    return decoded;
  }

  /** Allocates a block and fills it. */
  #write(value: T): number {
    const bytes = this.#codec.encode(value);
    const block = this.#arena.allocate(CONTENT.size + bytes.length, BLOCK_UNIT, false);
    CONTENT.length.set(this.#arena.u32, block, bytes.length);
    this.#arena.u8.set(bytes, block + CONTENT.size);
    return block;
  }

  /** Publishes a block under the next version. @returns The block before. */
  #exchange(block: number): number {
    const index = this.offset / 8;
    for (;;) {
      const seen = Atomics.load(this.#cells, index);
      const version = (seen >> BLOCK_BITS) + 1n;
      if (version >> VERSION_BITS) {
        this.#arena.free(block);
        throw new RcuError("VERSION_LIMIT", { limit: 2 ** Number(VERSION_BITS) });
      }
      const next = version << BLOCK_BITS | BigInt(block / BLOCK_UNIT);
      if (Atomics.compareExchange(this.#cells, index, seen, next) === seen) {
        return this.#blockOf(seen);
      }
    }
  }

  #blockOf(word: bigint): number {
    return Number(word & (1n << BLOCK_BITS) - 1n) * BLOCK_UNIT;
  }
}
