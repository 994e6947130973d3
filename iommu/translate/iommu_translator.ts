/**
 * Translation in a worker: the IOTLB first, then a walk. What differs between mapping tables and guest
 * tables is in the two subclasses.
 *
 * @module
 */

import type { SharedMemory } from "@guestmem/rcu";
import { PAGE_BYTES, pageOf } from "../addresses/pages.ts";
import { IommuError } from "../errors/iommu_error.ts";
import { type Access, type FaultKind, IommuFault } from "../faults/iommu_fault.ts";
import type { Iotlb } from "../iotlb/iotlb.ts";
import type { IotlbEntry, IotlbFields } from "../iotlb/iotlb_entry.ts";

/** Returned by `walk` if the access is refused. */
export const REFUSED = -1;
/** Returned by `walk` if the IOTLB must not keep the result. */
export const NOT_CACHED = -2;

/** What a worker's translators for one IOMMU share. */
export interface TranslatorContext {
  /** The arena. */
  readonly memory: SharedMemory;
  /** This worker's `RcuReader`: it knows whether the worker is inside a read-side section. */
  readonly reader: { readonly inSection: boolean };
  /** This worker's IOTLB. */
  readonly iotlb: Iotlb;
  /** Offset of the unit's block. */
  readonly unit: number;
}

/**
 * Translates the accesses that reach an IOMMU region, in one worker. From
 * {@linkcode IommuReader.translator}; a worker makes one for each region that it accesses memory
 * through, and binds it to the region's id in flatview's `MemoryAccess`.
 *
 * The caller is inside a read-side section of the domain that the IOMMU was created with, and stays
 * inside until it has used the result: an unmapping is complete once every section that was open when
 * it was made has ended.
 */
export abstract class IommuTranslator {
  /** Called at each fault, inside the section, with an object that is reused. */
  onFault: ((fault: IommuFault) => void) | null = null;
  /** @internal The fault that `walk` fills in. */
  protected readonly fault: IommuFault = new IommuFault();
  readonly #reader: TranslatorContext["reader"];
  readonly #iotlb: Iotlb;

  /** @internal From {@linkcode IommuReader.translator}. */
  constructor({ reader, iotlb }: TranslatorContext) {
    this.#reader = reader;
    this.#iotlb = iotlb;
  }

  /**
   * @internal The context under which the IOTLB keeps an index's translations; at least 0.
   *
   * @param index The IOMMU index.
   * @param generation Another value than at the last call means that bindings may have changed.
   */
  protected abstract contextOf(index: number, generation: number): number;

  /**
   * @internal Finds a translation without the IOTLB. Fills in the entry, or the parts of the fault that
   * only the walk knows.
   *
   * @returns The level of the page, `REFUSED` or `NOT_CACHED`.
   */
  protected abstract walk(page: number, access: Access, index: number, entry: IotlbFields): number;

  /** @internal The domain that invalidates the result of the last walk. */
  protected abstract get domain(): number;

  /**
   * Translates an address. Allocates nothing if the address is a number.
   *
   * @param address The offset in the IOMMU region.
   * @param access What the access wants: 1 read, 2 write, 3 both, 0 to ask without wanting anything.
   * @param iommuIndex The IOMMU index of the access.
   * @param entry Takes the result: an {@linkcode IotlbEntry}, or any object with its fields.
   * @returns Whether the access is allowed. If not, the entry's `perm` is 0 and `fault` says why.
   * @throws {IommuError} `OUTSIDE_SECTION` outside a read-side section; `INVALID_ADDRESS` if the
   * address is not valid; `INVALID_INDEX` if the region has no such index.
   */
  translate(
    address: number | bigint,
    access: 0 | 1 | 2 | 3,
    iommuIndex: number,
    entry: Omit<IotlbEntry, "addressOf" | "bytesFrom">,
  ): boolean {
    if (!this.#reader.inSection) throw new IommuError("OUTSIDE_SECTION", {});
    const page = pageOf(address);
    const iotlb = this.#iotlb;
    // The invalidations first: see the log for why the walk must come after.
    const context = this.contextOf(iommuIndex, iotlb.catchUp());
    if (iotlb.find(context, page, access, entry)) return true;
    const level = this.walk(page, access, iommuIndex, entry);
    if (level === REFUSED) return this.#refuse(page, access, iommuIndex, entry);
    entry.fault = null;
    if (level !== NOT_CACHED) iotlb.insert(context, this.domain, level, entry);
    return true;
  }

  /** Figures of the worker's IOTLB, which all its translators for this IOMMU share. */
  get stats(): {
    /** Translations that the IOTLB answered. */
    readonly hits: number;
    /** Translations that needed a walk. */
    readonly misses: number;
    /** Entries that were replaced by others. */
    readonly evictions: number;
    /** Invalidations of a range that this context processed. */
    readonly rangeInvalidations: number;
    /** Invalidations of a whole domain. */
    readonly domainInvalidations: number;
    /** Invalidations of everything, including those made because too many had been missed. */
    readonly fullInvalidations: number;
  } {
    return this.#iotlb.stats;
  }

  /** @internal Records in the fault why an access is refused; returns `REFUSED`. */
  protected refuse(kind: FaultKind): number {
    this.fault.kind = kind;
    return REFUSED;
  }

  #refuse(page: number, access: Access, index: number, entry: IotlbFields): false {
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
