/**
 * An IOMMU whose mappings are made by calls: a paravirtual one, or one that a VMM manages itself.
 *
 * @module
 */

import type { MemTxAttrs } from "@guestmem/flatview";
import { IommuError } from "../errors/iommu_error.ts";
import { EVERY_DOMAIN } from "../iotlb/invalidation_log.ts";
import { TableRegion } from "../region/table_region.ts";
import { MappingTable } from "../table/mapping_table.ts";
import { type Invalidation, type IommuOptions, IommuUnit, notOfThisUnit } from "./iommu_unit.ts";

/**
 * An IOMMU whose domains are {@linkcode MappingTable}s. Its regions are bound to domains. Control
 * context; one at a time.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { IommuReader, IotlbEntry, TableIommu } from "@guestmem/iommu";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const iommu = new TableIommu({ arena, domain });
 * const table = iommu.createTable();
 * const nic = iommu.createRegion({ name: "nic" });
 * nic.bind(0, table.id);
 * table.map(0x1000, 0x1000, 0x8000_0000, 3);
 *
 * // In a worker, which was posted the handles of arena, domain, unit and region:
 * const reader = domain.register();
 * const translator = new IommuReader(arena, reader, iommu.handle).translator(nic.handle);
 * const entry = new IotlbEntry();
 * const guard = reader.lock();
 * assertEquals(translator.translate(0x1234, 2, 0, entry), true);
 * assertEquals(entry.addressOf(0x1234), 0x8000_0234); // use it before the section ends
 * guard.unlock();
 *
 * assertEquals(table.unmap(0x1000, 0x1000), 1); // no worker writes there any more
 * ```
 */
export class TableIommu extends IommuUnit {
  readonly #tables = new Map<number, MappingTable>();
  readonly #regions = new Set<TableRegion>();

  /**
   * Creates an IOMMU with no domain and no region.
   *
   * @param options `arena`, and `domain`, the RCU domain whose read-side sections protect translations
   * and the use of their results.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  constructor(options: IommuOptions) {
    super(options);
  }

  /**
   * Creates a domain.
   *
   * @param options `addressBits`: addresses are below 2 to the power of this, 12 to 64; 48 unless
   * given. `target`: number of the address space that it maps to; 0 unless given.
   * @returns Its table, with nothing mapped.
   * @throws {RangeError} If the width is not 12 to 64.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  createTable(
    options: { readonly addressBits?: number; readonly target?: number } = {},
  ): MappingTable {
    const { addressBits = 48, target = 0 } = options;
    if (!Number.isInteger(addressBits) || addressBits < 12 || addressBits > 64) {
      throw new RangeError(
        `Cannot create a table: addressBits must be 12 to 64 and is ${addressBits}`,
      );
    }
    const table = new MappingTable(this.resources, this.drawId(), addressBits, target);
    this.#tables.set(table.id, table);
    return table;
  }

  /**
   * The table of a domain.
   *
   * @param id The domain.
   * @throws {IommuError} `UNKNOWN_DOMAIN` if there is no such domain.
   */
  table(id: number): MappingTable {
    return this.#table("use a domain", id);
  }

  /**
   * Destroys a domain that no region is bound to. Its memory is freed after a grace period.
   *
   * @param id The domain.
   * @throws {IommuError} `UNKNOWN_DOMAIN` if there is no such domain; `DOMAIN_IN_USE` if a region is
   * bound to it.
   */
  destroyTable(id: number): void {
    const table = this.#table("destroy a domain", id);
    for (const region of this.#regions) {
      if (!region.isBoundTo(table)) continue;
      throw new IommuError("DOMAIN_IN_USE", { id, region: region.name });
    }
    this.#tables.delete(id);
    this.resources.log.append(id);
    table.release();
  }

  /**
   * Creates a region to put into an address space. All its indexes are blocked at first.
   *
   * @param options Name, indexes, and where accesses go on under `"bypass"`.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  createRegion(options: {
    /** Its name, for reports. */
    readonly name: string;
    /** How many IOMMU indexes it has: 1 unless given. */
    readonly indexes?: number;
    /** Which index an access uses; 0 unless given. */
    readonly attrsToIndex?: (attrs: MemTxAttrs) => number;
    /** The `target` of what {@linkcode IommuMemoryRegion.translate} returns. */
    readonly targetRoot?: unknown;
    /** Number of the address space in which accesses go on under `"bypass"`; 0 unless given. */
    readonly target?: number;
  }): TableRegion {
    const tableOf = (id: number) => this.#table("bind a region to a domain", id);
    const region = new TableRegion(this.resources, this.handle, tableOf, options);
    this.#regions.add(region);
    return region;
  }

  /**
   * Destroys a region whose device is gone: it must be in no address space and have no translator in
   * any worker. Its notifiers are notified that nothing is mapped; its memory is freed after a grace
   * period.
   *
   * @param region A region of this unit.
   * @throws {IommuError} `FOREIGN_HANDLE` if it is not, or was destroyed.
   */
  destroyRegion(region: TableRegion): void {
    if (!this.#regions.delete(region)) throw notOfThisUnit();
    region.release();
  }

  /** @internal */
  protected override announce(request: Invalidation): void {
    const { domain = EVERY_DOMAIN } = request;
    if (domain !== EVERY_DOMAIN) this.#table("invalidate a domain", domain);
    super.announce(request);
  }

  #table(action: string, id: number): MappingTable {
    const table = this.#tables.get(id);
    if (!table) throw new IommuError("UNKNOWN_DOMAIN", { action, id });
    return table;
  }
}
