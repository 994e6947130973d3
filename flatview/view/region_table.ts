import { RcuPointer } from "@guestmem/rcu";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { MemoryRegionOps } from "../region/region_ops.ts";
import { EventNotifier } from "./event_notifier.ts";
import {
  EVENT,
  EVENT_LIST,
  findSlot,
  REGION_RECORD,
  REGION_SLOT,
  REGION_TABLE,
  RegionTrait,
  REMOVED,
} from "./region_record.ts";
import type { ViewMemory } from "./view_memory.ts";

/** Slots of the first table. */
const FIRST_SLOTS = 64;

/** The new lists of ioeventfds of some regions: allocated, and not yet seen by anybody. */
export interface EventPlan {
  /** Makes them what workers see. */
  publish(): void;
  /** Frees them. */
  discard(): void;
}

/**
 * The control context's side of the region table. A region gets its record with the first view that
 * names it, and loses it when it is finalised, a grace period after the last.
 *
 * Ids are never used again, so a worker may keep what it has read of an id for ever.
 */
export class RegionTable {
  readonly #memory: ViewMemory;
  readonly #retire: (run: () => void) => void;
  readonly #cell: RcuPointer;
  readonly #records = new Map<number, number>();
  readonly #devices = new Map<unknown, { readonly device: number; regions: number }>();
  #table: number;
  #slots: number;
  /** Slots that are not empty, those of removed ids included. */
  #taken = 0;

  /**
   * Allocates an empty table.
   *
   * @param memory Where it lies.
   * @param retire Runs a function after a grace period.
   * @throws {ArenaExhaustedError} If there is no room.
   */
  constructor(memory: ViewMemory, retire: (run: () => void) => void) {
    this.#memory = memory;
    this.#retire = retire;
    this.#slots = FIRST_SLOTS;
    this.#table = this.#allocate(FIRST_SLOTS);
    try {
      this.#cell = RcuPointer.create(memory, this.#table);
    } catch (error) {
      memory.free(this.#table);
      throw error;
    }
  }

  /** Offset of the cell that points at the table. */
  get cell(): number {
    return this.#cell.offset;
  }

  /** Whether a region has its record, or needs none. */
  has(region: MemoryRegion): boolean {
    return this.#records.has(region.id) || !region.terminates;
  }

  /**
   * Gives a region its record, unless it has one, before a view that names it is published.
   *
   * @throws {ArenaExhaustedError} If there is no room; nothing was changed.
   */
  provide(region: MemoryRegion): void {
    if (this.has(region)) return;
    if (this.#taken * 2 >= this.#slots) this.#rebuild();
    const memory = this.#memory;
    const record = memory.allocate(REGION_RECORD.size, REGION_RECORD.alignment);
    let events: number;
    try {
      events = this.#allocateEvents(region);
    } catch (error) {
      memory.free(record);
      throw error;
    }
    this.#fill(record, region);
    REGION_RECORD.events.set(memory.u32, record, events);
    this.#insert(region.id, record);
    this.#records.set(region.id, record);
  }

  /** Frees the record of a region that is finalised: no reader can be on its way to it. */
  drop(region: MemoryRegion): void {
    const record = this.#records.get(region.id);
    if (record === undefined) return;
    this.#records.delete(region.id);
    const { u32 } = this.#memory;
    const slot = findSlot(u32, this.#table, region.id);
    REGION_SLOT.record.set(u32, slot, 0);
    REGION_SLOT.id.set(u32, slot, REMOVED);
    this.#free(record);
    this.#leaveDevice(region);
  }

  /**
   * Allocates the lists of regions whose ioeventfds have changed. The caller publishes or discards
   * them.
   *
   * @throws {ArenaExhaustedError} If there is no room; nothing was changed.
   */
  planEvents(regions: Iterable<MemoryRegion>): EventPlan {
    const memory = this.#memory;
    const changes: { record: number; list: number }[] = [];
    const freeAll = (lists: readonly number[]) => {
      for (const list of lists) if (list !== 0) memory.free(list);
    };
    const discard = () => freeAll(changes.map(({ list }) => list));
    const publish = () => {
      const old = changes.map(({ record, list }) =>
        Atomics.exchange(memory.u32, REGION_RECORD.events.index(record), list)
      );
      if (old.some((list) => list !== 0)) this.#retire(() => freeAll(old));
    };
    try {
      for (const region of regions) {
        const record = this.#records.get(region.id);
        if (record === undefined) continue;
        changes.push({ record, list: this.#allocateEvents(region) });
      }
    } catch (error) {
      discard();
      throw error;
    }
    return { publish, discard };
  }

  /** Frees everything, after a grace period. */
  close(): void {
    this.#retire(() => {
      for (const record of this.#records.values()) this.#free(record);
      this.#records.clear();
      this.#memory.free(this.#table);
      this.#memory.free(this.#cell.offset);
    });
  }

  #free(record: number): void {
    const events = REGION_RECORD.events.get(this.#memory.u32, record);
    if (events !== 0) this.#memory.free(events);
    this.#memory.free(record);
  }

  #fill(record: number, region: MemoryRegion): void {
    const { u32, u8, token } = this.#memory;
    const { valid, impl, endianness }: MemoryRegionOps = region.ops ?? {};
    REGION_RECORD.id.set(u32, record, region.id);
    REGION_RECORD.device.set(u32, record, this.#joinDevice(region));
    REGION_RECORD.context.set(u32, record, region.context ?? token);
    REGION_RECORD.validMin.set(u8, record, valid?.minAccessSize ?? 0);
    REGION_RECORD.validMax.set(u8, record, valid?.maxAccessSize ?? 0);
    REGION_RECORD.implMin.set(u8, record, impl?.minAccessSize ?? 0);
    REGION_RECORD.implMax.set(u8, record, impl?.maxAccessSize ?? 0);
    const traits = (endianness === "big" ? RegionTrait.BIG_ENDIAN : 0) |
      (valid?.unaligned ? RegionTrait.VALID_UNALIGNED : 0) |
      (impl?.unaligned ? RegionTrait.IMPL_UNALIGNED : 0) |
      (valid?.accepts ? RegionTrait.ACCEPTS : 0) |
      (region.isUnguarded ? RegionTrait.UNGUARDED : 0);
    REGION_RECORD.traits.set(u32, record, traits);
    REGION_RECORD.ramAddr.setBig(u32, record, region.ram?.ramAddr ?? 0n);
  }

  /** The number of a region's device: the id of the first region of its owner. */
  #joinDevice({ owner, id }: MemoryRegion): number {
    if (owner === null) return id;
    const known = this.#devices.get(owner);
    if (known === undefined) this.#devices.set(owner, { device: id, regions: 1 });
    else known.regions++;
    return known?.device ?? id;
  }

  #leaveDevice({ owner }: MemoryRegion): void {
    const known = this.#devices.get(owner);
    if (known !== undefined && --known.regions === 0) this.#devices.delete(owner);
  }

  #allocateEvents(region: MemoryRegion): number {
    const eventfds = region.ioeventfds.filter(({ event }) => event instanceof EventNotifier);
    if (eventfds.length === 0) return 0;
    const { u32 } = this.#memory;
    const bytes = EVENT_LIST.size + eventfds.length * EVENT.size;
    const list = this.#memory.allocate(bytes, EVENT.alignment);
    EVENT_LIST.count.set(u32, list, eventfds.length);
    eventfds.forEach(({ offset, size, data, event }, index) => {
      const row = list + EVENT_LIST.size + index * EVENT.size;
      EVENT.offset.setBig(u32, row, offset);
      EVENT.data.setBig(u32, row, data ?? 0n);
      // An ioeventfd of any size matches any data, too: the data of a write depends on its size.
      EVENT.match.set(u32, row, data === null || size === 0 ? 0 : 1);
      EVENT.bytes.set(u32, row, size);
      EVENT.event.set(u32, row, (event as EventNotifier).offset);
    });
    return list;
  }

  #allocate(slots: number): number {
    const table = this.#memory.allocate(REGION_TABLE.size + slots * REGION_SLOT.size);
    REGION_TABLE.mask.set(this.#memory.u32, table, slots - 1);
    return table;
  }

  /** A new table without the removed ids, with room for as many again. */
  #rebuild(): void {
    let slots = FIRST_SLOTS;
    while (this.#records.size * 4 >= slots) slots *= 2;
    const old = this.#table;
    this.#table = this.#allocate(slots);
    this.#slots = slots;
    this.#taken = 0;
    for (const [id, record] of this.#records) this.#insert(id, record);
    this.#cell.publish(this.#table);
    this.#retire(() => this.#memory.free(old));
  }

  #insert(id: number, record: number): void {
    const { u32 } = this.#memory;
    const slot = findSlot(u32, this.#table, 0, id);
    REGION_SLOT.record.set(u32, slot, record);
    REGION_SLOT.id.set(u32, slot, id);
    this.#taken++;
  }
}
