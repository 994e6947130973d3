/**
 * Translation through page tables in guest RAM, in any worker.
 *
 * @module
 */

import type { Arena } from "@guestmem/rcu";
import { IommuIndexError } from "../errors.ts";
import type { IommuRegionHandle } from "../region/table_region.ts";
import { REGION, UNIT } from "../unit/layout.ts";
import type { GuestTableWalker } from "../walker/walker.ts";
import { CachedTranslator } from "./cached_translator.ts";
import type { Access, IommuAnswer } from "./entry.ts";
import { checkRegion, type IommuReader } from "./reader.ts";

/** Translates the accesses that reach a {@linkcode GuestRegion}, in one worker. */
export class GuestTranslator extends CachedTranslator {
  readonly #kernel: Arena["kernel"];
  readonly #root: number;
  readonly #source: number;
  readonly #walker: GuestTableWalker;

  /**
   * Attaches to a region.
   *
   * @param reader What this worker has of the IOMMU.
   * @param handle The region's `handle`.
   * @param walker A walker of this worker's own, of the same format as the control context's.
   * @throws {ForeignIommuError} If the handle names no region of that IOMMU.
   */
  constructor(reader: IommuReader, handle: IommuRegionHandle, walker: GuestTableWalker) {
    super(reader);
    checkRegion(reader, handle);
    this.#kernel = reader.arena.kernel;
    this.#root = reader.offset + UNIT.root;
    this.#source = reader.arena.u32[(handle.offset + REGION.source) >>> 2]!;
    this.#walker = walker;
  }

  /** @internal */
  protected override get domain(): number {
    return this.#walker.domain;
  }

  /** @internal */
  protected override contextOf(index: number): number {
    if (index !== 0) throw new IommuIndexError(index, 1);
    return this.#source;
  }

  /** @internal */
  protected override walk(
    page: number,
    access: Access,
    _index: number,
    entry: IommuAnswer,
  ): number {
    const low = this.#kernel.pairLoad(this.#root) >>> 0;
    const high = this.#kernel.pairSecond() >>> 0;
    return this.#walker.walk(low, high, this.#source, page, access, entry, this.fault);
  }
}
