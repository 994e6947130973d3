import { type Arena, RcuPointer, type ReadGuard } from "@guestmem/rcu";
import {
  EVENT_ROW_WORDS,
  EVENT_ROWS,
  EventWord,
  RecordWord,
  RegionTrait,
  slotOf,
  TABLE_SLOTS,
} from "../../view/region_layout.ts";
import type { Halves } from "./halves.ts";

const TWO_32 = 0x1_0000_0000;

/** Most regions that a worker remembers before it starts anew. */
const REMEMBERED = 4096;

/** What a worker knows of a region. All of it but the ioeventfds never changes. */
export class RegionInfo {
  /** Its id. */
  readonly id: number;
  /** The number of its device. */
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
  /** The ram_addr_t of its first byte. */
  readonly ramAddr: number;
  /** Word index of the cell that points at its ioeventfds. */
  readonly events: number;

  /** Reads a record. */
  constructor(u32: Uint32Array, record: number) {
    const at = record >>> 2;
    const limits = u32[at + RecordWord.LIMITS]!;
    const traits = u32[at + RecordWord.TRAITS]!;
    this.id = u32[at + RecordWord.ID]!;
    this.device = u32[at + RecordWord.DEVICE]!;
    this.context = u32[at + RecordWord.CONTEXT]!;
    this.validMin = limits & 0xff;
    this.validMax = limits >>> 8 & 0xff;
    this.implMin = (limits >>> 16 & 0xff) || 1;
    this.implMax = limits >>> 24 || 4;
    this.validUnaligned = (traits & RegionTrait.VALID_UNALIGNED) !== 0;
    this.implUnaligned = (traits & RegionTrait.IMPL_UNALIGNED) !== 0;
    this.bigEndian = (traits & RegionTrait.BIG_ENDIAN) !== 0;
    this.ramAddr = u32[at + RecordWord.RAM_LO]! + u32[at + RecordWord.RAM_HI]! * TWO_32;
    this.events = at + RecordWord.EVENTS;
  }
}

/**
 * A worker's side of the region table. What it has read of an id it keeps: ids are never used again,
 * and a record lives as long as any view that names its region.
 */
export class RegionRecords {
  readonly #arena: Arena;
  readonly #cell: RcuPointer;
  readonly #known = new Map<number, RegionInfo>();
  #last: RegionInfo | undefined;

  /** @param arena The arena. @param cell Offset of the table's cell. */
  constructor(arena: Arena, cell: number) {
    this.#arena = arena;
    this.#cell = RcuPointer.attach(arena, cell);
  }

  /**
   * What is known of a region that some view names.
   *
   * @param section The section in which the view was loaded.
   */
  get(section: ReadGuard, id: number): RegionInfo {
    const last = this.#last;
    if (last !== undefined && last.id === id) return last;
    return this.#last = this.#known.get(id) ?? this.#read(section, id);
  }

  /** Signals the ioeventfds that a write matches; whether there was one. */
  signalEvents(region: RegionInfo, offset: number | bigint, size: number, value: Halves): boolean {
    const block = Atomics.load(this.#arena.i32, region.events) >>> 2;
    if (block === 0 || typeof offset === "bigint") return false;
    const words = this.#arena.u32;
    let matched = false;
    for (let row = 0; row < words[block]!; row++) {
      const at = block + EVENT_ROWS + row * EVENT_ROW_WORDS;
      const wanted = words[at + EventWord.SIZE]!;
      const matches = words[at + EventWord.OFFSET_LO]! +
              words[at + EventWord.OFFSET_HI]! * TWO_32 === offset &&
        (wanted === 0 || wanted === size) &&
        (words[at + EventWord.MATCH] === 0 ||
          words[at + EventWord.DATA_LO] === value.low &&
            words[at + EventWord.DATA_HI] === value.high);
      if (!matches) continue;
      matched = true;
      const event = words[at + EventWord.EVENT]! >>> 2;
      Atomics.add(this.#arena.i32, event, 1);
      Atomics.notify(this.#arena.i32, event);
      break;
    }
    return matched;
  }

  #read(section: ReadGuard, id: number): RegionInfo {
    const { u32 } = this.#arena;
    const table = this.#cell.dereference(section) >>> 2;
    const mask = u32[table]!;
    let slot = slotOf(id, mask);
    while (u32[table + TABLE_SLOTS + slot * 2] !== id) slot = (slot + 1) & mask;
    const info = new RegionInfo(u32, u32[table + TABLE_SLOTS + slot * 2 + 1]!);
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.set(id, info);
    return info;
  }
}
