/**
 * The part of a translator that does not depend on where the mappings lie: the IOTLB before the walk.
 *
 * @module
 */

import type { RcuReader } from "@guestmem/rcu";
import { PAGE_BYTES, pageOf } from "../_pages.ts";
import { OutsideSectionError } from "../errors.ts";
import type { Iotlb } from "../iotlb/iotlb.ts";
import type { Access, IommuAnswer } from "./entry.ts";
import { type FaultKind, IommuFault } from "./fault.ts";
import type { IommuReader } from "./reader.ts";
import type { IommuTranslator, TranslationStats } from "./translator.ts";

/** What `walk` returns if the access is refused. */
export const REFUSED = -1;
/** What `walk` returns if its answer must not be remembered. */
export const NOT_CACHED = -2;

/** See the module. */
export abstract class CachedTranslator implements IommuTranslator {
  /** Called at each fault, inside the section, with an object that is used again. */
  onFault: ((fault: IommuFault) => void) | null = null;
  /** The fault that `walk` fills in. */
  protected readonly fault: IommuFault = new IommuFault();
  readonly #reader: RcuReader;
  readonly #iotlb: Iotlb;

  /**
   * Made by the constructors of both kinds.
   *
   * @param reader What this worker has of the IOMMU.
   */
  constructor({ reader, iotlb }: IommuReader) {
    this.#reader = reader;
    this.#iotlb = iotlb;
  }

  /**
   * Whose translation an index is, in the IOTLB; at least 0.
   *
   * @param index The IOMMU index.
   * @param generation Another value than at the last call means that bindings may have changed.
   */
  protected abstract contextOf(index: number, generation: number): number;

  /**
   * Finds a translation without the IOTLB. Fills the entry, or the fault but for what every fault
   * has.
   *
   * @returns The level of the page, `REFUSED` or `NOT_CACHED`.
   */
  protected abstract walk(page: number, access: Access, index: number, entry: IommuAnswer): number;

  /** The domain by which what `walk` found last is invalidated. */
  protected abstract get domain(): number;

  /** See {@linkcode IommuTranslator.translate}. */
  translate(
    address: number | bigint,
    access: Access,
    iommuIndex: number,
    entry: IommuAnswer,
  ): boolean {
    if (!this.#reader.inSection) throw new OutsideSectionError();
    const page = pageOf(address);
    const iotlb = this.#iotlb;
    const context = this.contextOf(iommuIndex, iotlb.catchUp());
    if (iotlb.find(context, page, access, entry)) return true;
    const level = this.walk(page, access, iommuIndex, entry);
    if (level === REFUSED) return this.#refuse(page, access, iommuIndex, entry);
    entry.fault = null;
    if (level !== NOT_CACHED) iotlb.insert(context, this.domain, level, entry);
    return true;
  }

  /** What it counted; the IOTLB is that of the worker, with its other translators. */
  get stats(): TranslationStats {
    return this.#iotlb.stats;
  }

  /** Says in the fault why an access is refused; returns `REFUSED`. */
  protected refuse(kind: FaultKind): number {
    this.fault.kind = kind;
    return REFUSED;
  }

  #refuse(page: number, access: Access, index: number, entry: IommuAnswer): false {
    const { fault } = this;
    fault.address = page * PAGE_BYTES;
    fault.access = access;
    fault.index = index;
    entry.iova = page * PAGE_BYTES;
    entry.translated = 0;
    entry.addrMask = PAGE_BYTES - 1;
    entry.perm = 0;
    entry.fault = fault.kind;
    this.onFault?.(fault);
    return false;
  }
}
