/**
 * An IOMMU whose mappings are made by calls: a paravirtual one, or one that a VMM keeps for itself.
 *
 * @module
 */

import { DomainInUseError, ForeignIommuError, UnknownDomainError } from "../errors.ts";
import { EVERY_DOMAIN } from "../iotlb/invalidations.ts";
import { TableRegion, type TableRegionOptions } from "../region/table_region.ts";
import { MappingTable } from "../table/mapping_table.ts";
import { type Invalidation, type IommuOptions, IommuUnit } from "./unit.ts";

/** Options of a mapping table. */
export interface TableOptions {
  /** Addresses are below 2 to the power of this, 12 to 64; 48 unless given. */
  readonly addressBits?: number;
  /** Handle of the address space that it leads to. 0 unless given. */
  readonly target?: number;
}

/**
 * An IOMMU whose domains are {@linkcode MappingTable}s. Its regions are bound to domains. Control
 * context; one at a time.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { IommuEntry, IommuReader, TableIommu, TableTranslator } from "@guestmem/iommu";
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
 * // In a worker, which got the arena's, the domain's, the unit's and the region's handles:
 * const reader = domain.register();
 * const translator = new TableTranslator(new IommuReader(arena, reader, iommu.handle), nic.handle);
 * const entry = new IommuEntry();
 * const section = reader.lock();
 * assertEquals(translator.translate(0x1234, 2, 0, entry), true);
 * assertEquals(entry.addressOf(0x1234), 0x8000_0234); // to be used before the section ends
 * section.unlock();
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
   * @param options Arena and domain.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  constructor(options: IommuOptions) {
    super(options);
  }

  /**
   * Creates a domain.
   *
   * @param options How wide its addresses are and where they lead.
   * @returns Its table, with nothing mapped.
   * @throws {RangeError} If the width is not 12 to 64.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  createTable({ addressBits = 48, target = 0 }: TableOptions = {}): MappingTable {
    if (!Number.isInteger(addressBits) || addressBits < 12 || addressBits > 64) {
      throw new RangeError(
        `Cannot create a table: addressBits must be 12 to 64 and is ${addressBits}`,
      );
    }
    const { arena, domain, log } = this;
    const table = new MappingTable({ arena, domain, log }, this.drawId(), addressBits, target);
    this.#tables.set(table.id, table);
    return table;
  }

  /**
   * The table of a domain.
   *
   * @param id The domain.
   * @throws {UnknownDomainError} If there is no such domain.
   */
  table(id: number): MappingTable {
    return this.#table("use a domain", id);
  }

  /**
   * Destroys a domain that no region is bound to. Its memory is freed after a grace period.
   *
   * @param id The domain.
   * @throws {UnknownDomainError} If there is no such domain.
   * @throws {DomainInUseError} If a region is bound to it.
   */
  destroyTable(id: number): void {
    const table = this.#table("destroy a domain", id);
    for (const region of this.#regions) {
      if (region.isBoundTo(table)) throw new DomainInUseError(id, region.name);
    }
    this.#tables.delete(id);
    this.log.append(id);
    table.release();
  }

  /**
   * Creates a region, to be put into an address space. All its indexes are blocked at first.
   *
   * @param options Name, indexes, and where addresses lead under `"bypass"`.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  createRegion(options: TableRegionOptions): TableRegion {
    const { arena, domain, log, handle } = this;
    const table = (id: number) => this.#table("bind a region to a domain", id);
    const region = new TableRegion({ arena, domain, log, unit: handle, table }, options);
    this.#regions.add(region);
    return region;
  }

  /**
   * Destroys a region whose device is gone: in no address space any more, and with no translator in
   * any worker. Its notifiers are told that nothing is mapped; its memory is freed after a grace
   * period.
   *
   * @param region A region of this unit.
   * @throws {ForeignIommuError} If it is none, or was destroyed before.
   */
  destroyRegion(region: TableRegion): void {
    if (!this.#regions.delete(region)) {
      throw new ForeignIommuError("an IOMMU region", "it is none of this IOMMU, or was destroyed");
    }
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
    if (!table) throw new UnknownDomainError(action, id);
    return table;
  }
}
