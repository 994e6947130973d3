/**
 * An IOMMU whose mappings the guest makes, in page tables in its RAM.
 *
 * @module
 */

import { waitOutside } from "@guestmem/rcu/internal";
import { ForeignIommuError } from "../errors.ts";
import { GuestRegion, type GuestRegionOptions } from "../region/guest_region.ts";
import type { GuestTableWalker } from "../walker/walker.ts";
import { UNIT } from "./layout.ts";
import { type IommuOptions, IommuUnit } from "./unit.ts";

/** Options of {@linkcode GuestIommu}. */
export interface GuestIommuOptions extends IommuOptions {
  /** The control context's walker: a `VtdWalker` or a `RiscvWalker`. */
  readonly walker: GuestTableWalker;
  /**
   * Whether the guest is told (VT-d's caching mode) that it must invalidate also what it maps where
   * nothing was. Only then can notifiers follow mappings. False unless given.
   */
  readonly cachingMode?: boolean;
}

/**
 * An IOMMU in front of page tables in guest RAM. The guest sets the root register and asks for
 * invalidations; whoever emulates the IOMMU's registers and queues calls these methods. Control
 * context; one at a time.
 */
export class GuestIommu extends IommuUnit {
  readonly #walker: GuestTableWalker;
  readonly #cachingMode: boolean;
  readonly #regions = new Set<GuestRegion>();

  /**
   * Creates an IOMMU whose root register is 0.
   *
   * @param options Arena, domain, walker.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  constructor(options: GuestIommuOptions) {
    super(options);
    this.#walker = options.walker;
    this.#cachingMode = options.cachingMode ?? false;
  }

  /** The root register: 0 until it is set, which passes addresses as they are. */
  get root(): bigint {
    const { low, high } = this.#root();
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /**
   * Sets the root register, drops every translation, and returns when no worker uses one any more.
   *
   * @param value For VT-d the address of the root table, plus 1 (`VTD_ENABLED`) to translate; for
   * RISC-V as `satp`.
   * @throws {WaitInSectionError} Inside a read-side section. Nothing is changed.
   */
  setRoot(value: bigint): void {
    waitOutside(this.arena, "set the root of an IOMMU's tables", () => {
      this.#storeRoot(value);
      this.domain.synchronize();
    });
  }

  /**
   * As {@linkcode setRoot}, without blocking the thread.
   *
   * @param value The register's value.
   */
  async setRootAsync(value: bigint): Promise<void> {
    waitOutside(this.arena, "set the root of an IOMMU's tables", () => this.#storeRoot(value));
    await this.domain.synchronizeAsync();
  }

  /**
   * Creates a device's region, to be put into an address space.
   *
   * @param options Name and source id.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  createRegion(options: GuestRegionOptions): GuestRegion {
    const { arena, domain, log, handle } = this;
    const shared = { arena, domain, log, unit: handle, root: () => this.#root() };
    const place = { ...shared, walker: this.#walker, cachingMode: this.#cachingMode };
    const region = new GuestRegion(place, options);
    this.#regions.add(region);
    return region;
  }

  /**
   * Destroys a region whose device is gone: in no address space any more, and with no translator in
   * any worker. Its memory is freed after a grace period.
   *
   * @param region A region of this unit.
   * @throws {ForeignIommuError} If it is none, or was destroyed before.
   */
  destroyRegion(region: GuestRegion): void {
    if (!this.#regions.delete(region)) {
      throw new ForeignIommuError("an IOMMU region", "it is none of this IOMMU, or was destroyed");
    }
    this.domain.deferFree(region.handle.offset);
  }

  /** @internal */
  protected override told(firstPage: number, lastPage: number): void {
    for (const region of this.#regions) region.invalidated(firstPage, lastPage);
  }

  #storeRoot(value: bigint): void {
    const low = Number(value & 0xffff_ffffn);
    this.arena.kernel.pairStore(this.handle.offset + UNIT.root, low, Number(value >> 32n));
    this.announce({});
  }

  #root(): { low: number; high: number } {
    const low = this.arena.kernel.pairLoad(this.handle.offset + UNIT.root) >>> 0;
    return { low, high: this.arena.kernel.pairSecond() >>> 0 };
  }
}
