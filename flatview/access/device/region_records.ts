import { RcuPointer, type ReadGuard, type SharedMemory } from "@guestmem/rcu";
import { lower, TWO32, upper } from "../../region/split64.ts";
import { EVENT_WORD } from "../../view/event_notifier.ts";
import {
  EVENT,
  EVENT_LIST,
  findSlot,
  REGION_RECORD,
  REGION_SLOT,
  RegionTrait,
} from "../../view/region_record.ts";
import type { Halves } from "./halves.ts";

/** Most regions that a worker remembers; then it starts over. */
const REMEMBERED = 4096;

/** A region as workers know it. None of it ever changes but the list of ioeventfds. */
export class RegionInfo {
  /** Its id. */
  readonly id: number;
  /** Number of its device. */
  readonly device: number;
  /** Token of the context that runs its callbacks for others. */
  readonly context: number;
  /** Smallest valid access; 0 if not set. */
  readonly validMin: number;
  /** Largest valid access; 0 if not set. */
  readonly validMax: number;
  /** Smallest implemented access. */
  readonly implMin: number;
  /** Largest implemented access. */
  readonly implMax: number;
  /** Whether an access may be unaligned. */
  readonly validUnaligned: boolean;
  /** Whether unaligned accesses reach the callbacks whole. */
  readonly implUnaligned: boolean;
  /** Whether the device is big-endian. */
  readonly bigEndian: boolean;
  /** Whether the callbacks have a last word on what is valid. */
  readonly hasAccepts: boolean;
  /** Whether an access engages the device, and is refused while it is engaged. */
  readonly isGuarded: boolean;
  /** The ram_addr_t of its first byte. */
  readonly ramAddr: number;
  /** Word index of the cell that points at its ioeventfds. */
  readonly events: number;

  /** Reads a record. */
  constructor({ u32, u8 }: Pick<SharedMemory, "u32" | "u8">, record: number) {
    const traits = REGION_RECORD.traits.get(u32, record);
    this.id = REGION_RECORD.id.get(u32, record);
    this.device = REGION_RECORD.device.get(u32, record);
    this.context = REGION_RECORD.context.get(u32, record);
    this.validMin = REGION_RECORD.validMin.get(u8, record);
    this.validMax = REGION_RECORD.validMax.get(u8, record);
    this.implMin = REGION_RECORD.implMin.get(u8, record) || 1;
    this.implMax = REGION_RECORD.implMax.get(u8, record) || 4;
    this.validUnaligned = (traits & RegionTrait.VALID_UNALIGNED) !== 0;
    this.implUnaligned = (traits & RegionTrait.IMPL_UNALIGNED) !== 0;
    this.bigEndian = (traits & RegionTrait.BIG_ENDIAN) !== 0;
    this.hasAccepts = (traits & RegionTrait.ACCEPTS) !== 0;
    this.isGuarded = (traits & RegionTrait.UNGUARDED) === 0;
    this.ramAddr = REGION_RECORD.ramAddr.get(u32, record);
    this.events = REGION_RECORD.events.index(record);
  }
}

/**
 * A worker's side of the region table. It keeps what it has read: ids are never reused, and a record
 * lives as long as any view that names its region.
 */
export class RegionRecords {
  readonly #memory: SharedMemory;
  readonly #cell: RcuPointer;
  readonly #known = new Map<number, RegionInfo>();
  #last: RegionInfo | undefined;

  /** @param memory The shared memory. @param cell Offset of the table's cell. */
  constructor(memory: SharedMemory, cell: number) {
    this.#memory = memory;
    this.#cell = RcuPointer.attach(memory, cell);
  }

  /**
   * The record of a region that some view names.
   *
   * @param guard The guard of the section in which the view was loaded.
   */
  get(guard: ReadGuard, id: number): RegionInfo {
    const last = this.#last;
    if (last !== undefined && last.id === id) return last;
    return this.#last = this.#known.get(id) ?? this.#read(guard, id);
  }

  /**
   * The first ioeventfd that a write matches. Valid until the section ends in which the region was found.
   *
   * @returns The index of its word, for `signal`; 0 if there is none.
   */
  findEvent(region: RegionInfo, offset: number | bigint, size: number, value: Halves): number {
    const list = Atomics.load(this.#memory.u32, region.events);
    if (list === 0) return 0;
    const { u32 } = this.#memory;
    const isWide = typeof offset === "bigint";
    const low = isWide ? lower(offset) : offset >>> 0;
    const high = isWide ? upper(offset) : Math.floor(offset / TWO32);
    const end = list + EVENT_LIST.size + EVENT_LIST.count.get(u32, list) * EVENT.size;
    for (let row = list + EVENT_LIST.size; row < end; row += EVENT.size) {
      const bytes = EVENT.bytes.get(u32, row);
      const matches = EVENT.offset.low(u32, row) === low && EVENT.offset.high(u32, row) === high &&
        (bytes === 0 || bytes === size) &&
        (EVENT.match.get(u32, row) === 0 ||
          EVENT.data.low(u32, row) === value.low && EVENT.data.high(u32, row) === value.high);
      if (matches) return EVENT_WORD.signals.index(EVENT.event.get(u32, row));
    }
    return 0;
  }

  /** Signals an ioeventfd. */
  signal(event: number): void {
    const { i32 } = this.#memory;
    Atomics.add(i32, event, 1);
    Atomics.notify(i32, event);
  }

  #read(guard: ReadGuard, id: number): RegionInfo {
    const { u32 } = this.#memory;
    const slot = findSlot(u32, this.#cell.dereference(guard), id);
    const info = new RegionInfo(this.#memory, REGION_SLOT.record.get(u32, slot));
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.set(id, info);
    return info;
  }
}
