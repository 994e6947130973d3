/**
 * An IOMMU whose mappings the guest makes, in page tables in its RAM.
 *
 * @module
 */

import { instantiateKernel, type Kernel } from "@guestmem/rcu/internal";
import { toUint64 } from "../addresses/uint64.ts";
import { UNIT } from "../handles/unit_handle.ts";
import { GuestRegion } from "../region/guest_region.ts";
import type { IommuMemoryRegion } from "../region/iommu_memory_region.ts";
import { changeAndWait, changeAndWaitAsync } from "../resources/grace_periods.ts";
import type { GuestTableWalker } from "../walker/guest_table_walker.ts";
import { type IommuOptions, IommuUnit, notOfThisUnit } from "./iommu_unit.ts";

const SET_ROOT = "set the root of an IOMMU's tables";

/**
 * An IOMMU in front of page tables in guest RAM. The guest sets the root register and requests
 * invalidations; the emulation of the IOMMU's registers and queues calls these methods. Control
 * context; one at a time.
 */
export class GuestIommu extends IommuUnit {
  readonly #kernel: Kernel;
  readonly #walker: GuestTableWalker;
  readonly #cachingMode: boolean;
  readonly #regions = new Set<GuestRegion>();

  /**
   * Creates an IOMMU whose root register is 0.
   *
   * @param options `arena`; `domain`, the RCU domain whose read-side sections protect translations and
   * the use of their results; `walker`, the control context's {@linkcode VtdWalker} or
   * {@linkcode RiscvWalker}; and `cachingMode`, VT-d's caching mode: whether the guest must also
   * invalidate what it maps where nothing was mapped. Only then can notifiers follow mappings. False
   * unless given.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  constructor(
    options: IommuOptions & {
      readonly walker: GuestTableWalker;
      readonly cachingMode?: boolean;
    },
  ) {
    super(options);
    this.#kernel = instantiateKernel(options.arena.memory);
    this.#walker = options.walker;
    this.#cachingMode = options.cachingMode ?? false;
  }

  /** The root register: 0 until it is set, under which addresses pass unchanged. */
  get root(): bigint {
    const { low, high } = this.#root();
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /**
   * Sets the root register, drops every translation, and returns when no worker uses one any more.
   *
   * @param value For VT-d the address of the root table, plus `VtdWalker.ENABLED` to translate; for
   * RISC-V as `satp`.
   * @throws {IommuError} `INVALID_ADDRESS` if it is not a 64-bit value; `MAPPING_LIMIT` if a notifier
   * follows mappings and the new tables have too many. The register is then set, but readers may still
   * use the old state.
   * @throws {WaitInSectionError} Inside a read-side section. Nothing is changed.
   */
  setRoot(value: number | bigint): void {
    changeAndWait(this.resources.domain, SET_ROOT, () => this.#storeRoot(value));
  }

  /**
   * As {@linkcode setRoot}, without blocking the thread.
   *
   * @param value The register's value.
   */
  async setRootAsync(value: number | bigint): Promise<void> {
    await changeAndWaitAsync(this.resources.domain, SET_ROOT, () => this.#storeRoot(value));
  }

  /**
   * Creates a device's region to put into an address space.
   *
   * @param options Name and source id.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  createRegion(options: {
    /** Its name, for reports. */
    readonly name: string;
    /** The `target` of what {@linkcode IommuMemoryRegion.translate} returns. */
    readonly targetRoot?: unknown;
    /** The source id of the device: bus 15:8, device 7:3 and function 2:0, for PCI. 0 unless given. */
    readonly source?: number;
  }): IommuMemoryRegion {
    const tables = {
      walker: this.#walker,
      cachingMode: this.#cachingMode,
      root: () => this.#root(),
    };
    const region = new GuestRegion(this.resources.arena, this.handle, tables, options);
    this.#regions.add(region);
    return region;
  }

  /**
   * Destroys a region whose device is gone: it must be in no address space and have no translator in
   * any worker. Its memory is freed after a grace period.
   *
   * @param region A region of this unit.
   * @throws {IommuError} `FOREIGN_HANDLE` if it is not, or was destroyed.
   */
  destroyRegion(region: IommuMemoryRegion): void {
    if (!this.#regions.delete(region as GuestRegion)) throw notOfThisUnit();
    this.resources.domain.deferFree(region.handle.offset);
  }

  /** @internal */
  protected override notifyInvalidated(firstPage: number, lastPage: number): void {
    for (const region of this.#regions) region.notifyInvalidated(firstPage, lastPage);
  }

  #storeRoot(value: number | bigint): void {
    const root = toUint64(value, "a root register");
    const low = Number(root & 0xffff_ffffn);
    this.#kernel.pairStore(UNIT.root.at(this.handle.offset), low, Number(root >> 32n));
    this.announce({});
  }

  #root(): { low: number; high: number } {
    const low = this.#kernel.pairLoad(UNIT.root.at(this.handle.offset)) >>> 0;
    return { low, high: this.#kernel.pairSecond() >>> 0 };
  }
}
