import { QsbrReader, type ReadGuard } from "@guestmem/rcu";
import { DIRTY_LOG_BITS, RangeFlag } from "../region/range_flags.ts";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";
import { type AccessPath, NO_ATTRS } from "./access_path.ts";
import type { RamWindow } from "./guest_memory.ts";
import { MemTxResult } from "./device/mem_tx_result.ts";
import { isDirect, ResolvedAddress } from "./translation.ts";
import { FlatViewError } from "../errors/flat_view_error.ts";

/** Bytes of a page of the TLB. */
const PAGE = 4096;
/** 1 / 2^32: what gives the upper half of an address. */
const PER_TWO_32 = 1 / 0x1_0000_0000;

/** Words of an entry: tags for loads and stores, and how to get from an address to the memory. */
const READ = 0;
const DELTA = 1;
const HIGH = 2;
const WRITE = 3;

/** Bit of a tag: the page lies above 4 GiB, and HIGH must match as well. */
const FAR = 8;
/** Bit of a tag: the page lies in another window than most. */
const OTHER = 16;
/** Bit of a tag: no memory; nothing is gained by looking again. */
const IO = 32;
/** A tag that no address has. */
const NONE = -1;

/**
 * A vCPU's TLB: guest memory at the cost of a compare and an array load. From `GuestSpace.tlb`.
 *
 * Every access lies between `lock()` and `unlock()`, a read-side section that this object holds. Only
 * `lock()` and `quiescent()` look for a new map, and an access never does: what an entry says was so
 * at some moment inside the section, and the grace period that follows a commit waits for the section
 * to end. Entries are kept from section to section as long as the generation of the map is the same;
 * generations never repeat.
 *
 * A hit is a tag compared with the address, its page and its alignment at once, and a typed-array
 * load. All else (a miss, an unaligned access, a device, a page whose writes are logged) takes the
 * way of `GuestSpace`; if that leads to another context, the section is left and entered again.
 *
 * Addresses are integers from 0 to 2^53 - 1; below 4 GiB they are fastest. Values are little-endian.
 * Stores to ROM are dropped. What became of an access that was no hit is in {@linkcode result}.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { GuestRam, RamList } from "@guestmem/ramblock";
 * import { MemoryAccess, Topology } from "@guestmem/flatview";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const memory = GuestRam.create(domain, { bytes: 1 << 20 });
 * const { id, offset } = new RamList(memory).addAnonymous({ name: "ram", length: 1 << 20 });
 * const topology = new Topology({ arena, domain });
 * const ram = topology.initRam("ram", 1 << 20, { blockId: id, ramAddr: BigInt(offset) });
 * const { handle } = topology.createAddressSpace("memory", ram);
 *
 * // In the vCPU's worker:
 * const access = new MemoryAccess({ arena, reader: domain.register(), memory });
 * const tlb = access.attach(handle).tlb();
 * tlb.lock();
 * for (let instruction = 0; instruction < 10_000; instruction++) {
 *   tlb.store32(0x1000, tlb.load32(0x1000) + 1);
 *   if (instruction % 1000 === 999) tlb.quiescent(); // here it looks for a new map
 * }
 * assertEquals(tlb.load32(0x1000), 10_000);
 * tlb.unlock();
 * ```
 */
export class Tlb {
  /** What became of the last access that was no hit. */
  result: MemTxResult = MemTxResult.OK;
  /** The upper half of the last `load64`, as a signed 32-bit integer. */
  upper: number = 0;
  readonly #entries: Int32Array;
  readonly #mask: number;
  /** The window in which most memory lies, and its views: hits go there without a detour. */
  #main: RamWindow | null = null;
  #words: Int32Array = new Int32Array(0);
  #halves: Uint16Array = new Uint16Array(0);
  #bytes: Uint8Array = new Uint8Array(0);
  /** The windows of the entries with the tag {@linkcode OTHER}. */
  readonly #windows: (RamWindow | null)[];
  readonly #engine: AccessPath;
  readonly #space: AddressSpaceReader;
  readonly #target = new ResolvedAddress();
  #section: ReadGuard | null = null;
  #generation = 0;
  #view = 0;

  /** @internal */
  constructor(engine: AccessPath, space: AddressSpaceReader, entries: number) {
    if (!Number.isInteger(Math.log2(entries)) || entries > 1 << 20) {
      throw new RangeError(
        `Cannot create a TLB of ${entries} entries: it must be a power of two up to 2^20`,
      );
    }
    this.#engine = engine;
    this.#space = space;
    this.#entries = new Int32Array(entries * 4).fill(NONE);
    this.#windows = new Array(entries).fill(null);
    this.#mask = (entries - 1) << 2;
  }

  /** @internal The section that is open. */
  get section(): ReadGuard {
    if (this.#section === null) throw new FlatViewError("TLB_OUTSIDE_SECTION", {});
    return this.#section;
  }

  /** Enters a section, and looks for a new map. */
  lock(): void {
    this.enter();
  }

  /** Leaves the section. */
  unlock(): void {
    this.leave();
    // In debug mode nothing is kept, so that an access outside a section is a miss, which is found.
    if (this.#engine.arena.debug) this.flush();
  }

  /** Between two guest instructions: a quiescent state, and a look for a new map. */
  quiescent(): void {
    this.leave();
    const { reader } = this.#engine.sections;
    if (reader instanceof QsbrReader) reader.quiescent();
    this.enter();
  }

  /** Forgets everything. */
  flush(): void {
    this.#entries.fill(NONE);
  }

  /** @internal */
  enter(): void {
    const section = this.#engine.sections.reader.lock();
    this.#section = section;
    this.#view = this.#space.view(section);
    const generation = this.#space.generation(this.#view);
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.flush();
  }

  /** @internal */
  leave(): void {
    const { section } = this;
    this.#section = null;
    section.unlock();
  }

  /** Loads a byte. */
  load8(address: number): number {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    if (this.#entries[entry] === (low & 0xffff_f000) && low >>> 0 === address) {
      return this.#bytes[(low + this.#entries[entry + DELTA]!) >>> 0]!;
    }
    return this.#far(address, 1, false, 0, 0);
  }

  /** Loads two bytes. */
  load16(address: number): number {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    if (this.#entries[entry] === (low & 0xffff_f001) && low >>> 0 === address) {
      return this.#halves[(low + this.#entries[entry + DELTA]!) >>> 1]!;
    }
    return this.#far(address, 2, false, 0, 0);
  }

  /** Loads four bytes, as a signed 32-bit integer. */
  load32(address: number): number {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    const tag = this.#entries[entry]! ^ (low & 0xffff_f003);
    const isHit = tag === 0
      ? low >>> 0 === address
      : tag === FAR && this.#entries[entry + HIGH] === ((address * PER_TWO_32) | 0);
    if (isHit) return this.#words[(low + this.#entries[entry + DELTA]!) >>> 2]!;
    return this.#far(address, 4, false, 0, 0);
  }

  /** Loads eight bytes: gives the lower half, signed; the upper one is in {@linkcode upper}. */
  load64(address: number): number {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    if (this.#entries[entry] === (low & 0xffff_f007) && low >>> 0 === address) {
      const main = this.#main!;
      const value = main.load64((low + this.#entries[entry + DELTA]!) >>> 0);
      this.upper = main.upper | 0;
      return value | 0;
    }
    return this.#far(address, 8, false, 0, 0);
  }

  /** Stores a byte. */
  store8(address: number, value: number): void {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    if (this.#entries[entry + WRITE] === (low & 0xffff_f000) && low >>> 0 === address) {
      this.#bytes[(low + this.#entries[entry + DELTA]!) >>> 0] = value;
    } else this.#far(address, 1, true, value, 0);
  }

  /** Stores two bytes. */
  store16(address: number, value: number): void {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    if (this.#entries[entry + WRITE] === (low & 0xffff_f001) && low >>> 0 === address) {
      this.#halves[(low + this.#entries[entry + DELTA]!) >>> 1] = value;
    } else this.#far(address, 2, true, value, 0);
  }

  /** Stores four bytes. */
  store32(address: number, value: number): void {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    if (this.#entries[entry + WRITE] === (low & 0xffff_f003) && low >>> 0 === address) {
      this.#words[(low + this.#entries[entry + DELTA]!) >>> 2] = value;
    } else this.#far(address, 4, true, value, 0);
  }

  /** Stores eight bytes, given as halves. */
  store64(address: number, value: number, upper: number): void {
    const low = address | 0;
    const entry = (low >>> 10) & this.#mask;
    if (this.#entries[entry + WRITE] === (low & 0xffff_f007) && low >>> 0 === address) {
      this.#main!.store64((low + this.#entries[entry + DELTA]!) >>> 0, value, upper);
    } else this.#far(address, 8, true, value, upper);
  }

  /**
   * The section of the vCPU's dispatch that an address lies in, to be kept instead of the region:
   * QEMU's `address_space_translate_for_iotlb`. A page that several regions share has one number.
   *
   * @returns The section's number, for `iotlbToRegion`, until the map changes.
   */
  translateForIotlb(address: number): number {
    if (this.#section === null) throw new FlatViewError("TLB_OUTSIDE_SECTION", {});
    return this.#space.sectionNumber(this.#view, address, false);
  }

  /**
   * The region behind a section's number: QEMU's `iotlb_to_region`, by the dispatch that this vCPU
   * has had since it last looked for a new map.
   *
   * @param number From `translateForIotlb`.
   * @param address The address.
   * @returns Id of the region; 0 if nothing answers.
   */
  iotlbToRegion(number: number, address: number): number {
    if (this.#section === null) throw new FlatViewError("TLB_OUTSIDE_SECTION", {});
    const region = this.#space.region(this.#space.sectionRow(this.#view, number));
    // Neither "unassigned" nor the container of a shared page has a region.
    return region === 0 ? this.#space.region(this.#space.lookupIn(this.#view, address)) : region;
  }

  /**
   * All that is no hit in the main window: a hit in another one, a miss, which makes an entry of the
   * page if one range of memory has all of it, and what is no memory.
   *
   * One function, on purpose: V8 inlines none of more than 460 bytes of bytecode. Parts of it, called
   * at each miss while the TLB fills, would be inlined into `load32`, which V8 then finds too large
   * to be inlined in turn; each hit would cost a call and an address in a heap number.
   *
   * @returns The lower half of what was loaded; the upper one is in {@linkcode upper}.
   */
  #far(address: number, size: number, isStore: boolean, low: number, high: number): number {
    const engine = this.#engine;
    const { ram, value } = engine;
    const entries = this.#entries;
    const entry = (address >>> 10) & this.#mask;
    const tag = entries[entry + (isStore ? WRITE : READ)]! ^ (address & (0xffff_f000 | size - 1));
    const isHit = (tag === FAR || tag === OTHER || tag === (FAR | OTHER)) &&
      entries[entry + HIGH] === ((address * PER_TWO_32) | 0);
    if (isHit) {
      const window = tag === FAR ? this.#main! : this.#windows[entry >>> 2]!;
      const at = (address + entries[entry + DELTA]!) >>> 0;
      if (isStore) {
        ram.store(window, at, size, false, low, high);
        return 0;
      }
      ram.load(window, at, size, false, value);
      this.upper = value.high | 0;
      return value.low | 0;
    }
    const { section } = this;
    engine.checkRange(address, size);
    const page = address - address % PAGE;
    if (entries[entry] !== (page | IO)) {
      const target = this.#target;
      const view = this.#view;
      engine.walk.translate(section, this.#space, view, page, PAGE, false, NO_ATTRS, target);
      const isMemory = isDirect(target.flags, false);
      // What an IOMMU says changes without a new map.
      if (isMemory && !target.translated && target.length === PAGE) {
        const window = ram.locate(section, target.region, engine.ramAddr(section, target));
        const fits = ram.contiguous >= PAGE && ram.at % 8 === 0 && ram.at <= 2 ** 32 - PAGE;
        if (fits) this.#set(entry, page, window, ram.at, target.flags);
      } else if (!isMemory && !target.translated) {
        // A page that is memory in parts, or that an IOMMU translates, is no page of a device.
        entries[entry + READ] = page | IO;
        entries[entry + WRITE] = NONE;
      }
    }
    if (isStore) {
      this.result = engine.store(this, this.#space, address, size, false, low, high, NO_ATTRS);
      if (this.result !== MemTxResult.OK && this.#isRom(address)) this.result = MemTxResult.OK;
      return 0;
    }
    this.result = engine.load(this, this.#space, address, size, false, NO_ATTRS);
    this.upper = value.high | 0;
    return value.low | 0;
  }

  /** Whether an address shows ROM: a decode error for a device, but none for a CPU. */
  #isRom(address: number): boolean {
    const target = this.#target;
    const { section } = this;
    const view = this.#space.view(section);
    this.#engine.walk.translate(section, this.#space, view, address, 1, true, NO_ATTRS, target);
    const { flags } = target;
    return (flags & RangeFlag.RAM) !== 0 && (flags & RangeFlag.READONLY) !== 0 &&
      (flags & RangeFlag.RAM_DEVICE) === 0;
  }

  #set(entry: number, page: number, window: RamWindow, at: number, flags: number): void {
    if (this.#main === null || window.buffer.byteLength > this.#main.buffer.byteLength) {
      this.#setMain(window);
    }
    const high = (page * PER_TWO_32) | 0;
    const tag = page | (high === 0 ? 0 : FAR) | (window === this.#main ? 0 : OTHER);
    const entries = this.#entries;
    entries[entry + READ] = tag;
    entries[entry + DELTA] = at - page;
    entries[entry + HIGH] = high;
    const isWritable = isDirect(flags, true) && (flags & DIRTY_LOG_BITS) === 0;
    entries[entry + WRITE] = isWritable ? tag : NONE;
    this.#windows[entry >>> 2] = window;
  }

  #setMain(window: RamWindow): void {
    this.flush();
    this.#main = window;
    this.#words = window.i32;
    this.#bytes = window.u8;
    this.#halves = this.#engine.ram.words16(window);
  }
}
