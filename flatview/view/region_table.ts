import { type BlockAllocator, RcuPointer } from "@guestmem/rcu";
import { EventNotifier } from "./event_notifier.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { AccessLimits, MemoryRegionOps } from "../region/region_ops.ts";
import {
  EVENT_ROW_WORDS,
  EVENT_ROWS,
  EventWord,
  RECORD_BYTES,
  RecordWord,
  RegionTrait,
  REMOVED,
  slotOf,
  TABLE_SLOTS,
} from "./region_layout.ts";

/** Slots of the first table. */
const FIRST_SLOTS = 64;

/** What a table needs of its surroundings. */
export interface TablePlace {
  /** The arena. */
  readonly arena: BlockAllocator & Parameters<typeof RcuPointer.create>[0];
  /** Token of the control context. */
  readonly token: number;
  /** Runs a function after a grace period. */
  retire(run: () => void): void;
}

/**
 * The control context's side of the region table. A region gets its record with the first view that
 * names it, and loses it when it is finalised, a grace period after the last.
 *
 * Ids are never used again, so a worker may keep what it has read of an id for ever.
 */
export class RegionTable {
  readonly #place: TablePlace;
  readonly #cell: RcuPointer;
  readonly #records = new Map<number, number>();
  readonly #devices = new Map<unknown, { readonly device: number; regions: number }>();
  #table: number;
  #slots: number;
  /** Slots that are not empty, those of removed ids included. */
  #taken = 0;

  /** @throws {ArenaExhaustedError} If the arena has no room. */
  constructor(place: TablePlace) {
    this.#place = place;
    this.#slots = FIRST_SLOTS;
    this.#table = this.#allocate(FIRST_SLOTS);
    this.#cell = RcuPointer.create(place.arena, this.#table);
  }

  /** Offset of the cell that points at the table. */
  get cell(): number {
    return this.#cell.offset;
  }

  /**
   * Sees to it that a region has a record, before a view that names it is published.
   *
   * @throws {ArenaExhaustedError} If there is no room; nothing was changed.
   */
  provide(region: MemoryRegion): void {
    if (this.#records.has(region.id) || !region.terminates) return;
    if (this.#taken * 2 >= this.#slots) this.#rebuild();
    const { arena } = this.#place;
    const record = arena.allocate(RECORD_BYTES);
    let events: number;
    try {
      events = this.#allocateEvents(region);
    } catch (error) {
      arena.free(record);
      throw error;
    }
    this.#fill(record, region);
    arena.u32[(record >>> 2) + RecordWord.EVENTS] = events;
    this.#insert(region.id, record);
    this.#records.set(region.id, record);
  }

  /** Frees the record of a region that is finalised: no reader can be on its way to it. */
  drop(region: MemoryRegion): void {
    const record = this.#records.get(region.id);
    if (record === undefined) return;
    this.#records.delete(region.id);
    const { arena } = this.#place;
    const { u32 } = arena;
    const slot = this.#find(region.id);
    u32[slot + 1] = 0;
    u32[slot] = REMOVED;
    const events = u32[(record >>> 2) + RecordWord.EVENTS]!;
    if (events !== 0) arena.free(events);
    arena.free(record);
    this.#leaveDevice(region);
  }

  /**
   * Allocates the blocks of regions whose ioeventfds have changed.
   *
   * @returns Publishes them when called with true; takes them back when called with false.
   * @throws {ArenaExhaustedError} If there is no room; nothing was changed.
   */
  planEvents(regions: ReadonlySet<MemoryRegion>): (publish: boolean) => void {
    const { arena } = this.#place;
    const plan: { at: number; block: number }[] = [];
    const free = ({ block }: { block: number }) => {
      if (block !== 0) arena.free(block);
    };
    try {
      for (const region of regions) {
        const record = this.#records.get(region.id);
        if (record === undefined) continue;
        plan.push({
          at: (record >>> 2) + RecordWord.EVENTS,
          block: this.#allocateEvents(region),
        });
      }
    } catch (error) {
      plan.forEach(free);
      throw error;
    }
    return (publish) => {
      if (!publish) return plan.forEach(free);
      const old = plan.map(({ at, block }) => ({
        block: Atomics.exchange(arena.i32, at, block) >>> 0,
      }));
      if (old.some(({ block }) => block !== 0)) this.#place.retire(() => old.forEach(free));
    };
  }

  /** Frees everything, after a grace period. */
  close(): void {
    this.#place.retire(() => {
      const { arena } = this.#place;
      for (const record of this.#records.values()) {
        const events = arena.u32[(record >>> 2) + RecordWord.EVENTS]!;
        if (events !== 0) arena.free(events);
        arena.free(record);
      }
      this.#records.clear();
      arena.free(this.#table);
      arena.free(this.#cell.offset);
    });
  }

  #fill(record: number, region: MemoryRegion): void {
    const { arena, token } = this.#place;
    const at = record >>> 2;
    const ops = region.ops ?? {};
    const ramAddr = region.ram?.ramAddr ?? 0n;
    arena.u32[at + RecordWord.ID] = region.id;
    arena.u32[at + RecordWord.DEVICE] = this.#joinDevice(region);
    arena.u32[at + RecordWord.CONTEXT] = region.context ?? token;
    arena.u32[at + RecordWord.LIMITS] = packLimits(ops.valid, ops.impl);
    arena.u32[at + RecordWord.TRAITS] = traitsOf(ops);
    arena.u32[at + RecordWord.RAM_LO] = Number(ramAddr & 0xffff_ffffn);
    arena.u32[at + RecordWord.RAM_HI] = Number(ramAddr >> 32n);
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
    const events = region.ioeventfds.filter(({ event }) => event instanceof EventNotifier);
    if (events.length === 0) return 0;
    const { arena } = this.#place;
    const block = arena.allocate((EVENT_ROWS + events.length * EVENT_ROW_WORDS) * 4);
    const words = arena.u32.subarray(block >>> 2);
    words[0] = events.length;
    events.forEach(({ offset, size, data, event }, row) => {
      const at = EVENT_ROWS + row * EVENT_ROW_WORDS;
      words[at + EventWord.OFFSET_LO] = Number(offset & 0xffff_ffffn);
      words[at + EventWord.OFFSET_HI] = Number(offset >> 32n);
      words[at + EventWord.SIZE] = size;
      words[at + EventWord.MATCH] = data === null ? 0 : 1;
      words[at + EventWord.DATA_LO] = Number((data ?? 0n) & 0xffff_ffffn);
      words[at + EventWord.DATA_HI] = Number((data ?? 0n) >> 32n);
      words[at + EventWord.EVENT] = (event as EventNotifier).offset;
    });
    return block;
  }

  #allocate(slots: number): number {
    const { arena } = this.#place;
    const table = arena.allocate((TABLE_SLOTS + slots * 2) * 4);
    arena.u32[table >>> 2] = slots - 1;
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
    this.#place.retire(() => this.#place.arena.free(old));
  }

  #insert(id: number, record: number): void {
    const { u32 } = this.#place.arena;
    const slot = this.#find(0, id);
    u32[slot + 1] = record;
    u32[slot] = id;
    this.#taken++;
  }

  /** Index of the slot that holds an id; 0 is that of the first empty one. */
  #find(id: number, from = id): number {
    const { u32 } = this.#place.arena;
    const mask = this.#slots - 1;
    const slots = (this.#table >>> 2) + TABLE_SLOTS;
    let slot = slotOf(from, mask);
    while (u32[slots + slot * 2] !== id) slot = (slot + 1) & mask;
    return slots + slot * 2;
  }
}

function packLimits(valid: AccessLimits = {}, impl: AccessLimits = {}): number {
  return (valid.minAccessSize ?? 0) | (valid.maxAccessSize ?? 0) << 8 |
    (impl.minAccessSize ?? 0) << 16 | (impl.maxAccessSize ?? 0) << 24;
}

function traitsOf({ endianness, valid, impl }: MemoryRegionOps): number {
  return (endianness === "big" ? RegionTrait.BIG_ENDIAN : 0) |
    (valid?.unaligned ? RegionTrait.VALID_UNALIGNED : 0) |
    (impl?.unaligned ? RegionTrait.IMPL_UNALIGNED : 0);
}
